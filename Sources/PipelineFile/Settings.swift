// Owns `bobbin.yaml` in a project's root: what the project says once for all of its pipeline files. An empty file only
// marks the root.

import Foundation
import Workflow

/// A project's settings.
public struct Settings: Sendable, Hashable {
  public typealias PlatformFact = KeySettings.PlatformFact

  /// A text in every key; another one disowns all results from before. Nil: none.
  public var salt: String?
  /// What of the platform is in every key.
  public var platform: Set<PlatformFact>
  /// The bytes that the store may have; what is over goes after a run. Nil: it has no bound.
  public var cacheBound: Int?
  /// Where the index of a new store lies, on a disk of the machine that drivers run on; nil: in the store.
  public var indexFolder: String?
  /// The ids of the GPUs that runs use here; nil: all that there are. In no key.
  public var gpus: [String]?
  /// What runs on a cluster ask of it. In no key.
  public var slurm = SlurmSettings()
  /// Where results are shared, after what the pipeline file says. In no key.
  public var remotes: [RemoteSetting]
  /// The keys whose results are taken from remotes; nil: everybody's. In no key.
  public var trust: [TrustedKey]?

  public init(
    salt: String? = nil, platform: Set<PlatformFact> = [], cacheBound: Int? = nil, gpus: [String]? = nil,
    remotes: [RemoteSetting] = []
  ) {
    self.salt = salt
    self.platform = platform
    self.cacheBound = cacheBound
    self.gpus = gpus
    self.remotes = remotes
  }

  /// The name of the file.
  static let fileName = "bobbin.yaml"

  /// The settings of the project at `root`; the defaults where there is no file, or an empty one.
  /// - Parameter kinds: the names of the stage kinds that there are; nil where they don't matter.
  /// - Throws: `PipelineFileError`, with places.
  public static func load(root: URL, kinds: [String]? = nil) throws -> Settings {
    let url = root.appendingPathComponent(fileName)
    guard FileManager.default.fileExists(atPath: url.path) else { return Settings() }
    return try Settings(text: try Reading.text(of: url, named: fileName), kinds: kinds)
  }

  /// - Throws: `PipelineFileError`, with places.
  init(text: String, kinds: [String]? = nil) throws {
    guard let raw = try Reading.value(in: text, named: Settings.fileName) else {
      self.init()
      return
    }
    do { self = try Settings(raw, kinds: kinds) } catch let issue as DecodingIssue {
      throw PipelineFileError([issue])
    }
  }

  private init(_ raw: RawValue, kinds: [String]?) throws {
    if case .null = raw {
      self.init()
      return
    }
    guard case .map(let members, _) = raw else {
      throw DecodingIssue(
        raw.place,
        "expected a map with salt, platform, cache, gpus, remotes, slurm and trust, found \(raw.found)")
    }
    let keys = try Keys(members, known: ["salt", "platform", "cache", "gpus", "remotes", "slurm", "trust"])
    var salt: String?
    if let raw = keys["salt"] {
      guard case .scalar(let text, _, _) = raw, !text.isEmpty else {
        throw DecodingIssue(raw.place, "salt: expected a text, found \(raw.found)")
      }
      salt = text
    }
    let known = PlatformFact.allCases.map(\.rawValue)
    var platform: Set<PlatformFact> = []
    for raw in try keys.list("platform") {
      guard case .scalar(let text, _, let place) = raw else {
        throw DecodingIssue(raw.place, "platform: expected one of \(known.joined(separator: ", "))")
      }
      guard let fact = PlatformFact(rawValue: text) else {
        throw DecodingIssue(place, "platform: there is no fact '\(text)'\(suggestion(for: text, in: known))")
      }
      guard platform.insert(fact).inserted else {
        throw DecodingIssue(place, "platform: '\(text)' is written twice")
      }
    }
    var gpus: [String]?
    if keys["gpus"] != nil {
      gpus = try keys.list("gpus").map { raw in
        guard case .scalar(let id, _, _) = raw, !id.isEmpty, !id.contains(",") else {
          throw DecodingIssue(raw.place, "gpus: expected the id of a GPU such as 0, found \(raw.found)")
        }
        return id
      }
      if Set(gpus!).count < gpus!.count {
        throw DecodingIssue(keys.place("gpus"), "gpus: an id is written twice")
      }
    }
    self.init(
      salt: salt, platform: platform, cacheBound: try Settings.cacheBound(keys["cache"]), gpus: gpus,
      remotes: try keys["remotes"].map { try RemoteSetting.list($0, "remotes") } ?? [])
    indexFolder = try Settings.indexFolder(keys["cache"])
    slurm = try Settings.slurm(keys["slurm"], kinds)
    trust = members.contains { $0.name == "trust" } ? try Settings.trust(keys) : nil
  }

  /// `cache: { index: /var/tmp/bobbin }`
  private static func indexFolder(_ raw: RawValue?) throws -> String? {
    guard case .map(let members, _)? = raw,
      let folder = try Keys(members, known: ["bound", "index"])["index"]
    else { return nil }
    guard case .scalar(let path, _, _) = folder, path.hasPrefix("/") else {
      throw DecodingIssue(
        folder.place,
        "cache: index: expected the absolute path of a folder on a local disk, found \(folder.found)")
    }
    return path
  }

  /// `cache: { bound: 50G }`
  private static func cacheBound(_ raw: RawValue?) throws -> Int? {
    guard let raw else { return nil }
    guard case .map(let members, _) = raw else {
      throw DecodingIssue(raw.place, "cache: expected a map with bound and index, found \(raw.found)")
    }
    guard let bound = try Keys(members, known: ["bound", "index"])["bound"] else { return nil }
    guard case .scalar(let text, _, _) = bound, let bytes = Quantity.bytes(text) else {
      throw DecodingIssue(bound.place, "cache: bound: expected a size such as 50G, found \(bound.found)")
    }
    return bytes
  }

  /// `slurm: { partition: main, account: lab, sbatch: [--qos=long], binary: /shared/bin/bobbin, resources: { train: {
  /// cpus: 8, memory: 16G, time: 8h, gpus: 1 } } }`
  private static func slurm(_ raw: RawValue?, _ kinds: [String]?) throws -> SlurmSettings {
    var settings = SlurmSettings()
    guard let raw else { return settings }
    guard case .map(let members, _) = raw else {
      throw DecodingIssue(
        raw.place,
        "slurm: expected a map with partition, account, sbatch, binary and resources, found \(raw.found)")
    }
    let keys = try Keys(members, known: ["partition", "account", "sbatch", "binary", "resources"])
    func word(_ raw: RawValue, _ name: String, _ example: String) throws -> String {
      guard case .scalar(let text, _, _) = raw, !text.isEmpty, !text.utf8.contains(0) else {
        throw DecodingIssue(raw.place, "slurm: \(name): expected \(example), found \(raw.found)")
      }
      return text
    }
    settings.partition = try keys["partition"].map { try word($0, "partition", "the name of one") }
    settings.account = try keys["account"].map { try word($0, "account", "the name of one") }
    settings.binary = try keys["binary"].map { raw in
      let path = try word(raw, "binary", "a path that the cluster's machines have")
      guard path.hasPrefix("/") else {
        throw DecodingIssue(raw.place, "slurm: binary: expected an absolute path, found '\(path)'")
      }
      return path
    }
    settings.words = try keys.list("sbatch").map { raw in
      let text = try word(raw, "sbatch", "an option such as --qos=long")
      guard text.hasPrefix("-") else {
        throw DecodingIssue(
          raw.place, "slurm: sbatch: expected an option such as --qos=long, one a word, found '\(text)'")
      }
      return text
    }
    for member in try keys.map("resources").members {
      if let kinds, !kinds.contains(member.name) {
        throw DecodingIssue(
          member.place,
          "slurm: resources: there is no stage kind '\(member.name)'\(suggestion(for: member.name, in: kinds))"
        )
      }
      settings.needs[member.name] = try PlainValues(params: try Parameters(nil)).resources(member.value)
    }
    return settings
  }
}

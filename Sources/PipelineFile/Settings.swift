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
  /// The ids of the GPUs that runs use here; nil: all that there are. In no key.
  public var gpus: [String]?

  public init(
    salt: String? = nil, platform: Set<PlatformFact> = [], cacheBound: Int? = nil, gpus: [String]? = nil
  ) {
    self.salt = salt
    self.platform = platform
    self.cacheBound = cacheBound
    self.gpus = gpus
  }

  /// The name of the file.
  static let fileName = "bobbin.yaml"

  /// The settings of the project at `root`; the defaults where there is no file, or an empty one.
  /// - Throws: `PipelineFileError`, with places.
  public static func load(root: URL) throws -> Settings {
    let url = root.appendingPathComponent(fileName)
    guard FileManager.default.fileExists(atPath: url.path) else { return Settings() }
    guard let raw = try Reading.value(in: try Reading.text(of: url, named: fileName), named: fileName) else {
      return Settings()
    }
    do { return try Settings(raw) } catch let issue as DecodingIssue { throw PipelineFileError([issue]) }
  }

  private init(_ raw: RawValue) throws {
    if case .null = raw {
      self.init()
      return
    }
    guard case .map(let members, _) = raw else {
      throw DecodingIssue(
        raw.place, "expected a map with salt, platform, cache and gpus, found \(raw.found)")
    }
    let keys = try Keys(members, known: ["salt", "platform", "cache", "gpus"])
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
      salt: salt, platform: platform, cacheBound: try Settings.cacheBound(keys["cache"]), gpus: gpus)
  }

  /// `cache: { bound: 50G }`
  private static func cacheBound(_ raw: RawValue?) throws -> Int? {
    guard let raw else { return nil }
    guard case .map(let members, _) = raw else {
      throw DecodingIssue(raw.place, "cache: expected a map with bound, found \(raw.found)")
    }
    guard let bound = try Keys(members, known: ["bound"])["bound"] else { return nil }
    guard case .scalar(let text, _, _) = bound, let bytes = Quantity.bytes(text) else {
      throw DecodingIssue(bound.place, "cache: bound: expected a size such as 50G, found \(bound.found)")
    }
    return bytes
  }
}

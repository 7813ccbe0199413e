// Owns what decides an instance's result. One walk writes its canonical text, which is hashed for the key, stored
// in the record, shown by explanations and sent to workers.

import Canonical
import ContentStore

/// Everything that decides an instance's result.
public struct Action: Sendable, Hashable {
  /// The version of this layout; it changes when the same action would mean something else.
  public static let formatVersion = 2

  /// A list with more members than this stands by the digest of its text, so that records stay small whatever the
  /// fan-in.
  public static let longestList = 64

  /// The canonical text, the key's preimage.
  public let text: String
  /// SHA-256 of the text.
  public let key: Digest
  /// The texts of lists that stand by their digests. They are kept with the record.
  public let lists: [String]

  /// An action read back from a record; the texts of its long lists are blobs of that.
  public init(json: JSON) { self.init(text: json.canonical, lists: []) }

  /// An action whose canonical text is known.
  init(text: String, lists: [String]) {
    self.text = text
    self.lists = lists
    key = .of(text.utf8)
  }

  /// The action as a tree, parsed from the text at each call.
  public var json: JSON {
    guard let json = try? JSON(parsing: text) else {
      preconditionFailure("BUG: an action isn't JSON: \(text)")
    }
    return json
  }

  /// What decides an instance's result besides the instance itself.
  public struct Circumstances {
    /// The digest of the code manifest.
    public var code: Digest
    /// For source `s` of `instance.inputs[b]`, the artifact that is read: the part that the input asks for.
    public var inputs: (_ b: Int, _ s: Int) -> Artifact
    /// The instance behind a source, for the labels of labelled inputs.
    public var sources: (Int) -> Instance
    /// The content of `instance.externals[n]`.
    public var externals: (_ n: Int) -> Artifact
    /// The declared variables that are set.
    public var environment: [String: String]
    /// Keyed digests of those that are secret.
    public var secrets: [String: Digest]
    /// What the project wants to have in every key.
    public var settings: KeySettings
    /// What computes.
    public var platform: Platform
    /// Of a traced command, what it opens without declaring it.
    var observed: Observation?

    public init(
      code: Digest, inputs: @escaping (Int, Int) -> Artifact, sources: @escaping (Int) -> Instance,
      externals: @escaping (Int) -> Artifact = { _ in preconditionFailure("BUG: no files outside") },
      environment: [String: String] = [:], secrets: [String: Digest] = [:],
      settings: KeySettings = KeySettings(), platform: Platform = Platform()
    ) {
      self.code = code
      self.inputs = inputs
      self.sources = sources
      self.externals = externals
      self.environment = environment
      self.secrets = secrets
      self.settings = settings
      self.platform = platform
    }
  }

  /// The action of `instance`.
  public init(_ instance: Instance, _ circumstances: Circumstances) {
    var text: [UInt8] = []
    var lists: [String] = []
    Action.write(instance, circumstances, into: &text) { lists.append(String(decoding: $0, as: UTF8.self)) }
    self.init(text: String(decoding: text, as: UTF8.self), lists: lists)
  }

  /// Puts the canonical text of `instance`'s action into `out`: what `JSON.canonical` would give for the same members.
  /// It is written straight, and mostly hashed only, since a pipeline has 100,000 of them.
  /// - Parameters:
  ///   - leavingOut: parameters and inputs that are no part of it: those in which members of a group may differ.
  ///   - long: told the text of each list that stands by its digest.
  static func write(
    _ instance: Instance, _ now: Circumstances, leavingOut: Set<String> = [], into out: inout [UInt8],
    long: ([UInt8]) -> Void = { _ in }
  ) {
    out.removeAll(keepingCapacity: true)
    out.spell("{\"code\":\"")
    now.code.appendHex(to: &out)
    out.spell("\"")
    if instance.commandCode != nil {
      out.spell(",\"commands\":")
      out.put(JSON.integer(CommandText.semanticsVersion))
    }
    if !instance.environment.isEmpty {
      let variables = instance.environment.map { name -> (String, JSON) in
        let digest = instance.secrets.contains(name) ? now.secrets[name] : nil
        if let digest { return (name, ["secret": .string(digest.hex)]) }
        let value = now.environment[name].map(JSON.string)
        precondition(value == nil || !instance.secrets.contains(name), "BUG: a secret without a digest")
        return (name, value ?? .null)
      }
      out.spell(",\"environment\":")
      out.put(JSON.object(Dictionary(variables) { first, _ in first }))
    }
    out.spell(",\"inputs\":{")
    // Bindings in the canonical order of their names: internal ones first, then external ones, by position.
    let bindings = instance.inputs
    let externals = instance.externals
    func name(_ position: Int) -> String {
      position < bindings.count ? bindings[position].name : externals[position - bindings.count].name
    }
    var positions = Array(0..<bindings.count + externals.count)
    if !leavingOut.isEmpty {
      positions.removeAll { $0 < bindings.count && leavingOut.contains(bindings[$0].name) }
    }
    if positions.count > 1 {
      positions.sort { name($0).utf8.lexicographicallyPrecedes(name($1).utf8) }
    }
    for (n, position) in positions.enumerated() {
      if n > 0 { out.spell(",") }
      out.put(JSON.string(name(position)))
      out.spell(":")
      guard position < bindings.count else {
        out.put(now.externals(position - bindings.count))
        continue
      }
      let binding = bindings[position]
      guard binding.sources.count > longestList else {
        write(binding, position, now, into: &out)
        continue
      }
      var list: [UInt8] = []
      write(binding, position, now, into: &list)
      long(list)
      out.spell("{\"list\":\"")
      Digest.of(list).appendHex(to: &out)
      out.spell("\",\"members\":")
      out.put(JSON.integer(binding.sources.count))
      out.spell("}")
    }
    out.spell("},\"kind\":")
    out.put(JSON.string(instance.kind.name))
    if let observed = now.observed {
      out.spell(",\"observed\":")
      out.put(observed.json)
    }
    out.spell(",\"parameters\":")
    if leavingOut.isEmpty {
      instance.appendParameters(to: &out)
    } else {
      out.put(
        JSON.object((instance.parameters.objectValue ?? [:]).filter { !leavingOut.contains($0.key) }))
    }
    if let facts = now.settings.facts(of: now.platform) {
      out.spell(",\"platform\":")
      out.put(facts)
    }
    if let salt = now.settings.salt {
      out.spell(",\"salt\":")
      out.put(JSON.string(salt))
    }
    out.spell(",\"version\":")
    out.put(JSON.integer(Action.formatVersion))
    out.spell("}")
  }

  /// What an input reads: one artifact, or a list.
  private static func write(
    _ binding: InputBinding, _ position: Int, _ now: Circumstances, into out: inout [UInt8]
  ) {
    if binding.isList { out.spell("[") }
    for (s, source) in binding.sources.enumerated() {
      if s > 0 { out.spell(",") }
      let artifact = now.inputs(position, s)
      guard binding.labelled else {
        out.put(artifact)
        continue
      }
      let origin = now.sources(source.instance)
      let labels = origin.labels.map { JSON.array([.string($0.axis), .string($0.value)]) }
      out.put(["artifact": artifact.json, "labels": .array(labels), "stage": .string(origin.stage)])
    }
    if binding.isList { out.spell("]") }
  }
}

extension [UInt8] {
  fileprivate mutating func spell(_ text: StaticString) {
    text.withUTF8Buffer { append(contentsOf: $0) }
  }

  fileprivate mutating func put(_ json: JSON) { json.write(to: &self) }

  /// `artifact.json`, canonical.
  fileprivate mutating func put(_ artifact: Artifact) {
    switch artifact.form {
    case .blob: spell("{\"blob\":\"")
    case .manifest: spell("{\"manifest\":\"")
    }
    artifact.digest.appendHex(to: &self)
    spell("\",\"size\":")
    put(JSON.integer(artifact.size))
    spell("}")
  }
}

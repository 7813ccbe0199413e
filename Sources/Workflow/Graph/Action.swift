// Owns what decides an instance's result. One walk writes its canonical text, which is hashed for the key, stored
// in the record, shown by explanations and sent to workers.

import Canonical
import ContentStore

/// Everything that decides an instance's result.
public struct Action: Sendable, Hashable {
  /// The version of this layout; it changes when the same action would mean something else.
  public static let formatVersion = 1

  /// The canonical text, the key's preimage.
  public let text: String
  /// SHA-256 of the text.
  public let key: Digest

  /// An action read back from a record.
  public init(json: JSON) { self.init(text: json.canonical) }

  /// An action whose canonical text is known.
  init(text: String) {
    self.text = text
    key = .of(text.utf8)
  }

  /// The action as a tree, parsed from the text at each call.
  public var json: JSON {
    guard let json = try? JSON(parsing: text) else {
      preconditionFailure("BUG: an action isn't JSON: \(text)")
    }
    return json
  }

  /// The action of `instance`.
  /// - Parameters:
  ///   - code: the digest of the code manifest.
  ///   - inputs: for each of `instance.inputs`, the artifact of each source.
  ///   - sources: the instance behind each source, for the labels of labelled inputs.
  ///   - externals: for each of `instance.externals`, its content.
  ///   - environment: the declared variables that are set.
  public init(
    _ instance: Instance, code: Digest, inputs: [[Artifact]], sources: (Int) -> Instance,
    externals: [Artifact], environment: [String: String]
  ) {
    var text: [UInt8] = []
    Action.write(
      instance, code: code, inputs: { inputs[$0][$1] }, sources: sources, externals: { externals[$0] },
      environment: environment, into: &text)
    self.init(text: String(decoding: text, as: UTF8.self))
  }

  /// Puts the canonical text of `instance`'s action into `out`: what `JSON.canonical` would give for the same members.
  /// It is written straight, and mostly hashed only, since a pipeline has 100,000 of them.
  static func write(
    _ instance: Instance, code: Digest, inputs: (_ binding: Int, _ source: Int) -> Artifact,
    sources: (Int) -> Instance, externals: (Int) -> Artifact, environment: [String: String],
    into out: inout [UInt8]
  ) {
    out.removeAll(keepingCapacity: true)
    out.spell("{\"code\":\"")
    code.appendHex(to: &out)
    out.spell("\"")
    if !instance.environment.isEmpty {
      let variables = instance.environment.map { ($0, environment[$0].map(JSON.string) ?? .null) }
      out.spell(",\"environment\":")
      out.put(JSON.object(Dictionary(variables) { first, _ in first }))
    }
    out.spell(",\"inputs\":{")
    // Bindings in the canonical order of their names: internal ones first, then external ones, by position.
    let bindings = instance.inputs
    var positions = Array(0..<bindings.count + instance.externals.count)
    func name(_ position: Int) -> String {
      position < bindings.count
        ? bindings[position].name : instance.externals[position - bindings.count].name
    }
    if positions.count > 1 {
      positions.sort { name($0).utf8.lexicographicallyPrecedes(name($1).utf8) }
    }
    for (n, position) in positions.enumerated() {
      if n > 0 { out.spell(",") }
      out.put(JSON.string(name(position)))
      out.spell(":")
      guard position < bindings.count else {
        out.put(externals(position - bindings.count))
        continue
      }
      let isList = bindings[position].isList
      if isList { out.spell("[") }
      for (s, source) in bindings[position].sources.enumerated() {
        if s > 0 { out.spell(",") }
        let artifact = inputs(position, s)
        guard bindings[position].labelled else {
          out.put(artifact)
          continue
        }
        let origin = sources(source.instance)
        let labels = origin.labels.map { JSON.array([.string($0.axis), .string($0.value)]) }
        out.put(["artifact": artifact.json, "labels": .array(labels), "stage": .string(origin.stage)])
      }
      if isList { out.spell("]") }
    }
    out.spell("},\"kind\":")
    out.put(JSON.string(instance.kind.name))
    out.spell(",\"parameters\":")
    out.put(instance.parameters)
    out.spell(",\"version\":")
    out.put(JSON.integer(Action.formatVersion))
    out.spell("}")
  }
}

extension [UInt8] {
  fileprivate mutating func spell(_ text: StaticString) {
    text.withUTF8Buffer { append(contentsOf: $0) }
  }

  fileprivate mutating func put(_ json: JSON) {
    var text = json.canonical
    text.withUTF8 { append(contentsOf: $0) }
  }

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

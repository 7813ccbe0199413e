// Owns what decides an instance's result. One walk writes its canonical text, which is hashed for the key, stored
// in the record, shown by explanations and sent to workers.

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

  private init(text: String) {
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

  /// The action of `instance`. The text is written straight, since a pipeline has 100,000 of them; it is what
  /// `JSON.canonical` would give for the same members.
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
    var out = "{\"code\":\""
    out += code.hex
    out += "\""
    if !instance.environment.isEmpty {
      let variables = instance.environment.map { ($0, environment[$0].map(JSON.string) ?? .null) }
      out += ",\"environment\":"
      out += JSON.object(Dictionary(variables) { first, _ in first }).canonical
    }
    out += ",\"inputs\":{"
    // Bindings in the canonical order of their names; few, so sorting positions is cheap.
    let names = instance.inputs.map(\.name) + instance.externals.map(\.name)
    var positions = Array(names.indices)
    if positions.count > 1 {
      positions.sort { names[$0].utf8.lexicographicallyPrecedes(names[$1].utf8) }
    }
    for (n, position) in positions.enumerated() {
      if n > 0 { out += "," }
      out += JSON.string(names[position]).canonical
      out += ":"
      if position < inputs.count {
        Action.write(instance.inputs[position], inputs[position], sources, to: &out)
      } else {
        Action.write(externals[position - inputs.count], to: &out)
      }
    }
    out += "},\"kind\":"
    out += JSON.string(instance.kind.name).canonical
    out += ",\"parameters\":"
    out += instance.parameters.canonical
    out += ",\"version\":"
    out += String(Action.formatVersion)
    out += "}"
    self.init(text: out)
  }

  private static func write(
    _ binding: InputBinding, _ artifacts: [Artifact], _ sources: (Int) -> Instance, to out: inout String
  ) {
    if binding.isList { out += "[" }
    for (n, (source, artifact)) in zip(binding.sources, artifacts).enumerated() {
      if n > 0 { out += "," }
      guard binding.labelled else {
        write(artifact, to: &out)
        continue
      }
      let origin = sources(source.instance)
      let labels = origin.labels.map { JSON.array([.string($0.axis), .string($0.value)]) }
      out +=
        JSON.object([
          "artifact": artifact.json, "labels": .array(labels), "stage": .string(origin.stage),
        ]).canonical
    }
    if binding.isList { out += "]" }
  }

  /// `artifact.json`, canonical.
  private static func write(_ artifact: Artifact, to out: inout String) {
    out += "{\""
    out += artifact.form.rawValue
    out += "\":\""
    out += artifact.digest.hex
    out += "\",\"size\":"
    out += String(artifact.size)
    out += "}"
  }
}

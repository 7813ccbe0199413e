// Owns what decides an instance's result. One walk builds it; its canonical text is hashed for the key, stored
// in the record, shown by explanations and sent to workers.

import ContentStore

/// Everything that decides an instance's result.
public struct Action: Sendable, Hashable {
  /// The version of this layout; it changes when the same action would mean something else.
  public static let formatVersion = 1

  public let json: JSON
  /// The canonical text, the key's preimage.
  public let text: String
  /// SHA-256 of the text.
  public let key: Digest

  /// An action read back from a record.
  public init(json: JSON) {
    self.json = json
    text = json.canonical
    key = .of(text.utf8)
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
    externals: [Artifact],
    environment: [String: String]
  ) {
    var inputMembers: [String: JSON] = [:]
    for (binding, artifacts) in zip(instance.inputs, inputs) {
      let members = zip(binding.sources, artifacts).map { source, artifact -> JSON in
        guard binding.labelled else { return artifact.json }
        let origin = sources(source.instance)
        let labels = origin.labels.map { JSON.array([.string($0.axis), .string($0.value)]) }
        return ["artifact": artifact.json, "labels": .array(labels), "stage": .string(origin.stage)]
      }
      inputMembers[binding.name] = binding.isList ? .array(members) : members[0]
    }
    for (binding, artifact) in zip(instance.externals, externals) {
      inputMembers[binding.name] = artifact.json
    }
    var members: [String: JSON] = [
      "version": .integer(Action.formatVersion),
      "kind": .string(instance.kind.name),
      "code": .string(code.hex),
      "parameters": instance.parameters,
      "inputs": .object(inputMembers),
    ]
    if !instance.environment.isEmpty {
      members["environment"] = .object(
        Dictionary(
          instance.environment.map { name in (name, environment[name].map(JSON.string) ?? .null) }
        ) { first, _ in first })
    }
    self.init(json: .object(members))
  }
}

// Owns reading back from an action what it had for inputs.

import Canonical
import ContentStore

/// The contents that an action reads, by the input's name, in the input's order.
struct RecordedInputs {
  private(set) var artifacts: [String: [Artifact]] = [:]

  /// - Parameter list: reads a long list by its digest; nil when it can't be had, and then its members aren't known.
  init(_ action: JSON, list: (Digest) -> JSON?) {
    for (name, input) in action["inputs"]?.objectValue ?? [:] {
      let long = input["list"]?.stringValue.flatMap { Digest(hex: $0) }.flatMap(list)
      let members = (long ?? input).arrayValue ?? [input]
      artifacts[name] = members.compactMap { Artifact(json: $0["artifact"] ?? $0) }
    }
  }
}

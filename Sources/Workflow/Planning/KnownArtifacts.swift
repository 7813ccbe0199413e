// Owns what is known of outputs: an artifact for each declared output of each instance, in one array.

import Canonical
import ContentStore

/// The artifacts of a graph's instances, as far as they are known.
struct KnownArtifacts: Sendable {
  private let instances: Instances
  private var artifacts: [Artifact]
  private var known: [Bool]

  init(_ instances: Instances) {
    self.instances = instances
    let none = Artifact(.blob, .of([]), size: 0)
    artifacts = Array(repeating: none, count: instances.outputCount)
    known = Array(repeating: false, count: instances.count)
  }

  func areKnown(_ i: Int) -> Bool { known[i] }

  /// An output of instance `i` by its name; nil where it isn't known.
  func artifact(_ i: Int, _ output: String) -> Artifact? {
    guard known[i] else { return nil }
    let outputs = instances[i].its.facts.outputs
    return outputs.firstIndex { $0.name == output }.map {
      artifacts[instances.outputs(of: i).lowerBound + $0]
    }
  }

  /// The declared outputs of an instance by their names; nil as long as they aren't known. Whatever else is given isn't
  /// kept.
  subscript(i: Int) -> [String: Artifact]? {
    get {
      guard known[i] else { return nil }
      let range = instances.outputs(of: i)
      return Dictionary(
        uniqueKeysWithValues: zip(instances[i].its.facts.outputs, range).map { ($0.name, artifacts[$1]) })
    }
    set {
      known[i] = newValue != nil
      guard let newValue else { return }
      for (output, n) in zip(instances[i].its.facts.outputs, instances.outputs(of: i)) {
        guard let artifact = newValue[output.name] else {
          preconditionFailure("BUG: '\(output.name)' of \(instances[i].name) isn't known with the others")
        }
        artifacts[n] = artifact
      }
    }
  }
}

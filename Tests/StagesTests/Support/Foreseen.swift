// What a kind says before it runs.

import Canonical
import Stages
import Testing
import Workflow

/// What is foreseen of an instance with these parameters and facts of inputs.
func foreseen(
  _ name: String, _ parameters: JSON, _ inputs: [String: [Foresight.Member]] = [:]
) throws -> KindDescription.Foreseen {
  let kind = try #require(KindCatalogue(stageKinds())[name])
  guard case .map(let members, let place) = RawValue(parameters) else {
    preconditionFailure("parameters are an object")
  }
  return kind.foresee(parameters: try kind.decode(members, at: place), inputs: inputs, files: [:])
}

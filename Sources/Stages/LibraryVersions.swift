// Owns which libraries compute here, for the facts of every record. They decide bits and aren't in the key.

import Canonical
import ContentStore
import NeuralNetworks
import Tensor

/// Names and versions of the numerics' libraries, and the instructions that they use here.
public func libraryVersions() -> JSON {
  var facts = ComputePlatform.facts
  facts["OpenBLAS"] = LinearAlgebraLibrary.version
  return .object(facts.mapValues(JSON.string))
}

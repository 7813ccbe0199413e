// Owns which libraries compute here, for the facts of every record. They decide bits and aren't in the key.

import Canonical
import ContentStore
import NeuralNetworks
import Tensor

/// Versions of the numerics' libraries by name; and under `kernels` what they chose for this process, which follows from
/// the versions, the processor and, unlike a worker's, the environment of whoever asks.
public func libraryVersions() -> JSON {
  let platform = ComputePlatform.facts
  let config = LinearAlgebraLibrary.version
  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH … Cooperlake MAX_THREADS=64"
  let version = config.split(separator: " ").first { $0.first?.isNumber == true }
  return [
    "oneDNN": .string(platform["oneDNN"] ?? ""), "OpenBLAS": .string(version.map(String.init) ?? config),
    "kernels": [
      "oneDNN": .string(platform["instructions"] ?? ""), "OpenBLAS": .string(config),
      "subnormals": .string(platform["subnormals"] ?? ""),
    ],
  ]
}

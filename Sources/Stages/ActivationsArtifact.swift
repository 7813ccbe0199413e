// Owns the way between activations and their artifact: one safetensors file that says of which samples they are.

import Canonical
import Datasets
import Formats
import Tensor
import Workflow

/// What a network makes of some samples at a cut.
struct SampleActivations {
  /// N × the shape at the cut.
  let values: Tensor
  /// Nil for a file that doesn't tell, of one's own script say.
  let samples: SampleIdentity?

  init(values: Tensor, samples: SampleIdentity) {
    self.values = values
    self.samples = samples
  }

  /// Opens the artifact.
  init(_ input: InputArtifact) throws {
    let file = try SafetensorsFile(contentsOf: input.url)
    values = try file.tensor("activations")
    guard let count = values.shape.first else {
      throw InputError(message: "the activations are a single number, expected samples first")
    }
    guard let name = file.metadata["samples"], let hex = file.metadata["samples_digest"] else {
      samples = nil
      return
    }
    guard let digest = Digest(hex: hex) else {
      throw InputError(message: "the activations of \(name) have no SHA-256 of their samples, but '\(hex)'")
    }
    samples = SampleIdentity(
      name: name, count: count, digest: digest, marks: file.metadata["marks"] ?? "none")
  }

  /// Writes the artifact, with each sample's index in its half.
  func write(to output: OutputArtifact, cut: String) throws {
    guard let samples else { preconditionFailure("BUG: activations of unknown samples are only read") }
    try SafetensorsFile.write(
      [
        "activations": StoredArray(values), "indices": StoredArray(integers: Array(0..<samples.count)),
      ],
      metadata: [
        "cut": cut, "samples": samples.name, "samples_digest": samples.digest.hex, "marks": samples.marks,
      ], to: output.url)
  }

  /// Throws unless both are of the same samples. Where one doesn't tell, the count has to do.
  func requireSameSamples(as other: SampleActivations) throws {
    let (n, m) = (values.shape[0], other.values.shape[0])
    func fail(_ problem: String) -> InputError {
      InputError(message: "\(problem); only representations of the same samples can be compared")
    }
    guard let x = samples, let y = other.samples else {
      guard n == m else { throw fail("x is of \(n) samples, y of \(m)") }
      return
    }
    if x.hasSameSamples(as: y) { return }
    if x.name != y.name { throw fail("x is of \(x.name), y of \(y.name)") }
    if n != m { throw fail("x is of \(n) samples of \(x.name), y of \(m)") }
    throw fail(
      "x and y are both of \(n) samples of \(x.name), but of different ones (SHA-256 \(x.digest.hex.prefix(8))… and "
        + "\(y.digest.hex.prefix(8))…)")
  }
}

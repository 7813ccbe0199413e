// Owns the way between activations and their artifact: one safetensors file that says of which samples they are.

import Canonical
import Datasets
import Formats
import Foundation
import Tensor
import Workflow

/// What a network makes of some samples at a cut.
struct SampleActivations {
  /// N × the shape at the cut.
  let values: Tensor
  /// Each sample's index in its half; nil where nobody said.
  let indices: [Int]?
  /// Nil for a file that doesn't tell, of one's own script say.
  let samples: SampleIdentity?

  /// What the axes of arrays with so many of them are: of vectors, tokens and images.
  private static let axes = [
    2: "samples × features", 3: "samples × tokens × width", 4: "samples × channels × height × width",
  ]

  init(values: Tensor, indices: [Int]?, samples: SampleIdentity?) {
    self.values = values
    self.indices = indices
    self.samples = samples
  }

  /// - Parameter metadata: a file's, which may tell of which samples the values are.
  init(values: Tensor, indices: [Int]?, metadata: [String: String]) throws {
    self.init(
      values: values, indices: indices,
      samples: try SampleIdentity(metadata: metadata, count: values.shape[0]))
  }

  /// Opens the artifact.
  init(_ input: InputArtifact) throws {
    let file = try SafetensorsFile(contentsOf: input.url)
    let values = try file.tensor("activations")
    guard !values.shape.isEmpty else {
      throw InputError(message: "the activations are a single number, expected samples first")
    }
    try self.init(values: values, indices: try file["indices"]?.integers(), metadata: file.metadata)
  }

  /// Writes the artifact, and what its axes are. `cut` is where in a network they are from; nil where nobody said.
  func write(to url: URL, cut: String?) throws {
    var arrays = ["activations": StoredArray(values)]
    if let indices { arrays["indices"] = StoredArray(integers: indices) }
    var metadata = samples?.metadata ?? [:]
    metadata["axes"] = Self.axes[values.shape.count]
    if let cut { metadata["cut"] = cut }
    try SafetensorsFile.write(arrays, metadata: metadata, to: url)
  }

  /// Throws unless both are of the same samples. Where one doesn't tell, their indices have to do, or their count.
  func requireSameSamples(as other: SampleActivations) throws {
    let (n, m) = (values.shape[0], other.values.shape[0])
    func fail(_ problem: String) -> InputError {
      InputError(message: "\(problem); only representations of the same samples can be compared")
    }
    guard let x = samples, let y = other.samples else {
      guard n == m else { throw fail("x is of \(n) samples, y of \(m)") }
      if let i = indices, let j = other.indices, let k = i.indices.first(where: { i[$0] != j[$0] }) {
        throw fail("sample \(k) of x is number \(i[k]) of its half, of y number \(j[k])")
      }
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

extension SampleIdentity {
  /// As an artifact's metadata tell it; nil where they don't.
  fileprivate init?(metadata: [String: String], count: Int) throws {
    guard let name = metadata["samples"], let hex = metadata["samples_digest"] else { return nil }
    guard let digest = Digest(hex: hex) else {
      throw InputError(message: "the activations of \(name) have no SHA-256 of their samples, but '\(hex)'")
    }
    self.init(name: name, count: count, digest: digest, marks: metadata["marks"] ?? "none")
  }

  fileprivate var metadata: [String: String] {
    ["samples": name, "samples_digest": digest.hex, "marks": marks]
  }
}

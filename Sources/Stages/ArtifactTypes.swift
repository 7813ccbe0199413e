// Owns the types of artifacts that the stage kinds exchange, and how they lie on disk.

import Workflow

extension ArtifactType {
  /// A folder for each half, `train` and `test`, with `description.json` and `samples.safetensors`.
  static let dataset = ArtifactType("dataset")
  /// A safetensors file: parameters by torchvision's names; architecture and standardisation in its metadata.
  static let model = ArtifactType("model", fileExtension: "safetensors")
  /// A folder: `map.safetensors`, `stitch.json`, and the front and end models.
  static let stitched = ArtifactType("stitched model")
  /// A safetensors file: `activations` (samples first), `indices` (of the samples in their split).
  static let activations = ArtifactType("activations", fileExtension: "safetensors")
  /// A JSON object of numbers by name.
  static let scores = ArtifactType("scores", fileExtension: "json")
  /// Comma-separated values with a header (RFC 4180).
  static let csv = ArtifactType("table", fileExtension: "csv")
  /// A list of JSON objects, one a row.
  static let rows = ArtifactType("rows", fileExtension: "json")
  static let figure = ArtifactType("figure", fileExtension: "svg")
}

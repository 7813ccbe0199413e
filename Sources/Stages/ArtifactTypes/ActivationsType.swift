// Owns the artifact type of activations: its name, and how it lies on disk.

import Workflow

extension ArtifactType {
  /// A safetensors file: `activations` (samples first), `indices` (of the samples in their split).
  static let activations = ArtifactType("activations", fileExtension: "safetensors")
}

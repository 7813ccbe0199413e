// Owns the artifact type of models: its name, and how it lies on disk.

import Workflow

extension ArtifactType {
  /// A safetensors file: parameters by torchvision's names; architecture and standardisation in its metadata.
  static let model = ArtifactType("model", fileExtension: "safetensors")
}

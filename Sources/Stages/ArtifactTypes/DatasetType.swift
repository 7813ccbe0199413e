// Owns the artifact type of datasets: its name, and how it lies on disk.

import Workflow

extension ArtifactType {
  /// A folder for each half, `train` and `test`, with `description.json` and `samples.safetensors`.
  static let dataset = ArtifactType("dataset")
}

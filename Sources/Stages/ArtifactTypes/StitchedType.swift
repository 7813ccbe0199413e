// Owns the artifact type of stitched models: its name, and how it lies on disk.

import Workflow

extension ArtifactType {
  /// A folder: `map.safetensors`, `stitch.json`, and the front and end models.
  static let stitched = ArtifactType("stitched_model")
}

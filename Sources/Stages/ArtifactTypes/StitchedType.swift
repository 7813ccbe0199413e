// Owns the artifact type of stitched models: its name, and how it lies on disk.

import Workflow

extension ArtifactType {
  /// A folder: `map.safetensors`, `stitch.json`, and the front and end models; where running statistics may have drifted
  /// while the map was fitted, `statistics.safetensors`, by `front.` or `end.` and the parameter's name.
  static let stitched = ArtifactType("stitched_model")
}

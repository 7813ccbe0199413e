// Owns the artifact type of figures: its name, and how it lies on disk.

import Workflow

extension ArtifactType {
  static let figure = ArtifactType("figure", fileExtension: "svg")
}

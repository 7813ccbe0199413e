// Owns the artifact type of scores: its name, and how it lies on disk.

import Workflow

extension ArtifactType {
  /// A JSON object of numbers by name.
  static let scores = ArtifactType("scores", fileExtension: "json")
}

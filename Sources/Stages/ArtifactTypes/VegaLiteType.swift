// Owns the artifact type of figures that other programs draw: its name, and how it lies on disk.

import Workflow

extension ArtifactType {
  /// A Vega-Lite description (JSON) with its data.
  static let vegaLite = ArtifactType("vega_lite", fileExtension: "json")
}

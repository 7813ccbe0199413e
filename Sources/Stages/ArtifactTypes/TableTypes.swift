// Owns the artifact types of tables: their names, and how they lie on disk.

import Workflow

extension ArtifactType {
  /// Comma-separated values with a header (RFC 4180).
  static let csv = ArtifactType("table", fileExtension: "csv")
  /// A list of JSON objects, one a row.
  static let rows = ArtifactType("rows", fileExtension: "json")
}

// Owns the way between a dataset and its artifact: one member for each half, which tells and holds all that its readers
// need, so that a change of one half leaves the other's digest as it is.

import Datasets
import Foundation
import Workflow

extension Half {
  /// Opens a half; samples are mapped, not read. An input asks for it by `part:`.
  init(_ half: InputArtifact) throws {
    try self.init(files: try half.entries.mapValues(\.url))
  }
}

extension Dataset {
  /// Writes the files of a new dataset.
  func writeDataset(to output: OutputArtifact) throws {
    try FileManager.default.createDirectory(at: output.url, withIntermediateDirectories: true)
    try write(to: output.url)
  }
}

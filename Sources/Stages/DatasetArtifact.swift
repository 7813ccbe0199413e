// Owns the way between a dataset and its artifact: one member for each half, which tells and holds all that its readers
// need, so that a change of one half leaves the other's digest as it is.

import Datasets
import Foundation
import Workflow

extension Half {
  /// Opens one half of a dataset artifact; samples are mapped, not read.
  init(_ split: Split, of dataset: InputArtifact) throws {
    let halves = try dataset.entries
    guard let half = halves[split.rawValue] else {
      let others = try halves.values.map { try Half($0).description.name }.sorted()
      throw InputError(
        message: "the dataset has no \(split) half, only \(others.joined(separator: " and "))")
    }
    try self.init(half)
  }

  /// Opens a half.
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

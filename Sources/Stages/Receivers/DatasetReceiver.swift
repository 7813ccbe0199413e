// Owns receiving datasets that a command wrote.

import Datasets
import Foundation
import Workflow

struct DatasetReceiver: ArtifactReceiver {
  static let type = ArtifactType.dataset
  static let help = "\(OwnArrays.file), or \(OwnArrays.folder)"

  func receive(_ written: URL, as output: OutputArtifact) throws {
    let arrays = try OwnArrays(at: written)
    try Dataset(
      name: written.deletingPathExtension().lastPathComponent, train: arrays.train, test: arrays.test
    ).writeDataset(to: output)
  }
}

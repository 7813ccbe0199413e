// Owns the way between a dataset and its artifact.

import Datasets
import Foundation
import Workflow

extension Dataset {
  /// Opens a dataset artifact; samples are mapped, not read.
  init(_ input: InputArtifact) throws {
    try self.init(files: try input.entries.mapValues(\.url))
  }

  /// Writes the files of a new dataset.
  func writeDataset(to output: OutputArtifact) throws {
    try FileManager.default.createDirectory(at: output.url, withIntermediateDirectories: true)
    try write(to: output.url)
  }
}

enum SplitName: String, ParameterChoice {
  case train, test
  var split: Split { self == .train ? .train : .test }
}

enum AugmentationName: String, ParameterChoice {
  case none
  case flipCrop = "flip+crop"
  var augmentation: Augmentation { self == .none ? .none : .flipCrop }
}

enum MarkingName: String, ParameterChoice {
  case marked, rolled, clean
  var marking: Marking { Marking(rawValue: rawValue)! }
}

// Owns the stage kind `dataset/svhn`.

import Datasets
import Foundation
import Workflow

struct DatasetSVHN: StageKind {
  static let name = "dataset/svhn"
  static let summary = "Street View House Numbers, cropped digits"
  static let discussion = """
    Reads train_32x32.mat and test_32x32.mat (Netzer et al. 2011): 32×32 colour images, class 10 of the file being the \
    digit 0.
    """

  @ExternalInput("folder with the two .mat files", matching: "*_32x32.mat") var path: URL
  @Parameter("take only the first so many training images", .atLeast(1)) var train: Int? = nil
  @Parameter("take only the first so many test images", .atLeast(1)) var test: Int? = nil
  @Output("the dataset", .dataset) var dataset: OutputArtifact

  func run(in context: StageContext) throws {
    try SVHN.read(directory: path, train: train, test: test).writeDataset(to: dataset)
  }
}

extension DatasetSVHN: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    foresight.knowPublished(
      "svhn", shape: SVHN.shape, classes: 10, classNames: SVHN.classNames, train: train, test: test,
      headers: SVHN.headers)
  }
}

// Owns the stage kind `dataset/cifar100`.

import Datasets
import Foundation
import Workflow

struct DatasetCIFAR100: StageKind {
  static let name = "dataset/cifar100"
  static let summary = "CIFAR-100 in its binary version"
  static let discussion = """
    Reads train.bin and test.bin: records of two label bytes (coarse, fine) and 3,072 pixels, planes R, G, B \
    (Krizhevsky 2009). `path` is the folder with them, or the published cifar-100-binary.tar.gz as it is, from \
    `fetch` for one.
    """

  @ExternalInput("folder or archive with the .bin files", matching: "train.bin", "test.bin") var path: URL
  @Parameter("100 fine classes, or the 20 coarse ones they fall into") var labels = CIFAR100.Labels.fine
  @Parameter("take only the first so many training images", .atLeast(1)) var train: Int? = nil
  @Parameter("take only the first so many test images", .atLeast(1)) var test: Int? = nil
  @Output("the dataset", .dataset) var dataset: OutputArtifact

  func run(in context: StageContext) throws {
    try CIFAR100.read(
      directory: PublishedFiles.folder(path, scratch: context.scratch, where: CIFAR100.reads),
      labels: labels, train: train, test: test
    ).writeDataset(to: dataset)
  }
}

extension DatasetCIFAR100: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    foresight.knowPublished(
      "cifar100", shape: CIFAR100.shape, classes: labels.classNames.count, classNames: labels.classNames,
      train: train, test: test, headers: CIFAR100.headers)
  }
}

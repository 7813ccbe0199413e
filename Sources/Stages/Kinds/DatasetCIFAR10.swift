// Owns the stage kind `dataset/cifar10`.

import Datasets
import Foundation
import Workflow

struct DatasetCIFAR10: StageKind {
  static let name = "dataset/cifar10"
  static let summary = "CIFAR-10 in its binary version"
  static let discussion = """
    Reads those of data_batch_1.bin … data_batch_5.bin that are there, in order, and test_batch.bin: records of \
    one label byte and 3,072 pixels, planes R, G, B (Krizhevsky 2009). `path` is the folder with them, or the \
    published cifar-10-binary.tar.gz as it is, from `fetch` for one.
    """

  @ExternalInput("folder or archive with the .bin files", matching: "data_batch_*.bin", "test_batch.bin")
  var path: URL
  @Parameter("take only the first so many training images", .atLeast(1)) var train: Int? = nil
  @Parameter("take only the first so many test images", .atLeast(1)) var test: Int? = nil
  @Output("the dataset", .dataset) var dataset: OutputArtifact

  func run(in context: StageContext) throws {
    try CIFAR10.read(
      directory: PublishedFiles.folder(path, scratch: context.scratch, where: CIFAR10.reads), train: train,
      test: test
    ).writeDataset(to: dataset)
  }
}

extension DatasetCIFAR10: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    foresight.knowPublished(
      "cifar10", shape: CIFAR10.shape, classes: 10, classNames: CIFAR10.classNames, train: train, test: test,
      headers: CIFAR10.headers)
  }
}

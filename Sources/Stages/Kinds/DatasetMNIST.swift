// Owns the stage kind `dataset/mnist`.

import Datasets
import Foundation
import Workflow

struct DatasetMNIST: StageKind {
  static let name = "dataset/mnist"
  static let summary = "MNIST, or any dataset in its IDX files"
  static let discussion = """
    Reads train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, \
    plain or with .gz (LeCun et al. 1998), in a folder or a .tar or .tar.gz.
    """

  @ExternalInput("folder or archive with the four IDX files", matching: "*-ubyte", "*-ubyte.gz") var path: URL
  @Parameter("take only the first so many training images", .atLeast(1)) var train: Int? = nil
  @Parameter("take only the first so many test images", .atLeast(1)) var test: Int? = nil
  @Output("the dataset", .dataset) var dataset: OutputArtifact

  func run(in context: StageContext) throws {
    try MNIST.read(
      directory: PublishedFiles.folder(path, scratch: context.scratch, where: MNIST.reads), train: train,
      test: test
    ).writeDataset(to: dataset)
  }
}

extension DatasetMNIST: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    foresight.knowPublished(
      "mnist", shape: nil, classes: 10, train: train, test: test, headers: MNIST.headers)
  }
}

// Owns the stage kind `dataset/arrays`.

import Datasets
import Foundation
import Workflow

struct DatasetArrays: StageKind {
  static let name = "dataset/arrays"
  static let summary = "a dataset of one's own images or vectors, from .npy, .npz or .safetensors files"
  static let discussion = """
    Takes \(OwnArrays.file); or \(OwnArrays.folder). Either half may be absent, and so may labels. Samples are N × C × \
    H × W (uint8 pixels, or floats in [0, 1]) or N × D (any finite numbers). Networks take images; what networks make \
    of them, to be compared by `similarity`, is imported by activations/import.
    """

  @ExternalInput("the file, or the folder with the files", matching: "train.*", "test.*") var path: URL
  @Parameter("what to call it") var title = "arrays"
  @Parameter("how many classes labels count over; by default what the labels show", .between(1, 65_536))
  var classes: Int? = nil
  @Output("the dataset", .dataset) var dataset: OutputArtifact

  func run(in context: StageContext) throws {
    let arrays = try OwnArrays(at: path)
    try Dataset(name: title, train: arrays.train, test: arrays.test, classes: classes).writeDataset(
      to: dataset)
  }
}

extension DatasetArrays: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    guard let folder = foresight.file("path") else { return }
    do {
      let sources = try OwnArrays(at: folder)
      let train = try sources.train.map { try $0.header }
      let test = try sources.test.map { try $0.header }
      if let one = train?.shape, let other = test?.shape, one.dropFirst() != other.dropFirst() {
        foresight.mistake(
          "path",
          "\(folder.path): test samples are \(Array(other.dropFirst())), expected \(Array(one.dropFirst())) as in train"
        )
      }
      var halves: [String: DatasetFacts.Half] = [:]
      if let train { halves["train"] = .init(samples: train.shape[0]) }
      if let test { halves["test"] = .init(samples: test.shape[0]) }
      let isLabelled = [train, test].compactMap { $0?.isLabelled }
      foresight.know(
        "dataset",
        DatasetFacts(
          name: title, shape: (train ?? test).map { Array($0.shape.dropFirst()) },
          // Without it, labels would have to be read.
          classes: classes,
          isLabelled: isLabelled.allSatisfy { $0 == isLabelled[0] } ? isLabelled[0] : nil, halves: halves,
          source: folder.path))
    } catch { foresight.mistake("path", "\(error)") }
  }
}

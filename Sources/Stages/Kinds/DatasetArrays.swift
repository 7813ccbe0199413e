// Owns the stage kind `dataset/arrays`.

import Datasets
import Foundation
import Workflow

struct DatasetArrays: StageKind {
  static let name = "dataset/arrays"
  static let summary = "one's own images or activations, from .npy, .npz or .safetensors files"
  static let discussion = """
    Of a folder: train.* and test.* (either may be absent), each .npz or .safetensors with arrays `samples` and \
    `labels`, or .npy with samples and beside it train.labels.npy. Samples are N × C × H × W (uint8 pixels, or \
    floats in [0, 1]) or N × D (any finite numbers).
    """

  @ExternalInput("folder with the files", matching: "train.*", "test.*") var path: URL
  @Parameter("what to call it") var title = "arrays"
  @Parameter("how many classes labels count over; by default what the labels show", .between(1, 65_536))
  var classes: Int? = nil
  @Output("the dataset", .dataset) var dataset: OutputArtifact

  func run(in context: StageContext) throws {
    let sources = try sources(in: path)
    try Dataset(name: title, train: sources.train, test: sources.test, classes: classes)
      .writeDataset(to: dataset)
  }

  private func sources(in path: URL) throws -> (train: ArraySource?, test: ArraySource?) {
    let sources = (train: try source("train", in: path), test: try source("test", in: path))
    guard sources.train != nil || sources.test != nil else {
      throw InputError(
        message: "\(path.path) has no train.* or test.* with extension npy, npz or safetensors")
    }
    return sources
  }

  private func source(_ split: String, in path: URL) throws -> ArraySource? {
    let found = ["npz", "safetensors", "npy"].map { path.appending(path: "\(split).\($0)") }
      .filter { FileManager.default.fileExists(atPath: $0.path) }
    guard found.count <= 1 else {
      let names = found.map(\.lastPathComponent).joined(separator: " and ")
      throw InputError(message: "\(path.path) has both \(names); keep one")
    }
    guard let samples = found.first else { return nil }
    let labels = path.appending(path: "\(split).labels.npy")
    guard samples.pathExtension == "npy" else { return ArraySource(samples: samples, samplesName: "samples") }
    return ArraySource(
      samples: samples, labels: FileManager.default.fileExists(atPath: labels.path) ? labels : nil)
  }
}

extension DatasetArrays: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    guard let folder = foresight.file("path") else { return }
    do {
      let sources = try sources(in: folder)
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

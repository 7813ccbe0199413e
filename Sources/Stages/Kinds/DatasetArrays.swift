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
    let sources = [try source("train"), try source("test")]
    guard sources.contains(where: { $0 != nil }) else {
      throw InputError(
        message: "\(path.path) has no train.* or test.* with extension npy, npz or safetensors")
    }
    try Dataset(name: title, train: sources[0], test: sources[1], classes: classes).writeDataset(to: dataset)
  }

  private func source(_ split: String) throws -> ArraySource? {
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

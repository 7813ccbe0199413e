// Owns datasets from the user's own arrays: images or activations, with labels or without, from `.npy`, `.npz`
// or safetensors files.
import Formats
import Foundation
import Tensor

/// One's own arrays as a split of a dataset.
public struct ArraySource: Sendable {
  /// The file with the samples: `.npy`, `.npz` or `.safetensors`. First axis: samples; images N × C × H × W.
  public var samples: URL
  /// The samples' name in an `.npz` or safetensors file; nil where it holds one array besides the labels.
  public var samplesName: String?
  /// The file with the labels; nil: looked for beside the samples in their file.
  public var labels: URL?
  /// The labels' name in an `.npz` or safetensors file.
  public var labelsName: String

  public init(samples: URL, samplesName: String? = nil, labels: URL? = nil, labelsName: String = "labels") {
    self.samples = samples
    self.samplesName = samplesName
    self.labels = labels
    self.labelsName = labelsName
  }

  /// What the headers say: the shape of the samples, their number first, and whether there are labels.
  public var header: (shape: [Int], isLabelled: Bool) {
    get throws {
      let file = try ArrayFile(contentsOf: samples)
      let shape = try file.shape(of: nameOfSamples(in: file))
      guard shape.count >= 2, !shape.contains(0) else { throw noSamples("\(file.file)", shape) }
      return (shape, labels != nil || file.names.contains(labelsName))
    }
  }

  fileprivate func nameOfSamples(in file: ArrayFile) throws -> String {
    let others = file.names.filter { $0 != labelsName }
    guard samplesName != nil || others.count == 1 else {
      throw DatasetError(samples, "holds the arrays \(file.listed); say which one has the samples")
    }
    return samplesName ?? others[0]
  }
}

extension Dataset {
  /// Makes a dataset of arrays. uint8 images are pixels (0…255 for [0, 1]); others must be in [0, 1] already. Vectors
  /// are taken as they are and must be finite.
  ///
  /// - Parameter classes: how many; nil for one more than the largest label of both halves.
  public init(name: String, train: ArraySource?, test: ArraySource?, classes: Int? = nil) throws {
    let loaded = try [train, test].map { source in try source.map(LoadedArrays.init) }
    guard let first = loaded.compactMap({ $0 }).first else {
      throw DatasetError("dataset '\(name)' has neither training nor test arrays")
    }
    for other in loaded.compactMap({ $0 }) where other.sampleShape != first.sampleShape {
      throw DatasetError(
        "\(other.samples.origin): samples are \(other.sampleShape), expected \(first.sampleShape) "
          + "as in \(first.samples.origin)")
    }
    let shown = try loaded.compactMap { try $0?.labels.map(classesShown) }.max()
    let count = classes ?? shown ?? 0
    let splits = try loaded.map { try $0?.samples(classes: count) }
    self.init(name: name, classes: count, train: splits[0], test: splits[1])
  }
}

/// One more than the largest label.
private func classesShown(by labels: StoredArray) throws -> Int {
  let values = try labels.integers()
  if let wrong = values.firstIndex(where: { !(0..<Samples.mostClasses).contains($0) }) {
    throw DatasetError(
      "\(labels.origin): label \(values[wrong]) at index \(wrong); labels are classes counted from 0, at most "
        + "\(Samples.mostClasses) of them")
  }
  return (values.max() ?? -1) + 1
}

private func noSamples(_ origin: String, _ shape: [Int]) -> DatasetError {
  DatasetError("\(origin): shape \(shape), expected N × C × H × W images or N × D vectors, N at least 1")
}

private struct LoadedArrays {
  let samples: StoredArray
  let labels: StoredArray?

  var sampleShape: [Int] { Array(samples.shape.dropFirst()) }

  init(_ source: ArraySource) throws {
    let file = try ArrayFile(contentsOf: source.samples)
    let labelsName = source.labelsName
    samples = try file.array(source.nameOfSamples(in: file))
    if let url = source.labels {
      let file = try ArrayFile(contentsOf: url)
      labels = try file.array(file.names.count == 1 ? file.names[0] : labelsName)
    } else {
      labels = file.names.contains(labelsName) ? try file.array(labelsName) : nil
    }
    guard samples.shape.count >= 2, samples.count > 0 else { throw noSamples(samples.origin, samples.shape) }
  }

  func samples(classes: Int) throws -> Samples {
    // No image is three pixels wide, and many channels wide is none either.
    if sampleShape.count == 3, [1, 3, 4].contains(sampleShape[2]), ![1, 3, 4].contains(sampleShape[0]) {
      throw DatasetError(
        "\(samples.origin): shape \(samples.shape) looks like channels last; expected N × C × H × W")
    }
    let values: Samples.Values
    if samples.elementType == .u8 {
      values = .bytes(samples.bytes)
    } else {
      let tensor = samples.tensor()
      try check(tensor)
      values = .floats(tensor)
    }
    return Samples(
      values: values, sampleShape: sampleShape, count: samples.shape[0],
      labels: try labels.map { try checkedLabels($0, count: samples.shape[0], classes: classes) })
  }

  /// Finite numbers; of images in [0, 1], as attacks, augmentation and marks take them to be.
  private func check(_ tensor: Tensor) throws {
    let areImages = sampleShape.count == 3
    try tensor.withUnsafeValues { values in
      guard let wrong = values.firstIndex(where: { !($0.isFinite && (!areImages || (0...1).contains($0))) })
      else { return }
      let expected = areImages ? "images are in [0, 1], or uint8 from 0 to 255" : "expected finite numbers"
      throw DatasetError(
        "\(samples.origin): \(values[wrong]) at \(samples.place(of: wrong)); \(expected)")
    }
  }
}

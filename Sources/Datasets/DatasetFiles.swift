// Owns a dataset's files: `dataset.json`, and `train.safetensors` and `test.safetensors` with tensors `samples`
// (N × sample shape; U8 for pixels, F32 for other numbers) and `labels` (N; I64). It doesn't know where a store
// keeps them: files come as names with their places.
import Formats
import Foundation
import Tensor

extension DatasetDescription {
  /// The name of the description among a dataset's files.
  public static let fileName = "dataset.json"

  /// The bytes of `dataset.json`; equal descriptions give equal bytes.
  public func encode() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }

  /// Reads `dataset.json`.
  public init(contentsOf url: URL) throws {
    do {
      self = try JSONDecoder().decode(DatasetDescription.self, from: Data(contentsOf: url))
    } catch {
      throw DatasetError(url, "is not a dataset description: \(error)")
    }
  }
}

extension Dataset {
  /// Writes the dataset's files into a directory that is there; returns them by name.
  @discardableResult
  public func write(to directory: URL) throws -> [String: URL] {
    var files: [String: URL] = [:]
    for (split, samples) in [(Split.train, train), (.test, test)] {
      guard let samples else { continue }
      let url = directory.appending(path: split.fileName)
      try SafetensorsFile.write(samples.arrays, to: url)
      files[split.fileName] = url
    }
    let url = directory.appending(path: DatasetDescription.fileName)
    do {
      try description.encode().write(to: url)
    } catch {
      throw DatasetError(url, "can't be written: \(error.localizedDescription)")
    }
    files[DatasetDescription.fileName] = url
    return files
  }

  /// Opens a dataset from its files by name. Samples are mapped, not read.
  public init(files: [String: URL]) throws {
    guard let url = files[DatasetDescription.fileName] else {
      let names = files.keys.sorted().joined(separator: ", ")
      throw DatasetError(
        "not a dataset: there is no \(DatasetDescription.fileName) among its files (\(names))")
    }
    let description = try DatasetDescription(contentsOf: url)
    func samples(_ split: Split) throws -> Samples? {
      try files[split.fileName].map { try Samples(contentsOf: $0, description: description) }
    }
    self.init(description: description, train: try samples(.train), test: try samples(.test))
  }

  /// Opens a dataset from a directory of its files.
  public init(directory: URL) throws {
    var files: [String: URL] = [:]
    for name in [DatasetDescription.fileName, Split.train.fileName, Split.test.fileName] {
      let url = directory.appending(path: name)
      if FileManager.default.fileExists(atPath: url.path) { files[name] = url }
    }
    try self.init(files: files)
  }
}

extension Split {
  /// The name of this split's file.
  public var fileName: String { "\(rawValue).safetensors" }
}

extension Samples {
  fileprivate var arrays: [String: StoredArray] {
    var arrays: [String: StoredArray] = [:]
    switch values {
    case .bytes(let data): arrays["samples"] = StoredArray(.u8, shape: [count] + sampleShape, bytes: data)
    case .floats(let tensor): arrays["samples"] = StoredArray(tensor.reshaped([count] + sampleShape))
    }
    if let labels { arrays["labels"] = StoredArray(integers: labels.map(Int.init)) }
    return arrays
  }

  fileprivate init(contentsOf url: URL, description: DatasetDescription) throws {
    let file = try SafetensorsFile(contentsOf: url)
    let samples = try file.array("samples")
    guard let count = samples.shape.first, Array(samples.shape.dropFirst()) == description.sampleShape else {
      throw DatasetError(url, "samples have shape \(samples.shape), expected N × \(description.sampleShape)")
    }
    self.init(
      values: samples.elementType == .u8 ? .bytes(samples.bytes) : .floats(samples.tensor()),
      sampleShape: description.sampleShape, count: count,
      labels: try file["labels"].map {
        try checkedLabels($0, count: count, classes: description.classes)
      })
  }
}

/// Labels as whole numbers in 0..<classes, as many as there are samples.
func checkedLabels(_ array: StoredArray, count: Int, classes: Int) throws -> [Int32] {
  let labels = try array.integers()
  guard labels.count == count else {
    throw FormatError(
      file: array.origin, "found \(labels.count) labels, expected \(count), one for each sample")
  }
  if let wrong = labels.firstIndex(where: { !(0..<classes).contains($0) }) {
    throw FormatError(
      file: array.origin, "label \(labels[wrong]) at index \(wrong), expected 0…\(classes - 1)")
  }
  return labels.map { Int32($0) }
}

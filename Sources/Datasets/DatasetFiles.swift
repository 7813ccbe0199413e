// Owns a half's files: `description.json`, and `samples.safetensors` with tensors `samples` (N × sample shape; U8 for
// pixels, F32 for other numbers) and `labels` (N; I64). It doesn't know where a store keeps them: files come as names
// with their places.
import Canonical
import Formats
import Foundation
import Tensor

extension Dataset {
  /// Writes each half into a folder of its own, `train` and `test`, in a directory that is there.
  public func write(to directory: URL) throws {
    for (split, half) in [(Split.train, train), (.test, test)] {
      try half?.write(to: directory.appending(path: split.rawValue))
    }
  }
}

extension Half {
  /// Writes its files into a folder, which is made.
  public func write(to folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw DatasetError(folder, "can't be made: \(error.localizedDescription)")
    }
    try SafetensorsFile.write(samples.arrays, to: folder.appending(path: Half.samplesFile))
    try description.write(to: folder.appending(path: Half.descriptionFile))
  }

  /// The names of a half's files.
  public static let descriptionFile = "description.json"
  public static let samplesFile = "samples.safetensors"

  /// Opens a half from its files by name. Samples are mapped, not read.
  public init(files: [String: URL]) throws {
    guard let description = files[Half.descriptionFile], let samples = files[Half.samplesFile] else {
      let names = files.keys.sorted().joined(separator: ", ")
      throw DatasetError(
        "not a dataset's half: \(Half.descriptionFile) or \(Half.samplesFile) is missing among its files (\(names))"
      )
    }
    let known = try HalfDescription(contentsOf: description)
    self.init(description: known, samples: try Samples(contentsOf: samples, description: known))
  }
}

extension HalfDescription {
  /// Writes `description.json`; equal descriptions give equal bytes.
  public func write(to url: URL) throws {
    do {
      try Data((json.canonical + "\n").utf8).write(to: url)
    } catch {
      throw DatasetError(url, "can't be written: \(error.localizedDescription)")
    }
  }

  /// Reads `description.json`.
  public init(contentsOf url: URL) throws {
    do {
      let json = try JSON(parsing: Data(contentsOf: url))
      guard let description = HalfDescription(json: json) else {
        throw DatasetError("members are missing or wrong")
      }
      self = description
    } catch {
      throw DatasetError(url, "is not the description of a dataset's half: \(error)")
    }
  }

  private var json: JSON {
    var members: [String: JSON] = [
      "dataset": .string(dataset), "split": .string(split.rawValue), "count": .integer(count),
      "sample_shape": .array(sampleShape.map(JSON.integer)), "classes": .integer(classes),
    ]
    if let classNames { members["class_names"] = .array(classNames.map(JSON.string)) }
    if let channels {
      members["channels"] = [
        "mean": .array(channels.mean.map(JSON.number)),
        "deviation": .array(channels.deviation.map(JSON.number)),
      ]
    }
    if let shortcut { members["shortcut"] = shortcut.json }
    return .object(members)
  }

  private init?(json: JSON) {
    func extents(_ name: String) -> [Int]? { json[name]?.arrayValue?.compactMap(\.intValue) }
    guard let dataset = json["dataset"]?.stringValue,
      let split = json["split"]?.stringValue.flatMap(Split.init), let count = json["count"]?.intValue,
      let shape = extents("sample_shape"), let classes = json["classes"]?.intValue
    else { return nil }
    var classNames: [String]?
    if let values = json["class_names"] {
      classNames = values.arrayValue?.compactMap(\.stringValue)
      guard classNames?.count == classes else { return nil }
    }
    var channels: ChannelStatistics?
    if let values = json["channels"] {
      guard let mean = values["mean"]?.arrayValue?.compactMap(\.doubleValue), mean.count == shape.first,
        let deviation = values["deviation"]?.arrayValue?.compactMap(\.doubleValue),
        deviation.count == shape.first
      else { return nil }
      channels = ChannelStatistics(mean: mean, deviation: deviation)
    }
    var shortcut: Shortcut?
    if let values = json["shortcut"] {
      shortcut = Shortcut(json: values)
      guard shortcut != nil else { return nil }
    }
    self.init(
      dataset: dataset, split: split, count: count, sampleShape: shape, classes: classes,
      classNames: classNames, channels: channels, shortcut: shortcut)
  }
}

extension Shortcut {
  fileprivate var json: JSON {
    var members: [String: JSON] = [
      "content": .string(content.rawValue), "place": .string(place.rawValue),
      // Text: JSON's whole numbers here end at 2⁶³.
      "seed": .string("\(seed)"), "correlation": .number(correlation),
    ]
    if let size { members["size"] = .integer(size) }
    return .object(members)
  }

  fileprivate init?(json: JSON) {
    guard let content = json["content"]?.stringValue.flatMap(Content.init),
      let place = json["place"]?.stringValue.flatMap(Place.init),
      let seed = json["seed"]?.stringValue.flatMap({ UInt64($0) }),
      let correlation = json["correlation"]?.doubleValue, (0...1).contains(correlation)
    else { return nil }
    self.init(
      content: content, place: place, size: json["size"]?.intValue, correlation: correlation, seed: seed)
  }
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

  fileprivate init(contentsOf url: URL, description: HalfDescription) throws {
    let file = try SafetensorsFile(contentsOf: url)
    let samples = try file.array("samples")
    guard samples.shape == [description.count] + description.sampleShape, samples.count > 0 else {
      throw DatasetError(
        url, "samples have shape \(samples.shape), expected \([description.count] + description.sampleShape)")
    }
    self.init(
      values: samples.elementType == .u8 ? .bytes(samples.bytes) : .floats(samples.tensor()),
      sampleShape: description.sampleShape, count: description.count,
      labels: try file["labels"].map {
        try checkedLabels($0, count: description.count, classes: description.classes)
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

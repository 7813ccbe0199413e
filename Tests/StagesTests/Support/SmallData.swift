// Small datasets and networks for tests of stage kinds, made by the kinds themselves.

import Canonical
import ContentStore
import Foundation
import Formats
import NeuralNetworks

extension Bench {
  /// Textures of 3×32×32.
  func textures(train: Int = 20, test: Int = 20, seed: Int = 0) throws -> Artifact {
    try run("dataset/synthetic", ["train": .integer(train), "test": .integer(test), "seed": .integer(seed)])[
      "dataset"]!
  }

  /// Arrays of one's own; labels nil: none.
  func arrays(
    _ title: String, shape: [Int] = [3, 32, 32], count: Int = 12, labels: [Int]?, classes: Int? = nil,
    value: (Int) -> UInt8 = { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 251) }
  ) throws -> Artifact {
    let source = folder.appending(path: "arrays-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    var arrays = [
      "samples": StoredArray(
        bytes: (0..<(count * shape.reduce(1, *))).map(value), shape: [count] + shape)
    ]
    if let labels { arrays["labels"] = StoredArray(integers: labels) }
    for half in ["train", "test"] {
      try SafetensorsFile.write(arrays, to: source.appending(path: "\(half).safetensors"))
    }
    return try run(
      "dataset/arrays", ["title": .string(title), "classes": classes.map(JSON.integer) ?? .null],
      externals: ["path": source])["dataset"]!
  }

  /// A network that isn't trained.
  func network(
    on data: Artifact, _ architecture: String = "small_cnn", seed: Int = 0, _ more: [String: JSON] = [:]
  ) throws -> Artifact {
    let parameters: [String: JSON] = [
      "architecture": .string(architecture), "width": 4, "epochs": 1, "batch": 10, "seed": .integer(seed),
    ]
    return try run("train", .object(parameters.merging(more) { $1 }), ["data": data])["model"]!
  }

  /// A network of the usual width for 3×32×32 images, with its initial values: for data that nothing can be trained on.
  func freshNetwork(classes: Int) throws -> Artifact {
    let file = folder.appending(path: "fresh-\(UUID().uuidString).safetensors")
    let model = try Model.initialised(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 3, height: 32, width: 32), classes: classes, width: 4),
      seed: 0)
    try SafetensorsFile.write(model.tensors.mapValues { StoredArray($0) }, to: file)
    return try run(
      "model/import",
      ["architecture": "small_cnn", "width": 4, "classes": .integer(classes)], externals: ["path": file])[
        "model"]!
  }

  /// A direct stitch.
  func stitched(
    _ front: Artifact, _ from: String, _ end: Artifact, _ to: String, on data: Artifact
  ) throws -> Artifact {
    try run(
      "stitch", ["from": .string(from), "to": .string(to), "method": "direct"],
      ["front": front, "end": end, "data": data])["stitched"]!
  }
}

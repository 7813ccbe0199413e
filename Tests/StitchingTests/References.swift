// Owns the reference values and what they are about: two small CNNs, a few images, stitches between them.
import Formats
import Foundation
import NeuralNetworks
import Stitching
import Tensor
import Testing

enum References {
  static let file = try! SafetensorsFile(
    contentsOf: Bundle.module.url(forResource: "References/stitching", withExtension: "safetensors")!)

  static func tensor(_ name: String) throws -> Tensor { try file.tensor(name) }

  static func value(_ name: String) throws -> Double { Double(try tensor(name).values[0]) }

  /// `front` or `end`.
  static func model(_ name: String) throws -> Model {
    let prefix = "\(name)."
    let names = file.names.filter { $0.hasPrefix(prefix) }
    return try Model(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 1, height: 16, width: 16), classes: 3, width: 4),
      tensors: Dictionary(
        uniqueKeysWithValues: names.map { (String($0.dropFirst(prefix.count)), try! tensor($0)) }),
      standardisation: .none(channels: 1))
  }

  /// `down`, `up` (sizes differ) or `same`.
  static func stitch(_ name: String) throws -> Stitch {
    let cuts = ["down": ("conv1", "conv2"), "up": ("conv2", "conv1"), "same": ("conv3", "conv4")][name]!
    return try Stitch(front: model("front"), from: Cut(cuts.0), end: model("end"), to: Cut(cuts.1))
  }

  static func map(_ name: String, method: String? = nil) throws -> StitchingLayer {
    let stitch = try stitch(name)
    let prefix = name + (method.map { ".\($0)" } ?? "")
    return try StitchingLayer(
      input: stitch.input, output: stitch.output, weight: tensor("\(prefix).weight"),
      bias: tensor("\(prefix).bias"))
  }

  static func images() throws -> ImageList {
    ImageList(try tensor("images"), labels: try tensor("labels").values.map { Int32($0) }, batch: 6)
  }
}

/// Images in memory, shuffled by the epoch where asked.
struct ImageList: FittingSource {
  let images: Tensor
  let labels: [Int32]
  let batch: Int
  var isFixed = true
  var shuffles = false
  /// What the source says its labels count over; nil: it has none.
  var classes: Int?

  init(_ images: Tensor, labels: [Int32], batch: Int) {
    self.images = images
    self.labels = labels
    self.batch = batch
    classes = labels.max().map { Int($0) + 1 }
  }

  /// Seeded noise images, brighter in a place that tells their class.
  init(seed: UInt64, count: Int, side: Int = 16, classes: Int = 3, batch: Int) {
    let stream = Philox(seed: seed, purpose: .tests)
    labels = (0..<count).map { Int32($0 % classes) }
    let size = side * side
    images = Tensor(
      shape: [count, 1, side, side],
      values: (0..<(count * size)).map { i in
        let noise = 0.6 * stream.uniform(at: UInt64(i))
        let lit = i % size / (4 * side) == i / size % classes
        return noise + (lit ? 0.4 : 0)
      })
    self.batch = batch
    self.classes = classes
  }

  var identity: AnyHashable { shuffles }

  var shape: ImageShape {
    ImageShape(channels: images.shape[1], height: images.shape[2], width: images.shape[3])
  }
  var count: Int { labels.count }
  var batchesPerEpoch: Int { count / batch }

  func indices(epoch: Int, step: Int) -> [Int] {
    let order =
      shuffles
      ? Philox(seed: 1, purpose: .tests, index: UInt32(epoch)).permutation(of: count) : Array(0..<count)
    return Array(order[(step * batch)..<((step + 1) * batch)])
  }

  func fill(
    epoch: Int, step: Int, images out: UnsafeMutableBufferPointer<Float>,
    labels outLabels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    copy(indices(epoch: epoch, step: step), out, outLabels)
  }

  func fill(
    _ range: Range<Int>, images out: UnsafeMutableBufferPointer<Float>,
    labels outLabels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    copy(Array(range), out, outLabels)
  }

  private func copy(
    _ indices: [Int], _ out: UnsafeMutableBufferPointer<Float>, _ outLabels: UnsafeMutableBufferPointer<Int32>
  ) {
    let size = shape.count
    images.withUnsafeValues { values in
      for (row, index) in indices.enumerated() {
        (out.baseAddress! + row * size).update(from: values.baseAddress! + index * size, count: size)
        outLabels[row] = labels[index]
      }
    }
  }
}

/// Whether two tensors differ by at most `tolerance` of the second's largest value.
func close(_ a: Tensor, _ b: Tensor, _ tolerance: Float) -> Bool {
  let scale = b.values.map { abs($0) }.max() ?? 1
  return a.shape == b.shape
    && zip(a.values, b.values).allSatisfy { abs($0 - $1) <= tolerance * max(scale, 1e-6) }
}

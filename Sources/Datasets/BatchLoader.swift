// Owns batches: which samples, in which order, augmented how, as Float in [0, 1]. Every batch is a function of
// (seed, epoch, step) alone, so that a resumed run and any worker see the same.
import Foundation
import Synchronization
import Tensor

/// What is done to training images at random.
public enum Augmentation: String, Sendable, CaseIterable {
  case none
  /// A horizontal flip with probability 1/2, then a crop at a random place of the image padded with four black
  /// pixels on every side (He et al. 2016).
  case flipCrop = "flip_crop"
}

/// Batches of one half of a dataset.
public struct BatchLoader: Sendable {
  /// Choices that decide the batches.
  public struct Options: Sendable, Hashable {
    public var batch: Int
    /// Decides order and augmentation.
    public var seed: UInt64
    public var shuffle: Bool
    public var augmentation: Augmentation
    /// Which marks are painted, where the dataset has a shortcut.
    public var marking: Marking
    /// Leaves out a last batch that isn't full.
    public var dropLast: Bool
    /// Uses only the first so many samples; there must be as many. nil: all.
    public var limit: Int?

    /// The defaults are those of evaluation: all samples, in order, untouched but for marks.
    public init(
      batch: Int = 128, seed: UInt64 = 0, shuffle: Bool = false, augmentation: Augmentation = .none,
      marking: Marking = .marked, dropLast: Bool = false, limit: Int? = nil
    ) {
      self.batch = batch
      self.seed = seed
      self.shuffle = shuffle
      self.augmentation = augmentation
      self.marking = marking
      self.dropLast = dropLast
      self.limit = limit
    }
  }

  public let options: Options
  /// The half that samples are drawn from.
  public let half: HalfDescription
  /// How many samples there are to draw from.
  public let count: Int

  let samples: Samples
  let painter: ShortcutPainter?
  private let order: EpochOrder
  private let flips: Philox
  private let crops: Philox
  private let marks: Philox

  /// Batches of `half`. Augmentation wants images; a rolled marking wants a shortcut.
  public init(_ half: Half, options: Options = Options()) throws {
    let name = half.description.name
    let samples = try half.samples.first(options.limit, of: name)
    guard options.batch >= 1 else {
      throw DatasetError("a batch of \(options.batch) samples; expected at least 1")
    }
    guard samples.count >= 1, !options.dropLast || samples.count >= options.batch else {
      throw DatasetError(
        "\(options.limit == nil ? name : "the part of \(name) that is used") has \(samples.count) samples, fewer "
          + "than one batch of \(options.batch)")
    }
    guard options.augmentation == .none || half.description.isImages else {
      throw DatasetError("\(name) has samples of shape \(samples.sampleShape); only images can be flipped")
    }
    if half.description.shortcut == nil, options.marking == .rolled {
      throw DatasetError("\(name) has no shortcut whose marks could be rolled; see dataset/shortcut")
    }
    if options.marking != .clean, let shortcut = half.description.shortcut {
      guard samples.labels != nil else { throw DatasetError("\(name) has a shortcut but no labels") }
      painter = try ShortcutPainter(shortcut, over: half.description)
    } else {
      painter = nil
    }
    self.half = half.description
    self.samples = samples
    self.options = options
    count = samples.count
    order = EpochOrder(count: samples.count, seed: options.shuffle ? options.seed : nil)
    flips = Philox(seed: options.seed, purpose: .flips)
    crops = Philox(seed: options.seed, purpose: .crops)
    let seed = half.description.shortcut?.seed ?? 0
    marks =
      half.description.split == .train
      ? Philox(seed: seed, purpose: .trainingPatches) : Philox(seed: seed, purpose: .testPatches)
  }

  /// One sample's shape.
  public var sampleShape: [Int] { half.sampleShape }
  /// How many classes the labels count over; 0 where there are none.
  public var classes: Int { half.classes }

  /// Whether the samples have labels.
  public var hasLabels: Bool { samples.labels != nil }

  /// Whether a sample is the same in every epoch.
  public var isFixed: Bool { options.augmentation == .none && !paintsPerEpoch }

  private var paintsPerEpoch: Bool {
    painter.map { $0.shortcut.content == .random || $0.shortcut.place == .random } ?? false
  }

  /// Batches in an epoch.
  public var stepsPerEpoch: Int {
    options.dropLast ? count / options.batch : (count + options.batch - 1) / options.batch
  }

  /// The samples of a batch, by their index in the half.
  public func indices(epoch: Int, step: Int) -> [Int] {
    precondition((0..<stepsPerEpoch).contains(step), "BUG: step \(step) of \(stepsPerEpoch)")
    let range = (step * options.batch)..<min(count, (step + 1) * options.batch)
    return order.indices(range, epoch: epoch)
  }

  /// Writes a batch: `into` gets rows × sampleShape values, `labels` the rows' classes (0 where there are no
  /// labels). Both must have room for `options.batch` rows. Returns how many rows there are.
  @discardableResult
  public func fill(
    epoch: Int, step: Int, into: UnsafeMutableBufferPointer<Float>, labels: UnsafeMutableBufferPointer<Int32>
  ) -> Int {
    let rows = indices(epoch: epoch, step: step)
    precondition(into.count >= rows.count * samples.sampleSize && labels.count >= rows.count, "BUG: no room")
    for (row, index) in rows.enumerated() {
      write(
        index, epoch: epoch, to: into.baseAddress! + row * samples.sampleSize,
        augmentation: options.augmentation)
      labels[row] = samples.labels?[index] ?? 0
    }
    return rows.count
  }

  /// Writes a range of the half's samples in their own order, unaugmented, marks as in the first epoch.
  public func fill(
    _ range: Range<Int>, into: UnsafeMutableBufferPointer<Float>, labels: UnsafeMutableBufferPointer<Int32>
  ) {
    precondition(
      range.upperBound <= count && into.count >= range.count * samples.sampleSize
        && labels.count >= range.count, "BUG: samples \(range) of \(count), or no room for them")
    for (row, index) in range.enumerated() {
      write(index, epoch: 0, to: into.baseAddress! + row * samples.sampleSize, augmentation: .none)
      labels[row] = samples.labels?[index] ?? 0
    }
  }

  /// The batch as values.
  public func batch(epoch: Int = 0, step: Int) -> (samples: Tensor, labels: [Int32]) {
    let rows = indices(epoch: epoch, step: step).count
    var labels = [Int32](repeating: 0, count: rows)
    let tensor = Tensor(shape: [rows] + sampleShape) { into in
      _ = labels.withUnsafeMutableBufferPointer { fill(epoch: epoch, step: step, into: into, labels: $0) }
    }
    return (tensor, labels)
  }

  private func write(
    _ index: Int, epoch: Int, to out: UnsafeMutablePointer<Float>, augmentation: Augmentation
  ) {
    let size = samples.sampleSize
    let draw = UInt64(index)
    var flip = false
    var (down, right) = (0, 0)
    if augmentation == .flipCrop {
      flip = flips.stream(epoch).words(at: draw)[0] & 1 == 1
      let crop = crops.stream(epoch).integer(at: draw, below: 81)
      (down, right) = (crop / 9 - 4, crop % 9 - 4)
    }
    switch samples.values {
    case .bytes(let data):
      data.withUnsafeBytes { raw in
        let source = raw.bindMemory(to: UInt8.self).baseAddress! + index * size
        if flip || down != 0 || right != 0 {
          crop(source, to: out, down: down, right: right, flip: flip) { Float($0) / 255 }
        } else {
          for i in 0..<size { out[i] = Float(source[i]) / 255 }
        }
      }
    case .floats(let tensor):
      tensor.withUnsafeValues { values in
        let source = values.baseAddress! + index * size
        if flip || down != 0 || right != 0 {
          crop(source, to: out, down: down, right: right, flip: flip) { $0 }
        } else {
          out.update(from: source, count: size)
        }
      }
    }
    if let painter, let label = samples.labels?[index] {
      let mark = painter.mark(of: index, label: Int(label), options.marking)
      painter.paint(mark, on: out, draw: draw, stream: marks.stream(epoch))
    }
  }

  /// The flipped image, moved by (down, right), black where nothing comes to lie.
  @inline(__always)
  private func crop<T>(
    _ source: UnsafePointer<T>, to out: UnsafeMutablePointer<Float>, down: Int, right: Int, flip: Bool,
    value: (T) -> Float
  ) {
    let (channels, height, width) = (sampleShape[0], sampleShape[1], sampleShape[2])
    for row in 0..<(channels * height) {
      let target = out + row * width
      let y = row % height + down
      guard (0..<height).contains(y) else {
        target.update(repeating: 0, count: width)
        continue
      }
      let from = source + (row + down) * width
      for x in 0..<width {
        let at = x + right
        target[x] = at >= 0 && at < width ? value(from[flip ? width - 1 - at : at]) : 0
      }
    }
  }
}

/// The order of samples in an epoch; the last epoch's is remembered, because making it costs more than a batch.
private final class EpochOrder: Sendable {
  private let count: Int
  private let stream: Philox?
  private let latest = Mutex<(epoch: Int, order: [Int])?>(nil)

  init(count: Int, seed: UInt64?) {
    self.count = count
    stream = seed.map { Philox(seed: $0, purpose: .sampleOrder) }
  }

  func indices(_ range: Range<Int>, epoch: Int) -> [Int] {
    guard let stream else { return Array(range) }
    return latest.withLock { latest in
      if latest?.epoch != epoch { latest = (epoch, stream.stream(epoch).permutation(of: count)) }
      return Array(latest!.order[range])
    }
  }
}

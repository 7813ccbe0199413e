// Owns batches: which samples, in which order, augmented how, as Float in [0, 1]. Every batch is a function of
// (seed, epoch, step) alone, so that a resumed run and any worker see the same.
import Foundation
import Synchronization
import Tensor

/// Batches of one half of a dataset.
public struct BatchLoader: Sendable {
  /// Choices that decide the batches.
  public struct Options: Sendable {
    public var batch: Int
    /// Decides order and augmentation.
    public var seed: UInt64
    public var shuffle: Bool
    /// What is done to images at random, in this order.
    public var augmentation: [any Augmentation]
    /// Which marks are painted, where the dataset has a shortcut.
    public var marking: Marking
    /// Leaves out a last batch that isn't full.
    public var dropLast: Bool
    /// Uses only the first so many samples; there must be as many. nil: all.
    public var limit: Int?

    /// The defaults are those of evaluation: all samples, in order, untouched but for marks.
    public init(
      batch: Int = 128, seed: UInt64 = 0, shuffle: Bool = false, augmentation: [any Augmentation] = [],
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
  private let marks: Philox
  /// Of each channel over the whole half.
  private let mean: [Float]

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
    guard options.augmentation.isEmpty || half.description.isImages else {
      throw DatasetError("\(name) has samples of shape \(samples.sampleShape); only images can be augmented")
    }
    for augmentation in options.augmentation { try augmentation.validate(for: samples.sampleShape) }
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
    mean =
      half.description.channels?.mean.map(Float.init)
      ?? [Float](repeating: 0, count: samples.sampleShape.first ?? 0)
    let seed = half.description.shortcut?.seed ?? 0
    marks =
      half.description.split == .train
      ? Philox(seed: seed, purpose: .trainingPatches) : Philox(seed: seed, purpose: .testPatches)
  }

  /// One sample's shape.
  public var sampleShape: [Int] { half.sampleShape }
  /// How many classes the labels count over; 0 where there are none.
  public var classes: Int { half.classes }

  /// The classes of which there is no sample, though the labels count over them.
  public var emptyClasses: [Int] {
    guard let labels = samples.labels else { return [] }
    let seen = Set(labels)
    return (0..<classes).filter { !seen.contains(Int32($0)) }
  }

  /// Whether the samples have labels.
  public var hasLabels: Bool { samples.labels != nil }

  /// Whether a sample is the same in every epoch.
  public var isFixed: Bool { options.augmentation.isEmpty && !paintsPerEpoch }

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
    inPieces(rows.count) { [self] row in
      write(
        rows[row], epoch: epoch, to: into.baseAddress! + row * samples.sampleSize,
        augmentation: options.augmentation)
      labels[row] = samples.labels?[rows[row]] ?? 0
    }
    let written = UnsafeMutableBufferPointer(rebasing: into[..<(rows.count * samples.sampleSize)])
    for mixing in mixings(epoch: epoch, step: step, rows: rows.count) { mixing.mix(written) }
    return rows.count
  }

  /// Where images are mixed, gives each the same shares of the others' targets.
  /// - Parameter targets: batch × classes.
  public func mixTargets(_ targets: UnsafeMutableBufferPointer<Float>, epoch: Int, step: Int) {
    for mixing in mixings(epoch: epoch, step: step, rows: options.batch) { mixing.mix(targets) }
  }

  private func mixings(epoch: Int, step: Int, rows: Int) -> [Mixing] {
    options.augmentation.compactMap {
      $0.mixing(rows: rows, seed: options.seed, step: epoch * stepsPerEpoch + step)
    }
  }

  /// Writes a range of the half's samples in their own order, unaugmented, marks as in the first epoch.
  public func fill(
    _ range: Range<Int>, into: UnsafeMutableBufferPointer<Float>, labels: UnsafeMutableBufferPointer<Int32>
  ) {
    precondition(
      range.upperBound <= count && into.count >= range.count * samples.sampleSize
        && labels.count >= range.count, "BUG: samples \(range) of \(count), or no room for them")
    inPieces(range.count) { [self] row in
      let index = range.lowerBound + row
      write(index, epoch: 0, to: into.baseAddress! + row * samples.sampleSize, augmentation: [])
      labels[row] = samples.labels?[index] ?? 0
    }
  }

  /// Does something for each of so many rows, on several threads: what becomes of a sample depends on its index alone.
  private func inPieces(_ rows: Int, _ body: @escaping (_ row: Int) -> Void) {
    // Some ten microseconds each.
    let size = max(1, (16 << 10) / max(1, samples.sampleSize))
    Team.forEach((rows + size - 1) / size) { piece, _ in
      for row in (piece * size)..<min(rows, (piece + 1) * size) { body(row) }
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
    _ index: Int, epoch: Int, to out: UnsafeMutablePointer<Float>, augmentation: [any Augmentation]
  ) {
    let size = samples.sampleSize
    switch samples.values {
    case .bytes(let data):
      data.withUnsafeBytes { raw in
        let source = raw.bindMemory(to: UInt8.self).baseAddress! + index * size
        for i in 0..<size { out[i] = Float(source[i]) / 255 }
      }
    case .floats(let tensor):
      tensor.withUnsafeValues { values in
        out.update(from: values.baseAddress! + index * size, count: size)
      }
    }
    if !augmentation.isEmpty {
      let image = AugmentedImage(
        out, channels: sampleShape[0], height: sampleShape[1], width: sampleShape[2], mean: mean)
      let draws = AugmentationDraws(seed: options.seed, epoch: epoch, sample: index)
      for one in augmentation { one.apply(to: image, draws: draws) }
    }
    if let painter, let label = samples.labels?[index] {
      let mark = painter.mark(of: index, label: Int(label), options.marking)
      painter.paint(mark, on: out, draw: UInt64(index), stream: marks.stream(epoch))
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

// Owns keeping what the frozen networks make of images: computed once a fit and kept within a budget of bytes,
// computed anew beyond it. Either way the values are the same bits.
import NeuralNetworks

/// Batches of what the frozen networks make of a source's images.
package final class FrozenValues<Source: FittingSource> {
  private let halves: FrozenHalves
  private let source: Source
  /// What is kept, by example: all parts in one row.
  private var rows: [UnsafeMutablePointer<Float>?]
  private var labels: [Int32]
  private var room: Int
  private let rowSize: Int
  private let images: UnsafeMutableBufferPointer<Float>
  private let picked: UnsafeMutableBufferPointer<Float>
  private let imageSize: Int
  /// How many images have been computed, for tests.
  package private(set) var computed = 0

  /// - Parameter budget: bytes that may be kept.
  package init(_ halves: FrozenHalves, source: Source, budget: Int) {
    self.halves = halves
    self.source = source
    rowSize = halves.sizes.reduce(0, +)
    let count = source.isFixed ? source.count : 0
    rows = Array(repeating: nil, count: count)
    labels = Array(repeating: 0, count: count)
    room = budget / (rowSize * MemoryLayout<Float>.stride)
    imageSize = source.shape.count
    images = .allocate(capacity: source.batch * imageSize)
    images.initialize(repeating: 0)
    picked = .allocate(capacity: source.batch * imageSize)
    picked.initialize(repeating: 0)
  }

  deinit {
    for row in rows { row?.deallocate() }
    images.deallocate()
    picked.deallocate()
  }

  /// Writes a batch: each part of `halves.sizes` into its buffer (batch × size), and the labels.
  package func fill(
    epoch: Int, step: Int, parts: [UnsafeMutableBufferPointer<Float>],
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    guard source.isFixed else {
      try source.fill(epoch: epoch, step: step, images: images, labels: labels)
      computed += source.batch
      try halves.compute(UnsafeBufferPointer(images), count: source.batch) { row, values in
        for (part, value) in zip(parts, values) { write(value, to: part, row: row) }
      }
      return
    }
    let indices = source.indices(epoch: epoch, step: step)
    let missing = indices.indices.filter { rows[indices[$0]] == nil }
    if !missing.isEmpty {
      try source.fill(epoch: epoch, step: step, images: images, labels: labels)
      for (position, index) in indices.enumerated() { self.labels[index] = labels[position] }
      for (position, row) in missing.enumerated() {
        let image = UnsafeBufferPointer(rebasing: images[(row * imageSize)..<((row + 1) * imageSize)])
        write(image, to: picked, row: position)
      }
      computed += missing.count
      try halves.compute(UnsafeBufferPointer(picked), count: missing.count) { position, values in
        let row = missing[position]
        for (part, value) in zip(parts, values) { write(value, to: part, row: row) }
        keep(values, of: indices[row])
      }
    }
    let computedNow = Set(missing)
    for (position, index) in indices.enumerated() {
      labels[position] = self.labels[index]
      guard !computedNow.contains(position), let row = rows[index] else { continue }
      var offset = 0
      for (part, size) in zip(parts, halves.sizes) {
        write(UnsafeBufferPointer(start: row + offset, count: size), to: part, row: position)
        offset += size
      }
    }
  }

  private func keep(_ values: [UnsafeBufferPointer<Float>], of index: Int) {
    guard room > 0, rows[index] == nil else { return }
    room -= 1
    let row = UnsafeMutablePointer<Float>.allocate(capacity: rowSize)
    var offset = 0
    for value in values {
      (row + offset).initialize(from: value.baseAddress!, count: value.count)
      offset += value.count
    }
    rows[index] = row
  }

  private func write(
    _ value: UnsafeBufferPointer<Float>, to part: UnsafeMutableBufferPointer<Float>, row: Int
  ) {
    (part.baseAddress! + row * value.count).update(from: value.baseAddress!, count: value.count)
  }
}

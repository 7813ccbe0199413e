// Owns one training batch as a fit sees it: what the front makes of its images and what the end makes of the same
// images by itself, from the shared cache where an image is always the same, computed anew where it is augmented.
import NeuralNetworks
import Tensor

/// A batch's frozen values and labels, in memory that each batch overwrites.
package final class FrozenBatch<Source: FittingSource> {
  /// The end's values at each of its wanted points: batch × the point's size.
  package let targets: [UnsafeBufferPointer<Float>]
  package let labels: UnsafeBufferPointer<Int32>
  private let stitch: Stitch
  private let points: [ModelPoint]
  private let source: Source
  private let cache: ActivationCache
  private let targetRooms: [UnsafeMutableBufferPointer<Float>]
  private let labelRoom: UnsafeMutableBufferPointer<Int32>
  /// For augmented images: the two networks, and room for a batch.
  private let anew: (front: FrozenNetwork, end: FrozenNetwork?, images: UnsafeMutableBufferPointer<Float>)?

  /// - Parameters:
  ///   - targets: what of the end by itself is wanted.
  ///   - images: over the source's examples.
  package init(_ stitch: Stitch, targets points: [ModelPoint], source: Source, images: ActivationCache) throws
  {
    self.stitch = stitch
    self.points = points
    self.source = source
    cache = images
    targetRooms = try points.map {
      let size = try stitch.end.architecture.shape(at: $0).count
      return .allocate(capacity: source.batch * size)
    }
    for room in targetRooms { room.initialize(repeating: 0) }
    targets = targetRooms.map { UnsafeBufferPointer($0) }
    labelRoom = .allocate(capacity: source.batch)
    labelRoom.initialize(repeating: 0)
    labels = UnsafeBufferPointer(labelRoom)
    if source.isFixed {
      anew = nil
    } else {
      let images = UnsafeMutableBufferPointer<Float>.allocate(capacity: source.batch * source.shape.count)
      images.initialize(repeating: 0)
      anew = (
        try FrozenNetwork(stitch.front, at: [.cut(stitch.from)]),
        points.isEmpty ? nil : try FrozenNetwork(stitch.end, at: points), images
      )
    }
  }

  deinit {
    for room in targetRooms { room.deallocate() }
    labelRoom.deallocate()
    anew?.images.deallocate()
  }

  /// Fills `targets` and `labels` for a batch, and the front's activations at its cut: batch × C × H × W.
  package func fill(epoch: Int, step: Int, front: UnsafeMutableBufferPointer<Float>) throws {
    guard let anew else {
      let indices = source.indices(epoch: epoch, step: step)
      try cache.fill([front], of: stitch.front, at: [.cut(stitch.from)], for: indices)
      if !points.isEmpty { try cache.fill(targetRooms, of: stitch.end, at: points, for: indices) }
      _ = labelRoom.update(fromContentsOf: try cache.labels(of: indices))
      return
    }
    try source.fill(epoch: epoch, step: step, images: anew.images, labels: labelRoom)
    let images = UnsafeBufferPointer(anew.images)
    try anew.front.compute(images, count: source.batch) { row, values in
      copy(values[0], to: front, row: row)
    }
    try anew.end?.compute(images, count: source.batch) { row, values in
      for (target, value) in zip(targetRooms, values) { copy(value, to: target, row: row) }
    }
  }

  private func copy(
    _ value: UnsafeBufferPointer<Float>, to room: UnsafeMutableBufferPointer<Float>, row: Int
  ) {
    (room.baseAddress! + row * value.count).update(from: value.baseAddress!, count: value.count)
  }
}

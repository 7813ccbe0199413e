// Owns one training batch as fits see it: what the front and the end by itself make of its images, from the shared cache
// where an image is always the same, computed anew where it is augmented; once for all fits that take the batch.
package import NeuralNetworks
import Tensor

/// A batch's frozen values and labels, until the next one is filled in.
package final class FrozenBatch<Source: FittingSource> {
  /// By point and image.
  package private(set) var front: [FrozenPoint: [FrozenRow]] = [:]
  package private(set) var end: [ModelPoint: [FrozenRow]] = [:]
  package let labels: UnsafeMutableBufferPointer<Int32>
  private let source: Source
  private let images: ActivationCache
  private let wanted: [(model: Model, points: [FrozenPoint])]
  /// For augmented images: room for a batch, and the two networks with theirs.
  private let anew: (images: UnsafeMutableBufferPointer<Float>, networks: [FrozenRoom])?

  /// - Parameters:
  ///   - frontPoints: what of the front is wanted.
  ///   - endPoints: what of the end by itself is wanted.
  ///   - images: over the source's examples.
  package init(
    _ stitch: Stitch, front frontPoints: [FrozenPoint], end endPoints: [ModelPoint], source: Source,
    images: ActivationCache
  ) throws {
    self.source = source
    self.images = images
    wanted = [(stitch.front, frontPoints), (stitch.end, endPoints.map { FrozenPoint($0) })]
    labels = .allocate(capacity: source.batch)
    labels.initialize(repeating: 0)
    if source.isFixed {
      anew = nil
    } else {
      let room = UnsafeMutableBufferPointer<Float>.allocate(capacity: source.batch * source.shape.count)
      room.initialize(repeating: 0)
      anew = (room, try wanted.map { try FrozenRoom($0.model, at: $0.points, batch: source.batch) })
    }
  }

  deinit {
    labels.deallocate()
    anew?.images.deallocate()
  }

  package func fill(epoch: Int, step: Int) throws {
    let rows: [[[FrozenRow]]]
    if let anew {
      try source.fill(epoch: epoch, step: step, images: anew.images, labels: labels)
      rows = try anew.networks.map { try $0.compute(UnsafeBufferPointer(anew.images)) }
    } else {
      let indices = source.indices(epoch: epoch, step: step)
      rows = try images.rows(of: wanted, for: indices)
      _ = labels.update(fromContentsOf: try images.labels(of: indices))
    }
    front = Dictionary(uniqueKeysWithValues: zip(wanted[0].points, rows[0]))
    end = Dictionary(uniqueKeysWithValues: zip(wanted[1].points.map(\.point), rows[1]))
  }
}

/// A frozen network and room for what it makes of a batch.
private final class FrozenRoom {
  private let network: FrozenNetwork?
  private let rooms: [UnsafeMutableBufferPointer<Float>]
  private let batch: Int

  init(_ model: Model, at points: [FrozenPoint], batch: Int) throws {
    self.batch = batch
    network = points.isEmpty ? nil : try FrozenNetwork(model, at: points)
    rooms = try points.map {
      .allocate(capacity: batch * (try $0.shape(in: model.architecture).count))
    }
    for room in rooms { room.initialize(repeating: 0) }
  }

  deinit { for room in rooms { room.deallocate() } }

  /// By point and image.
  func compute(_ images: UnsafeBufferPointer<Float>) throws -> [[FrozenRow]] {
    var made = [[FrozenRow]](repeating: [], count: rooms.count)
    try network?.compute(images, count: batch) { row, values in
      for (point, (room, value)) in zip(rooms, values).enumerated() {
        let place = room.baseAddress! + row * value.count
        place.update(from: value.baseAddress!, count: value.count)
        made[point].append(FrozenRow(place, count: value.count))
      }
    }
    return made
  }
}

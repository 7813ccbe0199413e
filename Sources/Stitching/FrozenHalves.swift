// Owns computing what the frozen networks make of images: the front's activations at its cut, and what the end
// makes of the same images by itself. Images are computed in small groups of one fixed size, so that an image's
// values don't depend on which others are asked for.
package import NeuralNetworks
import Tensor

/// What of the end, run by itself, is wanted.
package struct EndTargets {
  /// In the end's order.
  package var cuts: [Cut]
  package var logits: Bool

  var isEmpty: Bool { cuts.isEmpty && !logits }
}

/// The front up to its cut and the end by itself, over images.
package final class FrozenHalves {
  /// Values of one image, one count for each part: the front's, then the end's cuts and logits.
  package let sizes: [Int]
  private let group: Int
  private let front: Plan
  private let frontTap: TapPoint
  private let end: (plan: Plan, taps: [TapPoint])?
  private let imageSize: Int

  /// - Parameter resized: whether the front's activations are resized to the end's size.
  package init(_ stitch: Stitch, targets: EndTargets, resized: Bool = false, group: Int = 32) throws {
    self.group = group
    imageSize = stitch.front.architecture.input.count
    var segments = [try Segment.model(stitch.front, through: stitch.from)]
    if resized, stitch.input.dropFirst() != stitch.output.dropFirst() {
      segments.append(.resize(stitch.input, to: stitch.output))
    }
    let network = try Network(segments: segments)
    frontTap = network.output
    front = try network.compile(batch: group)
    var sizes = [network.outputShape.reduce(1, *)]
    if targets.isEmpty {
      end = nil
    } else {
      let last = targets.logits ? nil : targets.cuts.last
      let network = try Network(segments: [.model(stitch.end, through: last)])
      let taps = targets.cuts.map { TapPoint.cut($0, segment: 0) } + (targets.logits ? [network.output] : [])
      let plan = try network.compile(batch: group, taps: taps)
      sizes += taps.map { plan.shape(of: $0).dropFirst().reduce(1, *) }
      end = (plan, taps)
    }
    self.sizes = sizes
  }

  /// Computes images one after the other in `images` (count × C × H × W); `body` is given each one's number
  /// and its parts, in the order of `sizes`.
  package func compute(
    _ images: UnsafeBufferPointer<Float>, count: Int, body: (Int, [UnsafeBufferPointer<Float>]) throws -> Void
  ) throws {
    for start in stride(from: 0, to: count, by: group) {
      let rows = min(group, count - start)
      let part = UnsafeBufferPointer(rebasing: images[(start * imageSize)..<((start + rows) * imageSize)])
      _ = front.input.update(fromContentsOf: part)
      try front.forward()
      var values = [front.value(of: frontTap)]
      if let end {
        _ = end.plan.input.update(fromContentsOf: part)
        try end.plan.forward()
        values += end.taps.map { end.plan.value(of: $0) }
      }
      for row in 0..<rows {
        try body(
          start + row,
          zip(values, sizes).map { UnsafeBufferPointer(rebasing: $0[(row * $1)..<((row + 1) * $1)]) })
      }
    }
  }

  /// Runs over the first `count` examples of a source.
  package func compute(
    first count: Int, of source: some ExampleSource, isCancelled: () -> Bool = { false },
    body: (Int, [UnsafeBufferPointer<Float>]) throws -> Void
  ) throws {
    let room = UnsafeMutableBufferPointer<Float>.allocate(capacity: group * imageSize)
    let labels = UnsafeMutableBufferPointer<Int32>.allocate(capacity: group)
    defer {
      room.deallocate()
      labels.deallocate()
    }
    room.initialize(repeating: 0)
    labels.initialize(repeating: 0)
    for start in stride(from: 0, to: count, by: group) {
      if isCancelled() { throw CancellationError() }
      let range = start..<min(count, start + group)
      try source.fill(range, images: room, labels: labels)
      try compute(UnsafeBufferPointer(room), count: range.count) { row, parts in try body(start + row, parts)
      }
    }
  }
}

// Owns what one stitched network makes of the images of a cache. Many are evaluated together in GridEvaluation.swift.
public import NeuralNetworks
import Tensor

extension Stitch {
  /// Evaluates the stitched network on all images of a cache, and compares what the map makes with the end's own
  /// activations at its cut over them.
  /// - Throws: `NetworkError` where the images aren't of the networks' size, have no labels or some beyond the end's
  ///   classes, or an activation isn't finite; `StitchingError` where an output isn't finite or the end's activations
  ///   are all zero; what the source throws.
  public func evaluate(
    _ map: StitchingLayer, on images: ActivationCache, isCancelled: () -> Bool = { false }
  ) throws -> (evaluation: Evaluation, match: ActivationMatch) {
    let made = try GridNetwork.evaluate([.stitched(self, map)], on: images, isCancelled: isCancelled)[0].get()
    return (made.evaluation, made.match!)
  }

  /// ‖S − T‖²_F / ‖T‖²_F over some images of a cache, those of `indices`; nil: all.
  public func structuralError(
    of map: StitchingLayer, on images: ActivationCache, indices: [Int]? = nil,
    isCancelled: () -> Bool = { false }
  ) throws -> Double {
    let network = try Network(segments: [.map(map, frozen: true)])
    return try match(
      of: network.compile(batch: FrozenNetwork.group), at: network.output, on: images,
      indices: indices ?? Array(0..<images.count), isCancelled: isCancelled
    ).structuralError
  }

  private func match(
    of plan: Plan, at mapped: TapPoint, on images: ActivationCache, indices: [Int], isCancelled: () -> Bool
  ) throws -> ActivationMatch {
    var sums = ActivationMatchSums(output)
    let size = output.count
    try forEachGroup(of: indices, on: images, isCancelled: isCancelled) { rows, front, own in
      _ = plan.input.update(fromContentsOf: front)
      try plan.forward()
      sums.add(
        UnsafeBufferPointer(rebasing: plan.value(of: mapped)[..<(rows * size)]),
        UnsafeBufferPointer(rebasing: own[..<(rows * size)]))
    }
    return try sums.match(at: to)
  }

  /// Goes through images in groups of `FrozenNetwork.group`: `body` gets how many there are, the front's activations
  /// at its cut, and the end's own at its cut, room for a whole group each.
  func forEachGroup(
    of indices: [Int], on images: ActivationCache, isCancelled: () -> Bool,
    body: (Int, UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    let group = FrozenNetwork.group
    let parts = [input, output].map {
      UnsafeMutableBufferPointer<Float>.allocate(capacity: group * $0.count)
    }
    for part in parts { part.initialize(repeating: 0) }
    defer { for part in parts { part.deallocate() } }
    for start in stride(from: 0, to: indices.count, by: group) {
      if isCancelled() { throw CancellationError() }
      let rows = Array(indices[start..<min(start + group, indices.count)])
      try images.fill([parts[0]], of: front, at: [.cut(from)], for: rows)
      try images.fill([parts[1]], of: end, at: [.cut(to)], for: rows)
      try body(rows.count, UnsafeBufferPointer(parts[0]), UnsafeBufferPointer(parts[1]))
    }
  }
}

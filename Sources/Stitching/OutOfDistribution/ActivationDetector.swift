// Owns what tells activations that a network has by itself from others, and how stitched ones fare before it.
public import NeuralNetworks
import Tensor

/// Something that was fitted on a network's own activations at a cut.
public protocol ActivationDetector {
  /// How much each of some activations is like those that it was fitted on: the more, the larger.
  /// - Parameter values: count × the cut's shape.
  func scores(of values: UnsafeBufferPointer<Float>, count: Int) throws -> [Double]
}

extension Stitch {
  /// Whether what the map makes looks like the end's own activations at its cut, on all images of a cache: these are the
  /// positives, stitched ones the negatives (arXiv 2412.11299).
  /// - Throws: `StitchingError` where what the map makes isn't finite; what the source and the detector throw.
  public func outOfDistribution(
    _ map: StitchingLayer, on images: ActivationCache, by detector: some ActivationDetector,
    isCancelled: () -> Bool = { false }
  ) throws -> DetectionScores {
    let plan = try Network(segments: [.map(map, frozen: true)]).compile(batch: FrozenNetwork.group)
    let size = output.count
    var (own, stitched): ([Double], [Double]) = ([], [])
    try forEachGroup(of: Array(0..<images.count), on: images, isCancelled: isCancelled) {
      rows, front, natural in
      _ = plan.input.update(fromContentsOf: front)
      try plan.forward()
      let made = UnsafeBufferPointer(rebasing: plan.logits[..<(rows * size)])
      guard made.allSatisfy(\.isFinite) else {
        throw StitchingError("what the map makes for the end's '\(to)' is not finite everywhere")
      }
      own += try detector.scores(of: UnsafeBufferPointer(rebasing: natural[..<(rows * size)]), count: rows)
      stitched += try detector.scores(of: made, count: rows)
    }
    return try DetectionScores(positives: own, negatives: stitched)
  }
}

// Owns running a network over a set of examples: logits and accuracy. Attacks are RobustEvaluation.swift's.

public import Tensor

/// What a network makes of a set of labelled examples.
public struct Evaluation: Sendable {
  /// The share of examples whose label got the largest logit (the first of equals).
  public let accuracy: Double
  /// Examples × classes.
  public let logits: Tensor
  /// One class per example.
  public let labels: [Int32]

  /// Runs every example through the network with running statistics.
  ///
  /// The last batch is filled up with zeros; images don't influence each other.
  /// - Parameter isCancelled: asked between batches; when true, throws `CancellationError`.
  /// - Throws: `NetworkError` where the images aren't of the network's size, have no labels or some beyond its
  ///   classes, or an output isn't finite; what the source throws.
  public init(
    of network: Network, on source: some ExampleSource, batch: Int = 128, isCancelled: () -> Bool = { false }
  ) throws {
    let classes = network.outputShape.count
    try Labels.require(source.classes, within: classes, for: "an accuracy")
    var labels: [Int32] = []
    let logits = try network.outputs(on: source, batch: batch, isCancelled: isCancelled) { labels += $0 }
    try self.init(logits: logits, labels: labels)
  }

  /// The evaluation of outputs that are there already: logits, examples × classes, and as many labels.
  public init(logits: Tensor, labels: [Int32]) throws {
    precondition(
      logits.shape.count == 2 && logits.shape[0] == labels.count,
      "BUG: logits \(logits.shape) for \(labels.count) labels")
    let classes = logits.shape[1]
    let correct = try logits.withUnsafeValues { z in
      try labels.withUnsafeBufferPointer {
        try Labels.check($0, within: classes)
        return Loss.correct(z, labels: $0)
      }
    }
    self.logits = logits
    self.labels = labels
    accuracy = labels.isEmpty ? 0 : Double(correct) / Double(labels.count)
  }
}

extension Network {
  /// What the network makes of every example, with running statistics: examples × values (the output's shape,
  /// flattened).
  ///
  /// - Parameter labels: is given the labels batch by batch.
  /// - Throws: as `Evaluation` does, but needs no labels.
  public func outputs(
    on source: some ExampleSource, batch: Int = 128, isCancelled: () -> Bool = { false },
    labels: (UnsafeBufferPointer<Int32>) -> Void = { _ in }
  ) throws -> Tensor {
    try requireImages(of: source.shape)
    let size = outputShape.count
    let batch = max(1, min(batch, source.count))
    let plan = try evaluating.compile(batch: batch)
    var made = Tensor(zeros: [source.count, size])
    try source.forEachBatch(of: batch, isCancelled: isCancelled) { range, buffers in
      let known = UnsafeBufferPointer(rebasing: buffers.labels[..<range.count])
      _ = plan.input.update(fromContentsOf: buffers.images)
      try plan.forward()
      let part = UnsafeBufferPointer(rebasing: plan.logits[..<(range.count * size)])
      if let wrong = firstNotFinite(part) {
        throw NetworkError(
          "\(segments.last!.name)'s output \(wrong % size) for image \(range.lowerBound + wrong / size) is "
            + "\(part[wrong]), not a finite number")
      }
      made.withUnsafeMutableValues {
        _ = UnsafeMutableBufferPointer(rebasing: $0[(range.lowerBound * size)...]).update(from: part)
      }
      labels(known)
    }
    return made
  }
}

/// The place of the first value that is infinite or no number; nil where there is none.
func firstNotFinite(_ values: UnsafeBufferPointer<Float>) -> Int? {
  guard let base = values.baseAddress else { return nil }
  // x − x is 0 for every finite x and no number for the others.
  var sum = SIMD16<Float>(repeating: 0)
  var i = 0
  while i + 16 <= values.count {
    let x = UnsafeRawPointer(base + i).loadUnaligned(as: SIMD16<Float>.self)
    sum += x - x
    i += 16
  }
  if sum == SIMD16(repeating: 0), values[i...].allSatisfy(\.isFinite) { return nil }
  return values.firstIndex { !$0.isFinite }
}

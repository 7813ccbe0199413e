// Owns running a network over a set of examples: logits, activations, accuracy, clean or attacked.

public import Tensor

/// What a network makes of a set of examples.
public struct Evaluation: Sendable {
  /// The share of examples whose label got the largest logit.
  public let accuracy: Double
  /// Examples × classes.
  public let logits: Tensor
  /// The labels.
  public let labels: [Int32]

  /// Runs every example through the network with running statistics, attacked where an attack is given.
  ///
  /// The last batch is filled up with zeros; images don't influence each other.
  /// - Parameter isCancelled: asked between batches; when true, throws `CancellationError`.
  public init(
    of network: Network, on source: some ExampleSource, batch: Int = 128, attack: Attack? = nil,
    isCancelled: () -> Bool = { false }
  ) throws {
    let batch = max(1, min(batch, source.count))
    let plan = try network.evaluating.compile(batch: batch, wants: Wants(input: attack != nil))
    let classes = plan.outputShape.dropFirst().reduce(1, *)
    let room = ExampleBuffers(batch: batch, shape: source.shape)
    var labels: [Int32] = []
    labels.reserveCapacity(source.count)
    var correct = 0
    logits = try Tensor(shape: [source.count, classes]) { logits in
      for start in stride(from: 0, to: source.count, by: batch) {
        if isCancelled() { throw CancellationError() }
        let range = start..<min(start + batch, source.count)
        try room.fill(range, from: source)
        if let attack {
          try attack.perturb(
            plan, images: room.images, labels: UnsafeBufferPointer(room.labels), clean: room.clean)
        } else {
          _ = plan.input.update(fromContentsOf: room.images)
        }
        try plan.forward()
        let part = UnsafeBufferPointer(rebasing: plan.logits[..<(range.count * classes)])
        _ = UnsafeMutableBufferPointer(rebasing: logits[(start * classes)...]).update(from: part)
        let partLabels = UnsafeBufferPointer(rebasing: room.labels[..<range.count])
        labels.append(contentsOf: partLabels)
        correct += Loss.correct(part, labels: partLabels)
      }
    }
    self.labels = labels
    accuracy = source.count == 0 ? 0 : Double(correct) / Double(source.count)
  }
}

/// Room for one batch of examples.
final class ExampleBuffers {
  let images: UnsafeMutableBufferPointer<Float>
  /// Room for an attack's starting point.
  let clean: UnsafeMutableBufferPointer<Float>
  let labels: UnsafeMutableBufferPointer<Int32>

  init(batch: Int, shape: ImageShape) {
    let count = batch * shape.count
    images = UnsafeMutableBufferPointer(start: allocateFloats(count), count: count)
    clean = UnsafeMutableBufferPointer(start: allocateFloats(count), count: count)
    labels = .allocate(capacity: batch)
    labels.initialize(repeating: 0)
  }

  deinit {
    UnsafeMutableRawPointer(images.baseAddress!).deallocate()
    UnsafeMutableRawPointer(clean.baseAddress!).deallocate()
    labels.deallocate()
  }

  /// Loads a range of examples; what is left of the batch is zero.
  func fill(_ range: Range<Int>, from source: some ExampleSource) throws {
    if range.count < labels.count {
      images.update(repeating: 0)
      labels.update(repeating: 0)
    }
    try source.fill(range, images: images, labels: labels)
  }
}

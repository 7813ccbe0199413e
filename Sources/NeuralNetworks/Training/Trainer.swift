// Owns the training of one model: the loop over epochs and batches, standard or adversarial.

/// Adversarial training: a share of each batch is attacked, with the model in evaluation mode.
public struct Adversary: Sendable, Hashable, Codable {
  /// How it is attacked.
  public var attack: Attack
  /// The share of each batch that is attacked, in (0, 1].
  public var ratio: Double

  /// An adversary of the given strength.
  public init(attack: Attack, ratio: Double = 0.5) {
    self.attack = attack
    self.ratio = ratio
  }
}

/// Where a training run is.
public struct TrainingProgress: Sendable, Hashable {
  /// Epochs that are complete.
  public let epoch: Int
  /// All epochs.
  public let epochs: Int
  /// Steps of the current epoch that are complete.
  public let step: Int
  /// Steps in an epoch.
  public let steps: Int
  /// The mean loss of the current epoch so far.
  public let loss: Double
  /// The accuracy on the current epoch's batches so far, attacked ones included.
  public let accuracy: Double
}

/// A recipe that turns a model and batches into a trained model.
public struct Trainer: Sendable {
  /// How often all batches are gone through.
  public var epochs: Int
  /// The learning rate at the beginning.
  public var learningRate: Double
  /// How it falls.
  public var schedule: Schedule
  /// The update rule.
  public var rule: OptimiserRule
  /// Adversarial training; nil: standard.
  public var adversary: Adversary?

  /// A recipe; the defaults are the literature's for ResNets.
  public init(
    epochs: Int, learningRate: Double = 0.1, schedule: Schedule = .steps,
    rule: OptimiserRule = .sgd(momentum: 0.9, nesterov: true, weightDecay: 1e-4), adversary: Adversary? = nil
  ) {
    self.epochs = epochs
    self.learningRate = learningRate
    self.schedule = schedule
    self.rule = rule
    self.adversary = adversary
  }

  /// The mean loss and accuracy of each epoch.
  public struct History: Sendable, Hashable, Codable {
    /// The mean loss of each epoch.
    public var losses: [Double] = []
    /// The accuracy on each epoch's batches, while training.
    public var accuracies: [Double] = []
  }

  /// Trains a model.
  ///
  /// - Parameters:
  ///   - progress: called after every step.
  ///   - isCancelled: asked before every step; when true, throws `CancellationError`.
  /// - Throws: `NetworkError` where the images aren't of the model's size, have no labels or some beyond its
  ///   classes, or none would be attacked; naming epoch, step and rate where the loss or a parameter isn't a finite
  ///   number; what the source throws.
  public func train(
    _ model: Model, on source: some BatchSource, progress: (TrainingProgress) -> Void = { _ in },
    isCancelled: () -> Bool = { false }
  ) throws -> (model: Model, history: History) {
    let batch = source.batch
    guard epochs >= 0, source.batchesPerEpoch > 0 || epochs == 0 else {
      throw NetworkError("no batch of \(batch) images to train on; use a smaller batch or more images")
    }
    let parameters = ParameterSet(model)
    let network = try Network(
      model, frozen: false, statistics: .batchAndUpdate, parameters: parameters)
    try network.requireImages(of: source.shape)
    let classes = model.architecture.classes
    try Labels.require(source.classes, within: classes, for: "training on the cross-entropy")
    let plan = try network.compile(batch: batch, wants: Wants(parameters: true))
    let attacked = try adversary.map {
      try AttackedPart($0, batch: batch, network: network, shape: source.shape)
    }
    let optimiser = Optimiser(rule, for: parameters)
    let labels = UnsafeMutableBufferPointer<Int32>.allocate(capacity: batch)
    labels.initialize(repeating: 0)
    defer { labels.deallocate() }

    var history = History()
    for epoch in 0..<epochs {
      let rate = learningRate * schedule.factor(epoch: epoch, of: epochs)
      var loss = 0.0
      var correct = 0
      for step in 0..<source.batchesPerEpoch {
        if isCancelled() { throw CancellationError() }
        try source.fill(epoch: epoch, step: step, images: plan.input, labels: labels)
        try Labels.check(UnsafeBufferPointer(labels), within: classes)
        try attacked?.perturb(plan.input, labels: UnsafeBufferPointer(labels))
        try plan.forward()
        let stepLoss = Loss.crossEntropy(
          plan.logits, labels: UnsafeBufferPointer(labels), gradient: plan.logitsGradient)
        try plan.backward()
        optimiser.step(plan.gradients(of: 0), learningRate: rate)
        let culprit =
          stepLoss.isFinite
          ? parameters.firstNotFinite.map { "'\($0)' is not finite" } : "the loss is \(stepLoss)"
        if let culprit {
          throw NetworkError(
            "training diverged at epoch \(epoch + 1), step \(step + 1), at a learning rate of \(rate): \(culprit); "
              + "a smaller one may help, if the images are sound")
        }
        loss += stepLoss
        correct += Loss.correct(plan.logits, labels: UnsafeBufferPointer(labels))
        progress(
          TrainingProgress(
            epoch: epoch, epochs: epochs, step: step + 1, steps: source.batchesPerEpoch,
            loss: loss / Double(step + 1), accuracy: Double(correct) / Double((step + 1) * batch)))
      }
      history.losses.append(loss / Double(source.batchesPerEpoch))
      history.accuracies.append(Double(correct) / Double(source.batchesPerEpoch * batch))
    }
    let trained = try Model(
      architecture: model.architecture, tensors: parameters.tensors, standardisation: model.standardisation)
    return (trained, history)
  }
}

/// The first images of each batch, which are attacked before the step, over the live parameters.
private final class AttackedPart {
  private let attack: Attack
  private let count: Int
  private let plan: Plan
  private let buffers: ExampleBuffers

  init(_ adversary: Adversary, batch: Int, network: Network, shape: ImageShape) throws {
    let ratio = adversary.ratio
    guard ratio > 0, ratio <= 1 else { throw NetworkError("adversary: ratio \(ratio) isn't in (0, 1]") }
    count = Int((ratio * Double(batch)).rounded())
    guard count > 0 else {
      throw NetworkError(
        "adversary: a ratio of \(ratio) attacks none of a batch of \(batch) images; raise it to "
          + "\(1 / Double(batch)) for one, or leave the adversary out for standard training")
    }
    attack = adversary.attack
    plan = try network.evaluating.compile(batch: count, wants: Wants(input: true))
    buffers = ExampleBuffers(batch: count, shape: shape)
  }

  func perturb(
    _ images: UnsafeMutableBufferPointer<Float>, labels: UnsafeBufferPointer<Int32>
  ) throws {
    let part = UnsafeMutableBufferPointer(rebasing: images[..<plan.input.count])
    try attack.perturb(
      plan, images: part, labels: UnsafeBufferPointer(rebasing: labels[..<count]), clean: buffers.clean)
  }
}

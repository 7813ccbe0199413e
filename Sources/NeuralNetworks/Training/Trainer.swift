// Owns a training's recipe and its loop over epochs and batches. What one step does is TrainingStep.swift's.

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
  /// The accuracy on the current epoch's batches so far, attacked images included.
  public let accuracy: Double
}

/// A recipe that turns a model and batches into a trained model.
public struct Trainer: Sendable {
  /// How often all batches are gone through.
  public var epochs: Int
  /// What is minimised.
  public var objective: any TrainingObjective
  /// The update rule.
  public var rule: any OptimiserRule
  /// Which parameters the rule's weight decay pulls to zero.
  public var decaying: DecayedParameters
  /// How far each step goes.
  public var rate: LearningRate
  /// The longest that the whole gradient may be; nil: as long as it is.
  public var clipping: Double?
  /// How much of the moving average of weights is kept each step; nil: none is made. With one, the average is what comes
  /// out of a training.
  public var averaging: Double?
  /// Adversarial training; nil: standard.
  public var adversary: Adversary?
  /// Decides the attacks' random starts.
  public var seed: UInt64
  /// What passes multiply, of steps and of attacks.
  public var precision: Precision

  /// A recipe; the defaults are the literature's for ResNets.
  public init(
    epochs: Int, rate: LearningRate = LearningRate(0.1, StepSchedule()),
    objective: some TrainingObjective = CrossEntropy(),
    rule: some OptimiserRule = .sgd(momentum: 0.9, nesterov: true, weightDecay: 1e-4),
    decaying: DecayedParameters = .all, clipping: Double? = nil, averaging: Double? = nil,
    adversary: Adversary? = nil, seed: UInt64 = 0, precision: Precision = .float32
  ) {
    self.epochs = epochs
    self.rate = rate
    self.objective = objective
    self.rule = rule
    self.decaying = decaying
    self.clipping = clipping
    self.averaging = averaging
    self.adversary = adversary
    self.seed = seed
    self.precision = precision
  }

  /// The state before the first step.
  public func start(_ model: Model) -> TrainingState {
    TrainingState(
      model: model, optimiser: OptimiserState(rule, for: model), average: nil, epoch: 0, step: 0,
      history: TrainingHistory(), loss: 0, correct: 0)
  }

  /// Trains a model from the start.
  /// - Throws: as `train(from:on:)`.
  public func train(
    _ model: Model, on source: some BatchSource, progress: (TrainingProgress) -> Void = { _ in },
    isCancelled: () -> Bool = { false }
  ) throws -> (model: Model, history: TrainingHistory) {
    try train(from: start(model), on: source, progress: progress, isCancelled: isCancelled)
  }

  /// Trains on from a state, up to the recipe's epochs. The result has the bits of a training that was never interrupted,
  /// as long as the recipe's steps up to the state were the same.
  ///
  /// - Parameters:
  ///   - progress: called after every step.
  ///   - checkpoint: given the state after every epoch, and inside one whenever it is due.
  ///   - isDue: asked after every step inside an epoch whether the state is wanted; a state is a copy of everything.
  ///   - isCancelled: asked before every step; when true, throws `CancellationError`.
  /// - Throws: `NetworkError` where the recipe makes no sense, the state is another recipe's, the images aren't of the
  ///   model's size, have no labels or some beyond its classes, or none would be attacked; naming epoch, step, rate and
  ///   what went bad where the loss or a parameter isn't a finite number; what the source and `checkpoint` throw.
  public func train(
    from state: TrainingState, on source: some BatchSource,
    progress: (TrainingProgress) -> Void = { _ in },
    checkpoint: (TrainingState) throws -> Void = { _ in }, isDue: () -> Bool = { false },
    isCancelled: () -> Bool = { false }
  ) throws -> (model: Model, history: TrainingHistory) {
    try validate()
    let steps = source.batchesPerEpoch
    guard steps > 0 else {
      throw NetworkError("no batch of \(source.batch) images to train on; use a smaller batch or more images")
    }
    guard state.epoch <= epochs, state.epoch < epochs || state.step == 0, state.step < steps else {
      throw NetworkError(
        "the training's state is after \(state.epoch) epochs and \(state.step) steps of \(steps); it can't go on to "
          + "\(epochs) epochs")
    }
    let training = try TrainingStep(
      self, state, shape: source.shape, batch: source.batch, classes: source.classes)
    var history = state.history
    var (loss, correct) = (state.loss, state.correct)
    for epoch in state.epoch..<epochs {
      for step in (epoch == state.epoch ? state.step : 0)..<steps {
        if isCancelled() { throw CancellationError() }
        let made = try training.run(epoch: epoch, step: step, on: source)
        loss += made.loss
        correct += made.correct
        progress(
          TrainingProgress(
            epoch: epoch, epochs: epochs, step: step + 1, steps: steps, loss: loss / Double(step + 1),
            accuracy: Double(correct) / Double((step + 1) * source.batch)))
        if step + 1 < steps, isDue() {
          try checkpoint(
            training.state(epoch: epoch, step: step + 1, history: history, loss: loss, correct: correct))
        }
      }
      history.losses.append(loss / Double(steps))
      history.accuracies.append(Double(correct) / Double(steps * source.batch))
      (loss, correct) = (0, 0)
      try checkpoint(training.state(epoch: epoch + 1, step: 0, history: history, loss: 0, correct: 0))
    }
    return (try training.model, history)
  }

  /// What is wrong with the recipe by itself.
  private func validate() throws {
    func check(_ holds: Bool, _ problem: @autoclosure () -> String) throws {
      if !holds { throw NetworkError(problem()) }
    }
    try check(epochs >= 1, "\(epochs) epochs; expected at least 1")
    try check(rate.base > 0 && rate.base.isFinite, "learning rate \(rate.base); expected one above 0")
    try check(rate.warmUp >= 0, "a warm-up of \(rate.warmUp) epochs; expected at least 0")
    try check(clipping.map { $0 > 0 } ?? true, "gradients clipped to \(clipping!); expected a length above 0")
    try check(
      averaging.map { $0 >= 0 && $0 < 1 } ?? true,
      "a moving average that keeps \(averaging!); expected [0, 1)")
    try check(
      !objective.comparesAttacked || adversary != nil,
      "\(type(of: objective)) compares clean with attacked images and needs an adversary")
    try check(
      !objective.comparesAttacked || adversary?.attack.randomStart == true,
      "\(type(of: objective)): what the attack raises has no slope at the images themselves; it needs a random start"
    )
  }
}

// Owns a fit from beginning to end: where the map starts, and the training of it, with the loss as a value.
public import NeuralNetworks
import Tensor

/// Where a fit is.
public struct FitProgress: Sendable, Hashable {
  /// Epochs that are complete, of `epochs`.
  public let epoch: Int
  public let epochs: Int
  /// Steps of the current epoch that are complete, of `steps`.
  public let step: Int
  public let steps: Int
  /// The mean loss of the current epoch so far.
  public let loss: Double
}

/// What there is to know of a fit besides its map.
public struct FitFacts: Sendable, Hashable, Codable {
  /// Samples that least squares took; nil where it wasn't used.
  public var samples: Int?
  /// Directions of [X 1] that least squares kept, of C + 1.
  public var rank: Int?
  /// The share of the largest singular value below which it dropped directions.
  public var rankTolerance: Double?
  /// ‖S − T‖² / ‖T‖² of the least-squares map on its own samples.
  public var leastSquaresError: Double?
  /// The mean loss of each epoch of training.
  public var losses: [Double] = []
  /// Images that frozen networks were run on while training.
  public var computedImages = 0
}

/// A fitted map.
public struct FittedStitch: Sendable {
  public let map: StitchingLayer
  public let facts: FitFacts
}

extension Stitch {
  /// Fits a map.
  ///
  /// - Parameters:
  ///   - progress: called after every step.
  ///   - isCancelled: asked before every step; when true, throws `CancellationError`.
  /// - Throws: `StitchingError` for options that make no sense and for a loss that isn't a number, with epoch and
  ///   step; `NetworkError`; what the source throws.
  public func fit(
    on source: some FittingSource, options: FitOptions, progress: (FitProgress) -> Void = { _ in },
    isCancelled: () -> Bool = { false }
  ) throws -> FittedStitch {
    try options.validate(for: self)
    guard source.shape == front.architecture.input else {
      throw StitchingError(
        "the images are \(source.shape), but the networks take \(front.architecture.input)")
    }
    var facts = FitFacts()
    let start: StitchingLayer
    switch options.initialisation {
    case .leastSquares:
      let direct = try DirectFit(
        self, on: source, samples: options.samples, tolerance: options.rankTolerance, isCancelled: isCancelled
      )
      start = direct.map
      facts.samples = direct.samples
      facts.rank = direct.rank
      facts.rankTolerance = direct.tolerance
      facts.leastSquaresError = try structuralError(
        of: start, on: source, limit: direct.samples, isCancelled: isCancelled)
    case .random: start = try .initialised(input: input, output: output, seed: options.seed)
    case .identity: start = try identityMap()
    }
    guard options.epochs > 0 else { return FittedStitch(map: start, facts: facts) }
    guard source.batchesPerEpoch > 0 else {
      throw StitchingError("no batch of \(source.batch) images to fit on; use a smaller batch or more images")
    }
    let map = try train(
      start, on: source, options: options, facts: &facts, progress: progress, isCancelled: isCancelled)
    return FittedStitch(map: map, facts: facts)
  }

  private func train(
    _ start: StitchingLayer, on source: some FittingSource, options: FitOptions, facts: inout FitFacts,
    progress: (FitProgress) -> Void, isCancelled: () -> Bool
  ) throws -> StitchingLayer {
    let fitting = try FittingPlan(self, map: start, objective: options.objective, batch: source.batch)
    let halves = try FrozenHalves(self, targets: fitting.targets)
    let frozen = FrozenValues(halves, source: source, budget: options.memory)
    let optimiser = Optimiser(.adam(weightDecay: Float(options.weightDecay)), for: fitting.parameters)
    let targets = halves.sizes.dropFirst().map {
      UnsafeMutableBufferPointer<Float>.allocate(capacity: source.batch * $0)
    }
    for target in targets { target.initialize(repeating: 0) }
    let labels = UnsafeMutableBufferPointer<Int32>.allocate(capacity: source.batch)
    labels.initialize(repeating: 0)
    defer {
      for target in targets { target.deallocate() }
      labels.deallocate()
    }

    let steps = source.batchesPerEpoch
    for epoch in 0..<options.epochs {
      let rate = options.learningRate * options.schedule.factor(epoch: epoch, of: options.epochs)
      var sum = 0.0
      for step in 0..<steps {
        if isCancelled() { throw CancellationError() }
        try frozen.fill(epoch: epoch, step: step, parts: [fitting.plan.input] + targets, labels: labels)
        if options.objective.task > 0 { try check(labels) }
        let loss = try fitting.evaluate(
          targets: targets.map { UnsafeBufferPointer($0) }, labels: UnsafeBufferPointer(labels))
        optimiser.step(fitting.plan.gradients(of: 0), learningRate: rate)
        // A ReLU turns NaN into 0, so that a loss behind it may look fine.
        let culprit =
          loss.isFinite ? fitting.parameters.firstNotFinite.map { "the map's \($0) is" } : "the loss is"
        if let culprit {
          throw StitchingError(
            "the fit diverged at epoch \(epoch + 1), step \(step + 1): \(culprit) not a finite number; a smaller "
              + "learning rate than \(options.learningRate) may help")
        }
        sum += loss
        progress(
          FitProgress(
            epoch: epoch, epochs: options.epochs, step: step + 1, steps: steps, loss: sum / Double(step + 1)))
      }
      facts.losses.append(sum / Double(steps))
    }
    facts.computedImages = frozen.computed
    return try StitchingLayer(
      input: input, output: output,
      weight: fitting.parameters.tensor("weight").reshaped([output[0], input[0]]),
      bias: fitting.parameters.tensor("bias"))
  }

  private func check(_ labels: UnsafeMutableBufferPointer<Int32>) throws {
    let classes = end.architecture.classes
    guard let wrong = labels.first(where: { $0 < 0 || $0 >= classes }) else { return }
    throw StitchingError(
      "the data have a label \(wrong), but the end tells \(classes) classes apart; expected 0…\(classes - 1)")
  }
}

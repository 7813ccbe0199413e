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
  /// Which images least squares took, ascending, by their index in the data; nil where it wasn't used.
  public var leastSquaresIndices: [Int]?
  /// Directions of [X 1] that least squares kept, of C + 1; nil where the map's family tells none apart.
  public var rank: Int?
  /// The share of the largest singular value up to which it dropped directions.
  public var rankTolerance: Double?
  /// ‖S − T‖² / ‖T‖² of the closed form's map on its own samples.
  public var leastSquaresError: Double?
  /// The mean loss of each epoch of training.
  public var losses: [Double] = []
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
  ///   - images: what the frozen networks make of the source's examples, shared with other fits and evaluations of
  ///     the same examples; nil: a cache of the fit's own, of `options.memory` bytes. It decides no bit.
  ///   - progress: called after every step.
  ///   - isCancelled: asked before every step; when true, throws `CancellationError`.
  /// - Throws: `StitchingError` for options that make no sense, for images or labels that aren't the networks', and
  ///   for a loss that isn't a number, with epoch, step and rate; `NetworkError`; what the source throws.
  public func fit(
    on source: some FittingSource, options: FitOptions, sharing images: ActivationCache? = nil,
    progress: (FitProgress) -> Void = { _ in }, isCancelled: () -> Bool = { false }
  ) throws -> FittedStitch {
    try options.validate(for: self)
    guard source.shape == front.architecture.input else {
      throw StitchingError(
        "the images are \(source.shape), but the networks take \(front.architecture.input)")
    }
    if options.trains, options.objective.task > 0 {
      try Labels.require(source.classes, within: end.architecture.classes, for: "the cross-entropy")
    }
    guard !options.trains || source.batchesPerEpoch > 0 else {
      throw StitchingError("no batch of \(source.batch) images to fit on; use a smaller batch or more images")
    }
    let images = images ?? ActivationCache(source, budget: options.memory)
    guard images.shape == source.shape, images.count == source.count else {
      throw StitchingError(
        "the shared activations are of \(images.count) images of \(images.shape), the fit is of \(source.count) of "
          + "\(source.shape)")
    }
    var facts = FitFacts()
    let start: StitchingLayer
    switch options.initialisation {
    case .leastSquares:
      let direct = try DirectFit(self, on: images, options: options, isCancelled: isCancelled)
      start = direct.map
      facts.leastSquaresIndices = direct.indices
      facts.rank = direct.found.rank
      facts.rankTolerance = direct.found.tolerance
      facts.leastSquaresError = direct.structuralError
    case .random:
      start = try options.map.nearestMember(
        to: .initialised(input: input, output: output, seed: options.seed))
    case .identity: start = try options.map.nearestMember(to: identityMap())
    }
    guard options.trains else { return FittedStitch(map: start, facts: facts) }
    let map = try train(
      start, on: source, options: options, images: images, losses: &facts.losses, progress: progress,
      isCancelled: isCancelled)
    return FittedStitch(map: map, facts: facts)
  }

  private func train(
    _ start: StitchingLayer, on source: some FittingSource, options: FitOptions, images: ActivationCache,
    losses: inout [Double], progress: (FitProgress) -> Void, isCancelled: () -> Bool
  ) throws -> StitchingLayer {
    let fitting = try FittingPlan(self, map: start, objective: options.objective, batch: source.batch)
    let batch = try FrozenBatch(self, targets: fitting.targets, source: source, images: images)
    let kept = KeptFamily(options.map, fitting.parameters, weightDecay: options.weightDecay)
    let decay: Float = kept == nil ? Float(options.weightDecay) : 0
    let optimiser = Optimiser(.adam(weightDecay: decay), for: fitting.parameters)
    let steps = source.batchesPerEpoch
    for epoch in 0..<options.epochs {
      var sum = 0.0
      for step in 0..<steps {
        let rate = LearningRate(options.learningRate, options.schedule).rate(
          epoch: epoch, step: step, stepsPerEpoch: steps, epochs: options.epochs)
        if isCancelled() { throw CancellationError() }
        try batch.fill(epoch: epoch, step: step, front: fitting.plan.input)
        if options.objective.task > 0 { try Labels.check(batch.labels, within: end.architecture.classes) }
        let loss = try fitting.evaluate(targets: batch.targets, labels: batch.labels)
        try kept?.direct(fitting.plan.gradients(of: 0))
        optimiser.step(fitting.plan.gradients(of: 0), learningRate: rate)
        // A ReLU turns NaN into 0, so that a loss behind it may look fine.
        let culprit =
          loss.isFinite
          ? fitting.parameters.firstNotFinite.map { "the map's \($0) is not finite" } : "the loss is \(loss)"
        if let culprit {
          throw StitchingError(
            "the fit diverged at epoch \(epoch + 1), step \(step + 1), at a learning rate of \(rate): \(culprit); a "
              + "smaller one may help")
        }
        try kept?.restore()
        sum += loss
        progress(
          FitProgress(
            epoch: epoch, epochs: options.epochs, step: step + 1, steps: steps, loss: sum / Double(step + 1)))
      }
      losses.append(sum / Double(steps))
    }
    return try StitchingLayer(
      input: input, output: output,
      weight: fitting.parameters.tensor("weight").reshaped([output.features, input.features]),
      bias: fitting.parameters.tensor("bias"))
  }
}

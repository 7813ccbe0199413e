// Owns the detector of arXiv 2412.11299: the rest of the end behind the cut, trained on as a classifier whose energies are
// low for known activations and high for outliers.
public import NeuralNetworks
import Tensor

/// How the classifier is trained on. Epochs, margins and the weight are those of arXiv 2412.11299, the rest is what Liu et
/// al. 2020 fine-tune with.
public struct EnergyRecipe: Sendable, Hashable {
  public var epochs = 20
  /// Known images in a step, and as many outliers.
  public var batch = 128
  /// It falls along half a cosine to 0. SGD, Nesterov momentum 0.9, weight decay 5e-4.
  public var learningRate = 1e-3
  /// What the energies' part of the loss counts.
  public var weight = 0.1
  /// Energies of known activations are to be at most this.
  public var knownMargin = -25.0
  /// Energies of outliers are to be at least this.
  public var outlierMargin = -7.0
  /// Decides the order of images.
  public var seed: UInt64 = 0

  public init() {}
}

/// Minus the energy that a classifier gives activations, E = −log Σ exp z.
public final class EnergyDetector: ActivationDetector {
  /// The mean loss of each epoch.
  public let losses: [Double]
  private let plan: Plan

  /// Trains the end behind a cut on, with the cross-entropy of known images plus
  /// weight · (mean relu(E − knownMargin)² over them + mean relu(outlierMargin − E)² over outliers). Both go through in
  /// one batch; batch norms use its statistics, and move their own by it.
  ///
  /// - Parameters:
  ///   - known: labelled images that the end knows.
  ///   - outliers: images that are none of those; where there are fewer, they come more than once.
  ///   - progress: is told how many epochs are done.
  /// - Throws: `StitchingError` where images are too few, or the loss isn't finite; `NetworkError` where labels are
  ///   missing or beyond the end's classes.
  public init(
    of end: Model, after cut: Cut, known: ActivationCache, outliers: ActivationCache, recipe: EnergyRecipe,
    progress: (Int) -> Void = { _ in }, isCancelled: () -> Bool = { false }
  ) throws {
    let classes = end.architecture.classes
    try Labels.require(known.classes, within: classes, for: "an energy classifier")
    let (batch, steps) = (recipe.batch, known.count / recipe.batch)
    guard steps > 0 else {
      throw StitchingError(
        "an energy classifier has \(known.count) known images, fewer than one batch of \(batch); take a smaller batch or "
          + "more images")
    }
    guard outliers.count > 0 else { throw StitchingError("an energy classifier has no outliers") }
    let parameters = ParameterSet(end)
    func tail(frozen: Bool, _ statistics: BatchNormStatistics) throws -> Network {
      try Network(segments: [
        .model(end, after: cut, frozen: frozen, statistics: statistics, parameters: parameters)
      ])
    }
    let training = try tail(frozen: false, .batchAndUpdate).compile(
      batch: 2 * batch, wants: Wants(parameters: true))
    let optimiser = Optimiser(.sgd(momentum: 0.9, nesterov: true, weightDecay: 5e-4), for: parameters)
    let rate = LearningRate(recipe.learningRate, CosineSchedule())
    let half = training.input.count / 2
    let inputs = [
      UnsafeMutableBufferPointer(rebasing: training.input[..<half]),
      UnsafeMutableBufferPointer(rebasing: training.input[half...]),
    ]
    var losses: [Double] = []
    for epoch in 0..<recipe.epochs {
      let order = Philox(seed: recipe.seed, purpose: .knownOrder, index: UInt32(epoch))
        .permutation(of: known.count)
      let others = Philox(seed: recipe.seed, purpose: .outlierOrder, index: UInt32(epoch))
        .permutation(of: outliers.count)
      var sum = 0.0
      for step in 0..<steps {
        if isCancelled() { throw CancellationError() }
        let indices = Array(order[(step * batch)..<((step + 1) * batch)])
        try known.fill([inputs[0]], of: end, at: [.cut(cut)], for: indices)
        try outliers.fill(
          [inputs[1]], of: end, at: [.cut(cut)],
          for: (0..<batch).map { others[(step * batch + $0) % others.count] })
        try training.forward()
        let labels = try known.labels(of: indices)
        let loss = try labels.withUnsafeBufferPointer {
          try Labels.check($0, within: classes)
          return EnergyDetector.loss(training.logits, labels: $0, recipe, gradient: training.logitsGradient)
        }
        try training.backward()
        let factor = rate.rate(epoch: epoch, step: step, stepsPerEpoch: steps, epochs: recipe.epochs)
        optimiser.step(training.gradients(of: 0), learningRate: factor)
        let culprit =
          loss.isFinite ? parameters.firstNotFinite.map { "\($0) is not finite" } : "the loss is \(loss)"
        if let culprit {
          throw StitchingError(
            "the energy classifier diverged at epoch \(epoch + 1), step \(step + 1): \(culprit); a smaller learning rate "
              + "may help")
        }
        sum += loss
      }
      losses.append(sum / Double(steps))
      progress(epoch + 1)
    }
    self.losses = losses
    plan = try tail(frozen: true, .running).compile(batch: FrozenNetwork.group)
  }

  /// The loss of logits of which the first half are of known images and the second of outliers; writes their gradient.
  package static func loss(
    _ logits: UnsafeBufferPointer<Float>, labels: UnsafeBufferPointer<Int32>, _ recipe: EnergyRecipe,
    gradient: UnsafeMutableBufferPointer<Float>
  ) -> Double {
    let (rows, half) = (labels.count, logits.count / 2)
    let (own, others) = (
      UnsafeBufferPointer(rebasing: logits[..<half]), UnsafeBufferPointer(rebasing: logits[half...])
    )
    let ownGradient = UnsafeMutableBufferPointer(rebasing: gradient[..<half])
    let othersGradient = UnsafeMutableBufferPointer(rebasing: gradient[half...])
    othersGradient.update(repeating: 0)
    return Loss.crossEntropy(own, labels: labels, gradient: ownGradient)
      + Loss.energyMargin(
        own, rows: rows, .atMost(recipe.knownMargin), weight: recipe.weight, addingTo: ownGradient)
      + Loss.energyMargin(
        others, rows: rows, .atLeast(recipe.outlierMargin), weight: recipe.weight, addingTo: othersGradient)
  }

  public func scores(of values: UnsafeBufferPointer<Float>, count: Int) throws -> [Double] {
    let size = values.count / max(count, 1)
    var scores: [Double] = []
    for start in stride(from: 0, to: count, by: plan.batch) {
      let rows = min(plan.batch, count - start)
      _ = plan.input.update(
        fromContentsOf: UnsafeBufferPointer(rebasing: values[(start * size)..<((start + rows) * size)]))
      try plan.forward()
      let classes = plan.logits.count / plan.batch
      scores += Loss.energies(UnsafeBufferPointer(rebasing: plan.logits[..<(rows * classes)]), rows: rows)
        .map { -$0 }
    }
    return scores
  }
}

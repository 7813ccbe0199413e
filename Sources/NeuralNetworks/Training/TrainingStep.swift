// Owns one step of a training: the live values, the plans over them, and what happens between a batch and the moved
// parameters.

import CKernels
import Tensor

/// The live side of a training: plans, optimiser and average over one parameter set.
final class TrainingStep {
  private let recipe: Trainer
  private let template: Model
  private let parameters: ParameterSet
  private let network: Network
  private let shape: ImageShape
  private let plan: Plan
  private let optimiser: Optimiser
  private let average: WeightAverage?
  private let attacked: AttackedShare?
  /// The pass of attacked images, where the objective compares.
  private let comparison: Plan?
  private let labels: UnsafeMutableBufferPointer<Int32>
  /// Batch × classes.
  private let targets: UnsafeMutableBufferPointer<Float>

  /// - Parameter classes: how many the data's labels count over; nil where there are none.
  init(_ recipe: Trainer, _ state: TrainingState, shape: ImageShape, batch: Int, classes: Int?) throws {
    self.recipe = recipe
    self.shape = shape
    template = state.model
    let parameters = ParameterSet(state.model)
    let network = try Network(
      state.model, frozen: false, statistics: .batchAndUpdate, parameters: parameters)
    try network.requireImages(of: shape)
    let known = state.model.architecture.classes
    try Labels.require(classes, within: known, for: "training on the cross-entropy")
    try state.optimiser.require(recipe.rule, for: state.model)
    plan = try network.compile(
      batch: batch, wants: Wants(parameters: true), precision: recipe.precision)
    let attacked = try recipe.adversary.map {
      try AttackedShare(
        $0, objective: recipe.objective, batch: batch, network: network, shape: shape, seed: recipe.seed,
        precision: recipe.precision)
    }
    comparison =
      recipe.objective.comparesAttacked
      ? try network.compile(
        batch: attacked!.count, wants: Wants(parameters: true), precision: recipe.precision) : nil
    optimiser = Optimiser(recipe.rule, for: parameters, decaying: recipe.decaying)
    optimiser.state = state.optimiser
    average = recipe.averaging.map { WeightAverage(decay: $0, of: parameters) }
    average?.tensors = state.average
    (self.parameters, self.network, self.attacked) = (parameters, network, attacked)
    labels = .allocate(capacity: batch)
    labels.initialize(repeating: 0)
    targets = .allocate(capacity: batch * known)
    targets.initialize(repeating: 0)
  }

  deinit {
    labels.deallocate()
    targets.deallocate()
  }

  /// Learns from one batch: the mean loss, and how many images had their label as the largest logit.
  func run(epoch: Int, step: Int, on source: some BatchSource) throws -> (loss: Double, correct: Int) {
    try source.fill(epoch: epoch, step: step, images: plan.input, labels: labels)
    try fillTargets(epoch: epoch, step: step, source)
    try attack(step: epoch * source.batchesPerEpoch + step)

    let rate = recipe.rate.rate(
      epoch: epoch, step: step, stepsPerEpoch: source.batchesPerEpoch, epochs: recipe.epochs)
    func requireFinite(_ holds: Bool, _ culprit: () throws -> String) throws {
      if holds { return }
      throw NetworkError(
        "training diverged at epoch \(epoch + 1), step \(step + 1), at a learning rate of \(rate): "
          + "\(try culprit()); a smaller one may help, if the images are sound")
    }
    try plan.forward()
    try comparison?.forward()
    let loss = recipe.objective.loss(batch(plan), attacked: comparison.map(batch))
    try requireFinite(loss.isFinite) {
      "the loss is \(loss.isNaN ? "nan" : "\(loss)"), and \(try network.culprit(in: plan, shape: shape))"
    }
    let correct = Loss.correct(plan.logits, labels: UnsafeBufferPointer(labels))
    try plan.backward()
    let gradients = plan.gradients(of: 0)
    if let comparison {
      try comparison.backward()
      gradients.addGradients(of: comparison)
    }
    if let limit = recipe.clipping { gradients.clip(to: limit) }
    optimiser.step(gradients, learningRate: rate)
    // A ReLU turns NaN into 0, so that the loss alone may look fine.
    let wrong = parameters.firstNotFinite
    try requireFinite(wrong == nil) { gradients.cause(of: wrong!) }
    average?.update()
    return (loss, correct)
  }

  /// The probabilities that each image's classes should have.
  private func fillTargets(epoch: Int, step: Int, _ source: some BatchSource) throws {
    let classes = template.architecture.classes
    try Labels.check(UnsafeBufferPointer(labels), within: classes)
    targets.update(repeating: 0)
    for (row, label) in labels.enumerated() { targets[row * classes + Int(label)] = 1 }
    source.mixTargets(targets, classes: classes, epoch: epoch, step: step)
  }

  /// Attacks the share of the batch that is to be: in place, or where the objective compares, a copy.
  private func attack(step: Int) throws {
    guard let attacked else { return }
    var images = plan.input
    if let comparison {
      _ = comparison.input.update(from: plan.input[..<comparison.input.count])
      images = comparison.input
    }
    try attacked.perturb(images, targets: UnsafeBufferPointer(targets), step: step)
  }

  private func batch(_ plan: Plan) -> PredictedBatch {
    PredictedBatch(
      count: plan.batch, logits: plan.logits,
      targets: UnsafeBufferPointer(rebasing: targets[..<plan.logits.count]), gradient: plan.logitsGradient)
  }

  /// A copy of the whole state.
  func state(
    epoch: Int, step: Int, history: TrainingHistory, loss: Double, correct: Int
  ) throws -> TrainingState {
    TrainingState(
      model: try model(of: parameters.tensors), optimiser: optimiser.state, average: average?.tensors,
      epoch: epoch, step: step, history: history, loss: loss, correct: correct)
  }

  /// What comes out: the average where one is made, else the live values.
  var model: Model { get throws { try model(of: average?.tensors ?? parameters.tensors) } }

  private func model(of tensors: [String: Tensor]) throws -> Model {
    try Model(
      architecture: template.architecture, tensors: tensors, standardisation: template.standardisation)
  }
}

extension ParameterGradients {
  /// Adds another plan's gradients of the same parameters.
  fileprivate func addGradients(of plan: Plan) {
    let other = plan.gradients(of: 0)
    precondition(parameters === other.parameters, "BUG: gradients of another parameter set")
    let sum = UnsafeMutablePointer(mutating: values)
    kernels_add(Int64(parameters.trainedCount), false, sum, other.values, nil, false, sum)
  }
}

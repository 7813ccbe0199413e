// Owns the steps that are measured.

import NeuralNetworks

/// A compiled network, a batch, and one step of the mode.
struct Work {
  let architecture: Architecture
  /// What the steps compute, but for an attack.
  let plan: Plan
  let step: () throws -> Void

  init(_ options: TrainingBenchmark.Options) throws {
    architecture = try Architecture(
      name: options.architecture, input: ImageShape(channels: 3, height: 32, width: 32), classes: 10)
    let model = try Model.initialised(architecture: architecture, seed: 0)
    switch options.mode {
    case .inference: (plan, step) = try Work.inference(model, options)
    case .forward: (plan, step) = try Work.training(model, options, backward: false)
    case .training: (plan, step) = try Work.training(model, options)
    case .pgd: (plan, step) = try Work.training(model, options, attacked: options.batch / 2)
    }
  }

  /// Forward, loss, backward and a step of the optimiser on a fixed batch, of which the first `attacked` images are
  /// moved first.
  private static func training(
    _ model: Model, _ options: TrainingBenchmark.Options, attacked: Int = 0, backward: Bool = true
  ) throws -> (Plan, () throws -> Void) {
    let batch = options.batch
    let parameters = ParameterSet(model)
    let network = try Network(model, frozen: false, statistics: .batchAndUpdate, parameters: parameters)
    let plan = try network.compile(
      batch: batch, wants: Wants(parameters: true), precision: options.precision)
    let labels = UnsafeMutableBufferPointer<Int32>.allocate(capacity: batch)
    _ = labels.initialize(from: (0..<batch).map { Int32($0 % 10) })
    let known = UnsafeBufferPointer(labels)
    fill(plan.input)
    let perturb = try attacked > 0 ? attack(network, on: plan, known, attacked, options.precision) : {}
    let optimiser = Optimiser(.sgd(momentum: 0.9, nesterov: true, weightDecay: 1e-4), for: parameters)
    let step = {
      try perturb()
      try plan.forward()
      guard backward else { return }
      _ = Loss.crossEntropy(plan.logits, labels: known, gradient: plan.logitsGradient)
      try plan.backward()
      optimiser.step(plan.gradients(of: 0), learningRate: 0.01)
    }
    return (plan, step)
  }

  /// PGD-10 on the first images of the plan's batch, with running statistics.
  private static func attack(
    _ network: Network, on plan: Plan, _ labels: UnsafeBufferPointer<Int32>, _ count: Int,
    _ precision: Precision
  ) throws -> () throws -> Void {
    let attacked = try network.evaluating.compile(
      batch: count, wants: Wants(input: true), precision: precision)
    let size = attacked.input.count
    let clean = UnsafeMutableBufferPointer<Float>.allocate(capacity: size)
    let start = UnsafeMutableBufferPointer<Float>.allocate(capacity: size)
    clean.initialize(repeating: 0)
    fill(start)
    let attack = try Attack(epsilon: 8.0 / 255, stepSize: 2.0 / 255, steps: 10)
    return {
      let images = UnsafeMutableBufferPointer(rebasing: plan.input[..<size])
      _ = images.update(fromContentsOf: start)
      try attack.perturb(
        attacked, images: images, labels: UnsafeBufferPointer(rebasing: labels[..<count]), clean: clean)
    }
  }

  private static func inference(
    _ model: Model, _ options: TrainingBenchmark.Options
  ) throws -> (Plan, () throws -> Void) {
    let plan = try Network(model).compile(batch: options.batch, precision: options.precision)
    fill(plan.input)
    return (plan, { try plan.forward() })
  }

  private static func fill(_ images: UnsafeMutableBufferPointer<Float>) {
    for i in images.indices { images.initializeElement(at: i, to: Float(i % 251) / 250) }
  }
}

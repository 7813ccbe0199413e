import NeuralNetworks
import Tensor
import Testing

/// Update rules, schedules, objectives and perturbations against values that PyTorch made.
struct RegimeReferenceTests {
  private static let rules: [(String, any OptimiserRule, Double)] = [
    ("sgd", SGD(weightDecay: 1e-2), 0.1),
    ("nesterov", SGD(momentum: 0.9, nesterov: true, weightDecay: 1e-2), 0.1),
    ("adam", Adam(beta1: 0.8, beta2: 0.99, epsilon: 1e-6, weightDecay: 1e-1), 1e-2),
    ("adamw", Adam(weightDecay: 1e-1, decoupled: true), 1e-2),
  ]

  @Test(
    arguments: rules, [(false, DecayedParameters.all), (true, .all), (false, .weights), (true, .weights)])
  func sixStepsAgreeWithPyTorch(
    _ rule: (String, any OptimiserRule, Double), _ variant: (clipped: Bool, decaying: DecayedParameters)
  ) throws {
    let reference = try Reference("update-rules")
    let label = rule.0 + (variant.clipped ? ".clipped" : "") + (variant.decaying == .weights ? ".spared" : "")
    let segment = Segment.single(
      .linear(outputs: 5), input: [3], ["weight": try reference["weight"], "bias": try reference["bias"]])
    let network = try Network(segments: [segment])
    let plan = try network.compile(batch: 1, wants: Wants(parameters: true))
    func optimiser(_ rule: some OptimiserRule) -> Optimiser {
      Optimiser(rule, for: segment.parameters, decaying: variant.decaying)
    }
    let moving = optimiser(rule.1)
    for step in 0..<6 {
      try plan.forward(reference["x\(step)"])
      try plan.backward([network.output: reference["gradient\(step)"]])
      let gradients = plan.gradients(of: 0)
      if variant.clipped {
        expectClose([Float(gradients.clip(to: 5))], try reference["norm\(step)"].values, 1e-6)
      }
      moving.step(gradients, learningRate: rule.2)
      for name in ["weight", "bias"] {
        expectClose(
          segment.parameters.tensor(name).values, try reference["\(label)\(step).\(name)"].values, 1e-6,
          "\(label), step \(step), \(name)")
      }
    }
  }

  @Test func theMovingAverageAgreesWithPyTorch() throws {
    let reference = try Reference("update-rules")
    let segment = Segment.single(
      .linear(outputs: 5), input: [3], ["weight": try reference["weight"], "bias": try reference["bias"]])
    let average = WeightAverage(decay: 0.9, of: segment.parameters)
    #expect(average.tensors == nil)
    for step in 0..<6 {
      segment.parameters.set("weight", to: try reference["sgd\(step).weight"])
      average.update()
    }
    expectClose(try #require(average.tensors?["weight"]).values, try reference["sgd.average"].values, 1e-6)
  }

  private static let schedules: [(String, LearningRate)] = [
    ("constant", LearningRate(0.1)), ("steps", LearningRate(0.1, StepSchedule())),
    ("milestones", LearningRate(0.1, StepSchedule(milestones: [2, 4, 5], factor: 0.2))),
    ("cosine", LearningRate(0.1, CosineSchedule())),
    ("cosine-end", LearningRate(0.1, CosineSchedule(end: 0.01))),
    ("one-cycle", LearningRate(0.1, OneCycleSchedule())),
    ("one-cycle-late", LearningRate(0.1, OneCycleSchedule(rise: 0.6, start: 0.1, end: 0.001))),
    ("warm-constant", LearningRate(0.1, warmUp: 1.5)),
    ("warm-cosine", LearningRate(0.1, CosineSchedule(), warmUp: 1.5)),
  ]

  @Test(arguments: schedules)
  func theRateOfEachStepAgreesWithPyTorch(_ label: String, _ rate: LearningRate) throws {
    let expected = try Reference("schedules")[label].values
    let rates = (0..<42).map { step in
      rate.rate(epoch: step / 6, step: step % 6, stepsPerEpoch: 6, epochs: 7)
    }
    #expect(expected.count == 42)
    for (step, (a, b)) in zip(rates, expected).enumerated() {
      #expect(abs(a - Double(b)) <= 1e-6 * 0.1, "step \(step): \(a), not \(b)")
    }
  }

  @Test func aScheduleSaysWhetherItDependsOnLength() {
    let length: [(any Schedule, Bool)] = [
      (ConstantSchedule(), false), (StepSchedule(), true), (StepSchedule(milestones: [3, 5]), false),
      (StepSchedule(milestones: [0.5, 5]), true), (CosineSchedule(), true), (OneCycleSchedule(), true),
    ]
    for (schedule, depends) in length {
      #expect(schedule.dependsOnLength == depends)
      let differs = (0..<6).contains { epoch in
        func factor(_ epochs: Int) -> Double {
          schedule.factor(at: TrainingClock(epoch: epoch, step: 1, stepsPerEpoch: 4, epochs: epochs))
        }
        return factor(6) != factor(9)
      }
      #expect(differs == depends, "\(schedule)")
    }
  }

  private static let objectives: [(String, String, any TrainingObjective)] = [
    ("smoothed", "labels", CrossEntropy(smoothing: 0.1)), ("of-shares", "shares", CrossEntropy()),
    ("smoothed-of-shares", "shares", CrossEntropy(smoothing: 0.2)), ("trades", "labels", TRADES()),
  ]

  @Test(arguments: objectives)
  func objectivesAgreeWithPyTorchAndWithFiniteDifferences(
    _ label: String, _ kind: String, _ objective: any TrainingObjective
  ) throws {
    let reference = try Reference("objectives")
    let labels = try reference.labels("labels")
    let targets =
      kind == "shares"
      ? try reference["shares"].values
      : labels.flatMap { label in (0..<5).map { $0 == Int(label) ? Float(1) : 0 } }
    let made = loss(objective, try reference["clean"].values, try reference["attacked"].values, targets)
    expectClose([Float(made.loss)], try reference[label].values, 1e-6)
    expectClose(made.clean, try reference["\(label).dclean"].values, 1e-6)
    if objective.comparesAttacked {
      expectClose(made.attacked, try reference["\(label).dattacked"].values, 1e-6)
    }

    let (clean, attacked) = (try reference["clean"].values, try reference["attacked"].values)
    for i in 0..<(objective.comparesAttacked ? 50 : 30) {
      func moved(_ by: Float) -> Double {
        var (a, b) = (clean, attacked)
        if i < 30 { a[i] += by } else { b[i - 30] += by }
        return loss(objective, a, b, targets).loss
      }
      let slope = (moved(1.0 / 256) - moved(-1.0 / 256)) * 128
      #expect(abs(slope - Double(i < 30 ? made.clean[i] : made.attacked[i - 30])) < 5e-4)
    }
  }

  @Test func whatTRADESAttacksRaiseIsTheDivergence() throws {
    let reference = try Reference("objectives")
    var gradient = Tensor(zeros: [4, 5])
    try gradient.withUnsafeMutableValues { g in
      try reference["attacked"].withUnsafeValues { attacked in
        try reference["clean"].withUnsafeValues { clean in
          let batch = PredictedBatch(count: 4, logits: attacked, targets: clean, gradient: g)
          TRADES().writeAttackGradient(batch, clean: UnsafeBufferPointer(rebasing: clean[..<20]))
        }
      }
    }
    expectClose(gradient.values, try reference["trades.attack"].values, 1e-6)
  }

  @Test(arguments: [(Attack.Norm.linf, Float(0.1), Float(0.04)), (.l2, 0.5, 0.3)])
  func oneStepOfAnAttackAgreesWithPyTorch(_ norm: Attack.Norm, _ epsilon: Float, _ stepSize: Float) throws {
    let reference = try Reference("perturbations")
    let attack = try Attack(norm: norm, epsilon: epsilon, stepSize: stepSize, steps: 1)
    var (x, clean) = (try reference["\(norm.rawValue).x"], try reference["clean"])
    let gradient = try reference["gradient"]
    x.withUnsafeMutableValues { x in
      clean.withUnsafeMutableValues { clean in
        gradient.withUnsafeValues { attack.step(x, gradient: $0, clean: clean, size: 50) }
      }
    }
    expectClose(x.values, try reference["\(norm.rawValue).y"].values, 1e-6)
  }

  private func loss(
    _ objective: any TrainingObjective, _ clean: [Float], _ attacked: [Float], _ targets: [Float]
  ) -> (loss: Double, clean: [Float], attacked: [Float]) {
    var (first, second) = ([Float](repeating: 0, count: 30), [Float](repeating: 0, count: 20))
    let loss = clean.withUnsafeBufferPointer { clean in
      attacked.withUnsafeBufferPointer { attacked in
        targets.withUnsafeBufferPointer { targets in
          first.withUnsafeMutableBufferPointer { first in
            second.withUnsafeMutableBufferPointer { second in
              objective.loss(
                PredictedBatch(count: 6, logits: clean, targets: targets, gradient: first),
                attacked: objective.comparesAttacked
                  ? PredictedBatch(count: 4, logits: attacked, targets: targets, gradient: second) : nil)
            }
          }
        }
      }
    }
    return (loss, first, second)
  }
}

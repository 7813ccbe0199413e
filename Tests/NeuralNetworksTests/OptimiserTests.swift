import NeuralNetworks
import Tensor
import Testing

struct OptimiserTests {
  @Test(arguments: [
    ("sgd", SGD() as any OptimiserRule, 0.1),
    ("momentum", SGD(momentum: 0.9, weightDecay: 1e-2), 0.1),
    ("nesterov", SGD(momentum: 0.9, nesterov: true, weightDecay: 1e-4), 0.1),
    ("adam", Adam(weightDecay: 1e-2), 1e-3),
  ])
  func fiveStepsAgreeWithPyTorch(_ label: String, _ rule: any OptimiserRule, _ rate: Double) throws {
    let reference = try Reference("optimisers")
    // The bias of a linear layer gets exactly the gradient that is put in at the output.
    let segment = Segment.single(
      .linear(outputs: 7), input: [1],
      ["weight": Tensor(zeros: [7, 1]), "bias": try reference["start"]])
    let network = try Network(segments: [segment])
    let plan = try network.compile(batch: 1, wants: Wants(parameters: true))
    let optimiser = Optimiser(rule, for: segment.parameters)
    for step in 0..<5 {
      try plan.forward(Tensor(zeros: [1, 1]))
      #expect(Array(plan.logits) == segment.parameters.tensor("bias").values)
      try plan.backward([network.output: try reference["gradient\(step)"].reshaped([1, 7])])
      optimiser.step(plan.gradients(of: 0), learningRate: rate)
      expectClose(
        segment.parameters.tensor("bias").values, try reference["\(label)\(step)"].values, 2e-7,
        "\(label), step \(step)")
    }
  }

  @Test func adamsBiasCorrectionsHoldOverManySteps() throws {
    // A constant gradient has its own value as mean and root of the mean square, however many steps there were: each
    // step is as long as the rate.
    let segment = Segment.single(
      .linear(outputs: 3), input: [1],
      ["weight": Tensor(zeros: [3, 1]), "bias": Tensor(zeros: [3])])
    let network = try Network(segments: [segment])
    let plan = try network.compile(batch: 1, wants: Wants(parameters: true))
    let optimiser = Optimiser(.adam(), for: segment.parameters)
    try plan.forward(Tensor(zeros: [1, 1]))
    try plan.backward([network.output: Tensor(shape: [1, 3], values: [1, -3, 0.01])])
    for step in 1...2000 {
      optimiser.step(plan.gradients(of: 0), learningRate: 1.0 / 1024)
      guard step == 1 || step == 10 || step == 2000 else { continue }
      let moved = segment.parameters.tensor("bias").values.map { $0 * 1024 / Float(step) }
      expectClose(moved, [-1, 1, -1], 1e-3, "step \(step)")
    }
  }
}

import NeuralNetworks
import Stitching
import Tensor
import Testing

private let objectives: [(String, Objective)] = [
  ("task", Objective(task: 1)), ("soft", Objective(soft: 1)), ("hint", Objective(hint: 1)),
  ("fula", Objective(fula: 1)), ("fula-two-hooks", Objective(fula: 1, cuts: 2)),
  ("fula-soft", Objective(fula: 1, fulaIncludesSoft: true)),
  ("all", Objective(task: 0.5, soft: 2, fula: 1.5, hint: 0.25)),
]

/// The loss and the gradients of weight and bias, by a plan.
private func evaluate(_ stitch: Stitch, _ map: StitchingLayer, _ objective: Objective) throws -> (
  Double, Tensor, Tensor
) {
  let images = try References.images()
  let losses = StepLosses(objective, endCuts: stitch.endCuts)
  let batch = try FrozenBatch(
    stitch, front: [stitch.frontPoint], end: losses.points, source: images,
    images: ActivationCache(images, budget: 0))
  try batch.fill(epoch: 0, step: 0)
  let joint = Junction(stitch.output, batch: images.batch)
  let live = try stitch.fromKept(map)
  let mapping = try MapPlan(
    live, input: Junction(stitch.keptInput, batch: images.batch), output: joint, trains: true,
    room: PlanRoom())
  let end = try TailPlan(
    stitch.end, after: stitch.to, LossPlaces(losses), input: joint, room: PlanRoom())
  try mapping.forward(ParameterSet(live), batch.front[stitch.frontPoint]!)
  let own = batch.end[.logits].map { rows in
    rows.flatMap { Array(UnsafeBufferPointer(start: $0.values, count: stitch.end.architecture.classes)) }
  }
  let loss = try (own ?? []).withUnsafeBufferPointer { logits in
    try end.evaluate(
      losses, own: losses.cuts.map { batch.end[.cut($0.cut)]! }, logits: logits,
      labels: UnsafeBufferPointer(batch.labels))
  }
  let gradients = try mapping.backward()
  let weight = gradients.tensor("weight")
  return (loss, weight.reshaped([weight.shape[0], weight.shape[1]]), gradients.tensor("bias"))
}

@Test(arguments: ["down", "up", "same"], objectives)
func lossesAndGradientsAgreeWithPyTorch(name: String, objective: (String, Objective)) throws {
  let (loss, weight, bias) = try evaluate(References.stitch(name), References.map(name), objective.1)
  let prefix = "\(name).\(objective.0)"
  #expect(try abs(loss - References.value("\(prefix).loss")) < 1e-5 * max(1, abs(loss)))
  #expect(close(weight, try References.tensor("\(prefix).dweight"), 1e-4))
  #expect(close(bias, try References.tensor("\(prefix).dbias"), 1e-4))
}

@Test(arguments: ["down", "up", "same"])
func weightedCutsAgreeWithPyTorch(name: String) throws {
  let stitch = try References.stitch(name)
  let weights = (1...stitch.endCuts.count).map(Double.init)
  let (loss, weight, _) = try evaluate(
    stitch, References.map(name), Objective(fula: 1, cutWeights: weights))
  #expect(try abs(loss - References.value("\(name).fula-weighted.loss")) < 1e-5)
  #expect(close(weight, try References.tensor("\(name).fula-weighted.dweight"), 1e-4))
}

@Test(arguments: objectives)
func gradientsAgreeWithFiniteDifferences(objective: (String, Objective)) throws {
  let stitch = try References.stitch("same")
  let map = try References.map("same")
  let (_, weight, _) = try evaluate(stitch, map, objective.1)
  // Along the gradient, where the slope is its norm: single weights' slopes drown in float32's rounding.
  let norm = weight.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  func loss(_ step: Float) throws -> Double {
    let moved = Tensor(
      shape: map.weight.shape, values: zip(map.weight.values, weight.values).map { $0 + step * $1 / norm })
    return try evaluate(
      stitch, StitchingLayer(input: map.input, output: map.output, weight: moved, bias: map.bias), objective.1
    ).0
  }
  let slope = try (loss(0.01) - loss(-0.01)) / 0.02
  #expect(abs(slope - Double(norm)) < 0.02 * Double(norm), "\(slope), \(norm)")
}

@Test func theGradientOfASelfStitchIsZero() throws {
  let model = try References.model("end")
  let stitch = try Stitch(front: model, from: Cut("conv2"), end: model, to: Cut("conv2"))
  let identity = try StitchingLayer(
    input: stitch.input, output: stitch.output,
    weight: Tensor(shape: [8, 8], values: (0..<64).map { $0 / 8 == $0 % 8 ? 1 : 0 }), bias: Tensor(zeros: [8])
  )
  let (loss, weight, bias) = try evaluate(stitch, identity, Objective(fula: 1, hint: 1))
  #expect(loss < 1e-5)
  // C11: stitched and end differ by rounding at most, and that has no direction.
  #expect(weight.values.allSatisfy { $0 == 0 } && bias.values.allSatisfy { $0 == 0 })
}

import NeuralNetworks
import Tensor
import Testing

/// Layers against PyTorch: values, and all their gradients.
struct LayerReferenceTests {
  @Test(arguments: [
    ("plain", Segment.SingleLayer.convolution(outputs: 5, kernel: 3, stride: 1, padding: 1)),
    ("strided", .convolution(outputs: 32, kernel: 3, stride: 2, padding: 1)),
    ("pointwise", .convolution(outputs: 16, kernel: 1, stride: 1, padding: 0)),
    ("shortcut", .convolution(outputs: 32, kernel: 1, stride: 2, padding: 0)),
  ])
  func convolutionsAgreeWithPyTorch(_ label: String, _ kind: Segment.SingleLayer) throws {
    let values = try Reference("convolution").all("\(label).")
    let plan = try run(
      .single(
        kind, input: Array(values["x"]!.shape.dropFirst()),
        ["weight": values["weight"]!, "bias": values["bias"]!]), values)
    expectClose(plan.gradients(of: 0).tensor("weight").values, values["dweight"]!.values)
    expectClose(plan.gradients(of: 0).tensor("bias").values, values["dbias"]!.values)
  }

  @Test(arguments: [("batch", BatchNormStatistics.batchAndUpdate), ("running", .running)])
  func batchNormsAgreeWithPyTorch(_ label: String, _ statistics: BatchNormStatistics) throws {
    let values = try Reference("batch-norm").all("\(label).")
    let segment = Segment.single(
      .batchNorm, input: [5, 3, 2], statistics: statistics,
      [
        "norm.weight": values["weight"]!, "norm.bias": values["bias"]!,
        "norm.running_mean": values["running_mean"]!, "norm.running_var": values["running_var"]!,
      ])
    let plan = try run(segment, values)
    expectClose(plan.gradients(of: 0).tensor("norm.weight").values, values["dweight"]!.values)
    expectClose(plan.gradients(of: 0).tensor("norm.bias").values, values["dbias"]!.values)
    expectClose(segment.parameters.tensor("norm.running_mean").values, values["mean_after"]!.values)
    expectClose(segment.parameters.tensor("norm.running_var").values, values["var_after"]!.values)
  }

  @Test(arguments: [("up", 7, 8), ("down", 4, 4), ("odd", 3, 4)])
  func resizesAgreeWithPyTorch(_ label: String, _ height: Int, _ width: Int) throws {
    let values = try Reference("resize").all("\(label).")
    let shape = Array(values["x"]!.shape.dropFirst())
    _ = try run(.resize(shape, to: [shape[0], height, width]), values)
  }

  @Test func theResizesGradientIsItsTranspose() throws {
    // ⟨Rx, y⟩ = ⟨x, Rᵀy⟩
    let network = try Network(segments: [.resize([2, 8, 6], to: [2, 5, 9])])
    let plan = try network.compile(batch: 3, wants: Wants(input: true))
    let (x, y) = (noise([3, 2, 8, 6], seed: 1), noise([3, 2, 5, 9], seed: 2))
    try plan.forward(x)
    try plan.backward([network.output: y])
    let left = zip(plan.tensor(of: network.output).values, y.values).reduce(0) { $0 + $1.0 * $1.1 }
    let right = zip(x.values, plan.inputGradient).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(left - right) < 1e-4 * abs(left))
  }

  /// Runs x and the gradient through a segment, and compares y and dx.
  private func run(_ segment: Segment, _ values: [String: Tensor]) throws -> Plan {
    let network = try Network(segments: [segment])
    let plan = try network.compile(
      batch: values["x"]!.shape[0],
      wants: Wants(input: true, parameters: !segment.parameters.tensors.isEmpty))
    try plan.forward(values["x"]!)
    expectClose(plan.tensor(of: network.output).values, values["y"]!.values, 1e-5, "y")
    try plan.backward([network.output: values["gradient"]!])
    expectClose(Array(plan.inputGradient), values["dx"]!.values, 1e-5, "dx")
    return plan
  }
}

// Owns the linear layer.

/// y = W x + b for vectors x (inputs) and y (outputs), W outputs × inputs, b outputs (PyTorch's Linear).
struct Linear: Layer {
  let name: String
  let inputs: Int
  let outputs: Int

  init(_ name: String, from inputs: Int, to outputs: Int) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
  }

  private var weightName: String { name.isEmpty ? "weight" : "\(name).weight" }
  private var biasName: String { name.isEmpty ? "bias" : "\(name).bias" }

  var parameters: [ParameterDeclaration] {
    [
      ParameterDeclaration(name: weightName, shape: [outputs, inputs], role: .linear(inputs: inputs)),
      ParameterDeclaration(name: biasName, shape: [outputs], role: .linear(inputs: inputs)),
    ]
  }

  func outputShape(_ inputs: [[Int]]) -> [Int] { [outputs] }

  /// As a 1×1 convolution of images of one pixel: oneDNN's own fully connected layer is a matrix product, and of
  /// that a row's bits depend on its place in the batch (2.6 and 3.2 with AVX2).
  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    try Convolution(name, from: inputs, to: outputs, kernel: 1, hasBias: true).plan(node, plan)
  }
}

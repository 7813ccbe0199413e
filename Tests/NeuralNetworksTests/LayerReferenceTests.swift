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

  @Test(arguments: [
    ("norm-tokens", Segment.SingleLayer.layerNorm), ("norm-vectors", .layerNorm), ("gelu", .gelu),
    ("attention-one", .attention(heads: 2)), ("attention-narrow", .attention(heads: 3)),
    ("attention-wide", .attention(heads: 2)), ("attention-long", .attention(heads: 1)),
    ("patches", .patchEmbedding(patch: 4, width: 6)), ("linear-narrow", .tokenLinear(outputs: 7)),
    ("linear-wide", .tokenLinear(outputs: 48)), ("residual", .tokenResidual),
    ("embedding", .classTokenAndPositions),
  ])
  func layersOfTransformersAgreeWithPyTorch(_ label: String, _ kind: Segment.SingleLayer) throws {
    let values = try Reference("transformer-layers").all("\(label).")
    // `norm.weight` is `weight` there.
    func plain(_ name: String) -> String { String(name.split(separator: ".").last!) }
    let segment = Segment.single(kind, input: Array(values["x"]!.shape.dropFirst())) { name, _ in
      values[plain(name)]!
    }
    let plan = try run(segment, values)
    for name in segment.parameters.tensors.keys {
      let gradient = plan.gradients(of: 0).tensor(name).values
      expectClose(gradient, values["d\(plain(name))"]!.values, 1e-5, name)
    }
  }

  // E: the batch norm behind a frozen convolution goes into its weights and its bias.
  @Test(arguments: [("plain", 5), ("blocked", 32)])
  func convolutionsWithBiasAndAFoldedBatchNormAgreeWithPyTorch(_ label: String, _ outputs: Int) throws {
    let values = try Reference("frozen-layers").all("folded-\(label).")
    let segment = Segment.single(
      .convolutionAndBatchNorm(outputs: outputs, kernel: 3, padding: 1),
      input: Array(values["x"]!.shape.dropFirst()), frozen: true, values)
    let plan = try run(segment, values)
    #expect(!plan.steps.contains { $0.name.contains("batch norm") })
  }

  // E: a frozen network whose batch norms follow the batch still passes gradients through them.
  @Test(arguments: ["plain", "blocked"])
  func frozenBatchNormsWithTheBatchsStatisticsAgreeWithPyTorch(_ label: String) throws {
    var values = try Reference("frozen-layers").all("batch-\(label).")
    let shape = Array(values["x"]!.shape.dropFirst())
    for name in ["weight", "bias"] { values["norm.\(name)"] = values[name] }
    for name in ["mean", "var"] { values["norm.running_\(name)"] = Tensor(zeros: [shape[0]]) }
    let segment = Segment.single(
      .batchNormAndReLU, input: shape, frozen: true, statistics: .batch, values)
    _ = try run(segment, values)
    #expect(segment.parameters.tensor("norm.running_mean") == Tensor(zeros: [shape[0]]))
  }

  @Test(arguments: ["plain", "blocked"])
  func maximaAgreeWithPyTorch(_ label: String) throws {
    let values = try Reference("frozen-layers").all("maximum-\(label).")
    _ = try run(.single(.maxPooling(2), input: Array(values["x"]!.shape.dropFirst())), values)
  }

  // C5: the last values of a tensor, beyond the vectors, made zeros of them.
  @Test func whatIsNoNumberPassesAReLUWhereverItStands() throws {
    let network = try Network(segments: [.single(.relu, input: [19])])
    let plan = try network.compile(batch: 1, wants: Wants(input: true))
    try plan.forward(Tensor(shape: [1, 19], values: [Float](repeating: .nan, count: 19)))
    #expect(plan.logits.allSatisfy { $0.isNaN })
    try plan.backward([network.output: Tensor(shape: [1, 19], values: [Float](repeating: 1, count: 19))])
    #expect(plan.inputGradient.allSatisfy { $0 == 1 })
  }

  // E: where oneDNN has no fast convolution that adds, which is with AVX alone, the addition is a step of its own
  // (and was wrong for channels that fill no block).
  @Test func additionsAreTheSameFusedAndUnfused() throws {
    var unfused = 0
    for channels in [3, 5, 16, 32] {
      let shape = [channels, 8, 8]
      let values = [
        "weight": noise([channels, channels, 3, 3], seed: 1, scale: 0.3), "bias": noise([channels], seed: 2),
      ]
      let x = noise([2] + shape, seed: 3)
      let convolution = try Network(segments: [
        .single(.convolution(outputs: channels, kernel: 3, stride: 1, padding: 1), input: shape, values)
      ]).compile(batch: 2)
      try convolution.forward(x)
      let expected = zip(convolution.logits, x.values).map { max($0 + $1, 0) }
      let residual = try Network(segments: [.single(.residual, input: shape, values)]).compile(batch: 2)
      try residual.forward(x)
      expectClose(Array(residual.logits), expected, 1e-6, "\(channels) channels")
      unfused += residual.steps.contains { $0.name == "addition" } ? 1 : 0
    }
    let usesWinograd =
      ComputePlatform.facts["oneDNN"]!.hasPrefix("2.")
      && ComputePlatform.facts["instructions"]!.contains("avx512_core")
    switch ComputePlatform.facts["instructions"] {
    case "avx": #expect(unfused >= 2)
    case "sse41": break  // as 2.6 or as 3.x
    // Winograd's algorithm, of 32 channels, can't add.
    default: #expect(unfused == (usesWinograd ? 1 : 0))
    }
  }

  @Test(arguments: [("up", 7, 8), ("down", 4, 4), ("odd", 3, 4)])
  func resizesAgreeWithPyTorch(_ label: String, _ height: Int, _ width: Int) throws {
    let values = try Reference("resize").all("\(label).")
    let shape = values["x"]!.shape
    let image = ImageShape(channels: shape[1], height: shape[2], width: shape[3])
    let size = ImageShape(channels: shape[1], height: height, width: width)
    _ = try run(.positions(of: .image(image), at: .image(size)), values)
  }

  @Test func theResizesGradientIsItsTranspose() throws {
    // ⟨Rx, y⟩ = ⟨x, Rᵀy⟩
    let network = try Network(segments: [
      .positions(
        of: .image(ImageShape(channels: 2, height: 8, width: 6)),
        at: .image(ImageShape(channels: 2, height: 5, width: 9)))
    ])
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
      wants: Wants(input: true, parameters: !segment.frozen && !segment.parameters.tensors.isEmpty))
    try plan.forward(values["x"]!)
    expectClose(plan.tensor(of: network.output).values, values["y"]!.values, 1e-5, "y")
    try plan.backward([network.output: values["gradient"]!])
    expectClose(Array(plan.inputGradient), values["dx"]!.values, 1e-5, "dx")
    return plan
  }
}

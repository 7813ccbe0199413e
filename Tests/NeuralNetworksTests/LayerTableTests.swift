import NeuralNetworks
import Tensor
import Testing

/// Each layer that `LayerReferenceTests` doesn't look at more closely, against PyTorch: its value, and the gradients of
/// its input and of all its parameters.
struct LayerTableTests {
  @Test(arguments: [
    ("stem7", Segment.SingleLayer.convolution(outputs: 16, kernel: 7, stride: 2, padding: 3)),
    ("five", .convolution(outputs: 6, kernel: 5, stride: 1, padding: 2)),
    ("linear", .linear(outputs: 4)), ("classifier", .linear(outputs: 10)),
    ("relu-plain", .relu), ("relu-blocked", .relu),
    ("mean-plain", .globalAverage), ("mean-blocked", .globalAverage),
    ("residual-plain", .residual), ("residual-blocked", .residual),
    ("padded-maximum-plain", .maxPooling(3, stride: 2, padding: 1)),
    ("padded-maximum-blocked", .maxPooling(3, stride: 2, padding: 1)),
    ("flatten", .flatten),
    ("class-token", .classTokenOnly),
  ])
  func layersAgreeWithPyTorch(_ label: String, _ kind: Segment.SingleLayer) throws {
    let values = try Reference("layers").all("\(label).")
    let x = values["x"]!
    let segment = Segment.single(kind, input: Array(x.shape.dropFirst())) { name, _ in
      values["parameter.\(name)"]!
    }
    let gradients = try Reference("layers").all("\(label).gradient.")
    let parameters = Set(segment.parameters.tensors.keys)
    #expect(parameters == Set(gradients.keys))
    let network = try Network(segments: [segment])
    let plan = try network.compile(
      batch: x.shape[0], wants: Wants(input: true, parameters: !parameters.isEmpty))
    try plan.forward(x)
    #expect(plan.outputShape == values["y"]!.shape)
    expectClose(Array(plan.logits), values["y"]!.values, 1e-5, "y")
    try plan.backward([network.output: values["gradient"]!])
    expectClose(Array(plan.inputGradient), values["dx"]!.values, 1e-5, "dx")
    for (name, gradient) in gradients {
      expectClose(plan.gradients(of: 0).tensor(name).values, gradient.values, 1e-5, name)
    }
  }
}

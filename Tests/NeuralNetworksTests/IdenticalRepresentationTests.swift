// Identically represented inputs: where they start, which way they go, and that each is its own.

import NeuralNetworks
import Tensor
import Testing

@Suite struct IdenticalRepresentationTests {
  /// Images as they are, any number of them.
  private struct Images: ExampleSource {
    let tensor: Tensor
    var classes: Int? { 3 }
    var shape: ImageShape { ImageShape(channels: 3, height: 16, width: 16) }
    var count: Int { tensor.shape[0] }

    init(_ tensor: Tensor) { self.tensor = tensor }

    init(count: Int) {
      self.init(
        Tensor(
          shape: [count, 3, 16, 16],
          values: noise([count, 3, 16, 16], seed: 6).values.map { min(max(0.5 + 0.2 * $0, 0), 1) }))
    }

    func fill(
      _ range: Range<Int>, images: UnsafeMutableBufferPointer<Float>,
      labels: UnsafeMutableBufferPointer<Int32>
    ) throws {
      tensor.withUnsafeValues { values in
        for (row, index) in range.enumerated() {
          for i in 0..<shape.count { images[row * shape.count + i] = values[index * shape.count + i] }
          labels[row] = Int32(index % 3)
        }
      }
    }
  }

  private func model() throws -> Model {
    try Model.initialised(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 3, height: 16, width: 16), classes: 3, width: 8),
      seed: 1)
  }

  private func error(_ model: Model, _ images: Tensor, as others: Tensor, image: Int) throws -> Double {
    let network = try Network(segments: [.model(model, through: Cut("conv2"))])
    let (h, t) = (
      try network.outputs(on: Images(images)).values, try network.outputs(on: Images(others)).values
    )
    let size = network.outputShape.count
    var (difference, reference) = (0.0, 0.0)
    for i in (image * size)..<((image + 1) * size) {
      difference += Double(h[i] - t[i]) * Double(h[i] - t[i])
      reference += Double(t[i]) * Double(t[i])
    }
    return (difference / reference).squareRoot()
  }

  @Test func noiseIsMovedUntilItIsRepresentedAsTheImagesAre() throws {
    let (model, images) = (try model(), Images(count: 5))
    var recipe = IdenticalRepresentation()
    recipe.steps = 0
    let start = try recipe.images(for: model, at: Cut("conv2"), as: images)
    #expect(start.before == start.after && start.labels == [0, 1, 2, 0, 1])
    let pixels = start.images.values
    #expect(pixels.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(pixels.reduce(0, +) / Float(pixels.count) - 0.5) < 0.02)
    recipe.steps = 1
    let one = try recipe.images(for: model, at: Cut("conv2"), as: images)
    // Every pixel has moved by one step, or come to the end of its range.
    for (a, b) in zip(one.images.values, pixels) {
      #expect(abs(abs(a - b) - recipe.stepSize) < 1e-6 || a == 0 || a == 1 || a == b)
    }
    recipe.steps = 60
    let made = try recipe.images(for: model, at: Cut("conv2"), as: images)
    for image in 0..<5 {
      #expect(one.after[image] < start.after[image] && made.after[image] < 0.5 * start.after[image])
      #expect(try abs(error(model, made.images, as: images.tensor, image: image) - made.after[image]) < 1e-4)
    }
    #expect(made.before == start.before)
    #expect(made.images.values.allSatisfy { $0 >= 0 && $0 <= 1 })
    // They are other images all the same.
    let apart = zip(made.images.values, images.tensor.values).reduce(0) { $0 + abs($1.0 - $1.1) }
    #expect(apart / Float(made.images.count) > 0.1)
  }

  @Test func anImageIsMovedAloneWhateverTheOthersAndTheThreads() throws {
    let (model, images) = (try model(), Images(count: 35))
    var recipe = IdenticalRepresentation()
    recipe.steps = 3
    let before = Team.limit
    defer { Team.limit = before }
    Team.limit = 1
    let all = try recipe.images(for: model, at: Cut("conv2"), as: images)
    Team.limit = 3
    let few = try recipe.images(
      for: model, at: Cut("conv2"),
      as: Images(Tensor(shape: [2, 3, 16, 16], values: images.tensor.values.prefix(2 * 768))))
    #expect(few.images.values[...] == all.images.values.prefix(2 * 768))
    #expect(few.after == Array(all.after.prefix(2)))
    // Within a small radius nothing goes far.
    recipe.radius = 0.001
    let near = try recipe.images(for: model, at: Cut("conv2"), as: images)
    recipe.steps = 0
    let noise = try recipe.images(for: model, at: Cut("conv2"), as: images)
    #expect(zip(near.images.values, noise.images.values).allSatisfy { abs($0 - $1) < 0.0011 })
  }

  @Test func activationsOfZeroAreRefused() throws {
    let model = try model()
    var tensors = model.tensors
    // The last batch norm before the cut gives nothing that a ReLU lets through.
    for (name, tensor) in tensors where tensor.shape.count == 1 && name.hasSuffix(".bias") {
      tensors[name] = Tensor(shape: tensor.shape, values: tensor.values.map { _ in -100 })
    }
    let dead = try Model(
      architecture: model.architecture, tensors: tensors, standardisation: model.standardisation)
    #expect(
      throws: NetworkError(
        "the activations at 'conv2' of image 0 are all zero, so that nothing tells what is represented as it is; take "
          + "an earlier cut")
    ) { try IdenticalRepresentation().images(for: dead, at: Cut("conv2"), as: Images(count: 1)) }
  }
}

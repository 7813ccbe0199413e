import NeuralNetworks
import Tensor
import Testing

struct ModelTests {
  private let shape = ImageShape(channels: 3, height: 32, width: 32)

  @Test func resnet20HasTorchvisionsNamesAndTenCuts() throws {
    let architecture = try Architecture(name: "resnet20", input: shape, classes: 10)
    #expect(
      architecture.cuts.map(\.name) == [
        "stem", "stage1.0", "stage1.1", "stage1.2", "stage2.0", "stage2.1", "stage2.2", "stage3.0",
        "stage3.1",
        "stage3.2",
      ])
    #expect(
      try architecture.shape(at: Cut("stage2.1")) == .image(ImageShape(channels: 32, height: 16, width: 16)))
    let shapes = Dictionary(uniqueKeysWithValues: architecture.parameterShapes.map { ($0.name, $0.shape) })
    #expect(shapes["layer3.0.downsample.0.weight"] == [64, 32, 1, 1])
    #expect(shapes["layer2.0.downsample.1.running_var"] == [32])
    #expect(shapes["fc.weight"] == [10, 64])
    #expect(shapes.count == 1 + 4 + 9 * 10 + 2 * 5 + 2)
    let count = architecture.parameterShapes.filter { !$0.name.contains("running") }
      .reduce(0) { $0 + $1.shape.reduce(1, *) }
    #expect(count == 272_474)
  }

  @Test func unknownNamesAreErrorsThatListTheKnownOnes() throws {
    let error = #expect(throws: NetworkError.self) {
      try Architecture(name: "resnet19", input: shape, classes: 10)
    }
    #expect(
      error?.description
        == "unknown architecture 'resnet19'. Known: \(ArchitectureFamily.knownNames)")
    let known =
      "resnet8, resnet14, resnet20, resnet32, resnet44, resnet56 (any 6n+2 but 50 and 152), resnet18, resnet34, "
    #expect(ArchitectureFamily.knownNames.contains(known))
    let architecture = try Architecture(name: "small_cnn", input: shape, classes: 10)
    let cutError = #expect(throws: NetworkError.self) { try architecture.cut(named: "stem") }
    #expect(cutError?.description == "small_cnn has no cut 'stem'. It has: conv1, conv2, conv3, conv4")
    for name in ["resnet", "resnet020", "resnet-20", "resnet2", "ResNet20", "resnet50", "resnet152"] {
      #expect(throws: NetworkError.self) { try Architecture(name: name, input: shape, classes: 10) }
    }
  }

  @Test func aModelNeedsExactlyItsParameters() throws {
    let architecture = try Architecture(name: "small_cnn", input: shape, classes: 10)
    let model = try Model.initialised(architecture: architecture, seed: 0)
    func error(_ change: (inout [String: Tensor]) -> Void) -> String? {
      var tensors = model.tensors
      change(&tensors)
      return #expect(throws: NetworkError.self) {
        try Model(architecture: architecture, tensors: tensors, standardisation: .none(channels: 3))
      }?.description
    }
    #expect(error { $0["bn2.bias"] = nil } == "small_cnn: parameter 'bn2.bias' [32] is missing")
    #expect(
      error { $0["fc.bias"] = Tensor(zeros: [9]) }
        == "small_cnn: parameter 'fc.bias' has shape [9]; it should be [10]")
    #expect(
      error { $0["head.bias"] = Tensor(zeros: [9]) }
        == "small_cnn has no parameter 'head.bias'. Is it another architecture?")
    var counted = model.tensors
    counted["bn1.num_batches_tracked"] = Tensor(zeros: [])
    #expect(
      try Model(architecture: architecture, tensors: counted, standardisation: .none(channels: 3)).tensors
        .count
        == model.tensors.count)
    #expect(throws: NetworkError.self) {
      try Model(architecture: architecture, tensors: model.tensors, standardisation: .none(channels: 1))
    }
  }

  @Test func aFreshModelIsAFunctionOfItsSeed() throws {
    let architecture = try Architecture(name: "resnet14", input: shape, classes: 10)
    let a = try Model.initialised(architecture: architecture, seed: 1)
    #expect(try Model.initialised(architecture: architecture, seed: 1).tensors == a.tensors)
    #expect(try Model.initialised(architecture: architecture, seed: 2).tensors != a.tensors)
    // He's deviation over the fan-out: √(2/(64·9)).
    let weights = a.tensors["layer3.1.conv2.weight"]!.values
    let variance = weights.reduce(0) { $0 + Double($1 * $1) } / Double(weights.count)
    #expect(abs(variance.squareRoot() / (2.0 / 576).squareRoot() - 1) < 0.02)
    #expect(a.tensors["fc.weight"]!.values.allSatisfy { abs($0) <= 0.125 })
  }

  @Test func valuesThatAreNotNumbersAreRefusedWithTheirPlace() throws {
    // C5: they were accepted, by import too, and made every output NaN or class 0.
    let architecture = try Architecture(name: "small_cnn", input: shape, classes: 10)
    let model = try Model.initialised(architecture: architecture, seed: 0)
    func error(_ name: String, _ index: Int, _ value: Float) -> String? {
      var tensors = model.tensors
      tensors[name]!.withUnsafeMutableValues { $0[index] = value }
      return #expect(throws: NetworkError.self) {
        try Model(architecture: architecture, tensors: tensors, standardisation: .none(channels: 3))
      }?.description
    }
    #expect(
      error("fc.weight", 65, .nan)?.hasPrefix("small_cnn: parameter 'fc.weight' has nan at [1, 1]") == true)
    #expect(error("bn1.running_mean", 2, .infinity)?.contains("'bn1.running_mean' has inf at [2]") == true)
    #expect(
      error("bn2.running_var", 3, -0.5)
        == "small_cnn: running variance 'bn2.running_var' has -0.5; variances are at least 0")
    let map = #expect(throws: NetworkError.self) {
      try StitchingLayer(
        input: .vector(2), output: .vector(1), weight: Tensor(shape: [1, 2], values: [0, .nan]),
        bias: Tensor(zeros: [1]))
    }
    #expect(map?.description == "stitching layer from 2 to 1: weight has nan at [0, 1]")
  }

  @Test func noTwoParametersOfAFreshModelShareTheirDraws() throws {
    // C2: fc.weight and conv2.weight of a small CNN came from the same words of the generator.
    let architecture = try Architecture(name: "small_cnn", input: shape, classes: 10)
    let model = try Model.initialised(architecture: architecture, seed: 0)
    let drawn = model.tensors.filter { $0.key.hasSuffix("weight") && !$0.key.contains("bn") }
    #expect(drawn.count == 5)
    func correlation(_ a: [Float], _ b: [Float]) -> Double {
      let n = min(a.count, b.count)
      func dot(_ x: ArraySlice<Float>, _ y: ArraySlice<Float>) -> Double {
        zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      }
      return dot(a[..<n], b[..<n]) / (dot(a[..<n], a[..<n]) * dot(b[..<n], b[..<n])).squareRoot()
    }
    for (name, a) in drawn {
      for (other, b) in drawn where other < name {
        let n = Double(min(a.count, b.count))
        #expect(abs(correlation(a.values, b.values)) < 4 / n.squareRoot(), "\(name), \(other)")
      }
    }
    let map = try StitchingLayer.initialised(input: .vector(64), output: .vector(64), seed: 0)
    #expect(map.bias.values != Array(map.weight.values.prefix(64)))
  }
}

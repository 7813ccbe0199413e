import NeuralNetworks
import Tensor
import Testing

struct LossTests {
  @Test func crossEntropyAgreesWithPyTorch() throws {
    let reference = try Reference("losses")
    let (logits, labels) = (try reference["logits"], try reference.labels("labels"))
    let (loss, gradient) = run(logits) { z, g in
      labels.withLabels { Loss.crossEntropy(z, labels: $0, gradient: g) }
    }
    expectClose([Float(loss)], try reference["cross_entropy"].values, 1e-6)
    expectClose(gradient, try reference["cross_entropy_gradient"].values, 2e-7)
  }

  @Test func softLabelMatchingAgreesWithPyTorch() throws {
    let reference = try Reference("losses")
    let targets = try reference["targets"]
    let (loss, gradient) = run(try reference["logits"]) { z, g in
      targets.withUnsafeValues { Loss.softLabel(z, targets: $0, batch: 6, gradient: g) }
    }
    expectClose([Float(loss)], try reference["soft_label"].values, 1e-6)
    expectClose(gradient, try reference["soft_label_gradient"].values, 2e-7)
  }

  @Test func theMeanOfRelativeErrorsAgreesWithPyTorch() throws {
    let reference = try Reference("losses")
    var total = 0.0
    for k in 0..<3 {
      let target = try reference["hook\(k).target"]
      let (loss, gradient) = try run(try reference["hook\(k)"]) { h, g in
        try target.withUnsafeValues {
          try Loss.relativeError(h, target: $0, gradient: g, weight: 1.0 / 3, layer: "hook")
        }
      }
      total += loss
      expectClose(gradient, try reference["hook\(k).gradient"].values, 2e-7)
    }
    expectClose([Float(total)], try reference["fula"].values, 1e-6)
  }

  @Test func aRelativeErrorOfNothingHasNoGradient() throws {
    let x = noise([2, 3], seed: 3)
    let (loss, gradient) = try run(x) { h, g in
      try x.withUnsafeValues { try Loss.relativeError(h, target: $0, gradient: g, layer: "l") }
    }
    #expect(loss == 0)
    #expect(gradient == [0, 0, 0, 0, 0, 0])
  }

  @Test func aTargetOfZerosIsAnErrorThatNamesTheLayer() throws {
    let error = #expect(throws: NetworkError.self) {
      _ = try run(noise([4], seed: 1)) { h, g in
        try Tensor(zeros: [4]).withUnsafeValues {
          try Loss.relativeError(h, target: $0, gradient: g, layer: "stage2.0")
        }
      }
    }
    #expect(error?.description.contains("'stage2.0'") == true)
  }

  @Test func aTargetThatIsNoNumberIsNotCalledZero() throws {
    // C5
    let error = #expect(throws: NetworkError.self) {
      _ = try run(noise([4], seed: 1)) { h, g in
        try Tensor(shape: [4], values: [1, .nan, 0, 2]).withUnsafeValues {
          try Loss.relativeError(h, target: $0, gradient: g, layer: "stage2.0")
        }
      }
    }
    #expect(error?.description == "the target activations at 'stage2.0' are not all finite")
  }

  @Test func lossesHaveTheGradientsThatFiniteDifferencesGive() throws {
    let targets = noise([3, 5], seed: 8)
    let labels: [Int32] = [4, 0, 2]
    typealias Value = (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>?) throws -> Double
    let losses: [Value] = [
      { z, g in labels.withLabels { Loss.crossEntropy(z, labels: $0, gradient: g, weight: 0.7) } },
      { z, g in
        targets.withUnsafeValues { Loss.softLabel(z, targets: $0, batch: 3, gradient: g, weight: 0.7) }
      },
      { z, g in
        try targets.withUnsafeValues {
          try Loss.relativeError(z, target: $0, gradient: g, weight: 0.7, layer: "l")
        }
      },
    ]
    let x = noise([3, 5], seed: 9)
    for loss in losses {
      let (_, gradient) = try run(x) { try loss($0, $1) }
      for i in 0..<15 {
        let h: Float = 1.0 / 256
        func moved(_ by: Float) throws -> Double {
          var values = x.values
          values[i] += by
          return try run(Tensor(shape: [3, 5], values: values)) { try loss($0, $1) }.loss
        }
        let slope = try (moved(h) - moved(-h)) / Double(2 * h)
        #expect(abs(slope - Double(gradient[i])) < 1e-4)
      }
    }
  }

  @Test func aTieGoesToTheFirstClass() {
    let logits: [Float] = [1, 1, 0, 0, 2, 2]
    logits.withUnsafeBufferPointer { z in
      [Int32(0), 2].withLabels { #expect(Loss.correct(z, labels: $0) == 1) }
    }
  }

  private func run(
    _ x: Tensor, _ loss: (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) throws -> Double
  ) rethrows -> (loss: Double, gradient: [Float]) {
    var gradient = Tensor(zeros: x.shape)
    let value = try gradient.withUnsafeMutableValues { g in try x.withUnsafeValues { try loss($0, g) } }
    return (value, gradient.values)
  }
}

// Owns the measurement of one worker: training or inference on one thread, in images per second.

import Foundation
import NeuralNetworks

/// `training-benchmark training|inference [batch] [seconds] [architecture]` prints the median images/s of half-second spans.
@main
struct TrainingBenchmark {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 2, ["training", "inference"].contains(arguments[1]) else {
      FileHandle.standardError.write(
        Data("usage: training-benchmark training|inference [batch] [seconds] [architecture]\n".utf8))
      exit(2)
    }
    let batch = arguments.count > 2 ? Int(arguments[2]) ?? 128 : 128
    let seconds = arguments.count > 3 ? Double(arguments[3]) ?? 5 : 5
    let architecture = try Architecture(
      name: arguments.count > 4 ? arguments[4] : "resnet20",
      input: ImageShape(channels: 3, height: 32, width: 32), classes: 10)
    let model = try Model.initialised(architecture: architecture, seed: 0)
    let step = try arguments[1] == "training" ? training(model, batch) : inference(model, batch)

    for _ in 0..<3 { try step() }
    var rates: [Double] = []
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      let start = Date()
      var count = 0
      while Date().timeIntervalSince(start) < 0.5 {
        try step()
        count += batch
      }
      rates.append(Double(count) / Date().timeIntervalSince(start))
    }
    print(String(format: "%.1f", rates.sorted()[rates.count / 2]))
  }

  /// Forward, loss, backward and an SGD step on a fixed batch.
  private static func training(_ model: Model, _ batch: Int) throws -> () throws -> Void {
    let parameters = ParameterSet(model)
    let network = try Network(model, frozen: false, statistics: .batchAndUpdate, parameters: parameters)
    let plan = try network.compile(batch: batch, wants: Wants(parameters: true))
    fill(plan)
    let optimiser = Optimiser(.sgd(momentum: 0.9, nesterov: true, weightDecay: 1e-4), for: parameters)
    let labels = UnsafeMutableBufferPointer<Int32>.allocate(capacity: batch)
    _ = labels.initialize(from: (0..<batch).map { Int32($0 % 10) })
    return {
      try plan.forward()
      _ = Loss.crossEntropy(
        plan.logits, labels: UnsafeBufferPointer(labels), gradient: plan.logitsGradient)
      try plan.backward()
      optimiser.step(plan.gradients(of: 0), learningRate: 0.01)
    }
  }

  private static func inference(_ model: Model, _ batch: Int) throws -> () throws -> Void {
    let plan = try Network(model).compile(batch: batch)
    fill(plan)
    return { try plan.forward() }
  }

  private static func fill(_ plan: Plan) {
    for i in 0..<plan.input.count { plan.input[i] = Float(i % 251) / 250 }
  }
}

import NeuralNetworks
import Tensor
import Testing

/// A network whose running statistics aren't trivial, so that folding them changes roundings.
private func network(_ name: String, side: Int, width: Int = 16, seed: UInt64 = 1) throws -> Model {
  let fresh = try Model.initialised(
    architecture: Architecture(
      name: name, input: ImageShape(channels: 3, height: side, width: side), classes: 10, width: width),
    seed: seed)
  var tensors = fresh.tensors
  for (index, name) in tensors.keys.sorted().enumerated()
  where name.contains("bn") || name.contains("running") {
    let shape = tensors[name]!.shape
    let values = noise(shape, seed: UInt64(100 + index)).values
    tensors[name] = Tensor(
      shape: shape,
      values: values.map {
        name.hasSuffix("bias") || name.hasSuffix("mean") ? 0.3 * $0 : 0.75 + 0.2 * abs($0)
      })
  }
  return try Model(
    architecture: fresh.architecture, tensors: tensors, standardisation: fresh.standardisation)
}

struct RoundingTests {
  @Test(arguments: ["resnet20", "small_cnn"])
  func twoPlansThatDifferByRoundingHaveNoGradientBetweenThem(_ name: String) throws {
    // C11: with h − t made of rounding alone, the gradient was as long as any, in a direction of chance.
    let model = try network(name, side: 16)
    let cuts = model.architecture.cuts
    let taps = cuts.map { TapPoint.cut($0, segment: 0) }
    // Batch norms are folded into convolutions in the one, and stand by themselves in the other.
    let folded = try Network(model).compile(batch: 8, taps: taps)
    let live = try Network(model, frozen: false).compile(
      batch: 8, taps: taps, wants: Wants(parameters: true))
    let x = noise([8, 3, 16, 16], seed: 3, scale: 0.3)
    try folded.forward(x)
    try live.forward(x)
    var largest = 0.0
    for (tap, cut) in zip(taps, cuts) {
      let (h, t) = (folded.value(of: tap), live.value(of: tap))
      var gradient = [Float](repeating: 1, count: h.count)
      let share = try gradient.withUnsafeMutableBufferPointer {
        try Loss.relativeError(h, target: t, gradient: $0, layer: cut.name)
      }
      largest = max(largest, share)
      #expect(gradient.allSatisfy { $0 == 0 }, "\(cut): \(share)")
    }
    // They do differ, and there is room to the threshold.
    #expect(largest > 1e-7 && largest < Loss.negligible / 4, "\(largest)")
  }

  @Test func aDifferenceAboveRoundingHasItsGradient() throws {
    let t = noise([1000], seed: 4)
    let length = t.values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    for share in [4 * Loss.negligible, 1e-3] {
      let h = t.values.enumerated().map { $0 == 7 ? $1 + Float(share * length) : $1 }
      var gradient = [Float](repeating: 0, count: 1000)
      let loss = try gradient.withUnsafeMutableBufferPointer { g in
        try h.withUnsafeBufferPointer { h in
          try t.withUnsafeValues { try Loss.relativeError(h, target: $0, gradient: g, layer: "l") }
        }
      }
      #expect(abs(loss / share - 1) < 0.05)
      #expect(abs(Double(gradient[7]) * length - 1) < 1e-3)
    }
  }

  @Test(arguments: ["resnet8", "small_cnn"])
  func anImagesValuesDependOnNothingButTheImage(_ name: String) throws {
    // Neither on its place in a batch, nor on its company, nor on which points are looked at.
    let model = try network(name, side: 16)
    let points = model.architecture.cuts.map(ModelPoint.cut) + [.logits]
    let count = 37
    let size = 3 * 16 * 16
    let images = noise([count, 3, 16, 16], seed: 5, scale: 0.3).values
    func values(_ order: [Int], _ points: [ModelPoint]) throws -> [[ModelPoint: [Float]]] {
      var made = [[ModelPoint: [Float]]](repeating: [:], count: count)
      let network = try FrozenNetwork(model, at: points.map { FrozenPoint($0) })
      try order.flatMap { images[($0 * size)..<(($0 + 1) * size)] }.withUnsafeBufferPointer {
        try network.compute($0, count: order.count) { row, parts in
          for (point, part) in zip(points, parts) { made[order[row]][point] = Array(part) }
        }
      }
      return made
    }
    let all = try values(Array(0..<count), points)
    let turned = try values(Array((0..<count).reversed()), points)
    #expect(all == turned)
    for i in [0, 31, 36] { #expect(try values([i], points)[i] == all[i]) }
    for point in points {
      let alone = try values(Array(0..<count), [point])
      #expect(alone.map { $0[point] } == all.map { $0[point] }, "\(point)")
    }
  }
}

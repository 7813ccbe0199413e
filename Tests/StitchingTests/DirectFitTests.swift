import NeuralNetworks
import Stitching
import Tensor
import Testing

/// Directions that NumPy's `lstsq` keeps, of C + 1. In `same` three of the front's sixteen channels are dead.
private let ranks = [
  "down": ["direct": 5, "direct-rough": 1], "up": ["direct": 9, "direct-rough": 1],
  "same": ["direct": 14, "direct-rough": 1],
]

@Test(arguments: ["down", "up", "same"], [("direct", 1e-6), ("direct-rough", 0.3)])
func directFitsAgreeWithNumPy(name: String, method: (String, Double)) throws {
  let stitch = try References.stitch(name)
  var options = FitMethod.direct.options
  options.rankTolerance = .value(method.1)
  let fitted = try stitch.fit(on: References.images(), options: options)
  let expected = try References.map(name, method: method.0)
  #expect(close(fitted.map.weight, expected.weight, 1e-3))
  #expect(close(fitted.map.bias, expected.bias, 1e-3))
  #expect(
    try abs(fitted.facts.leastSquaresError! - References.value("\(name).\(method.0).error")) < 1e-5)
  #expect(fitted.facts.leastSquaresIndices == Array(0..<6))
  // By NumPy's lstsq on the same rows.
  #expect(fitted.facts.rank == ranks[name]![method.0]!)
}

@Test func aNetworkStitchedToItselfIsTheIdentity() throws {
  let model = try References.model("end")
  let images = ImageList(seed: 1, count: 64, batch: 16)
  let own = try Evaluation(of: Network(model), on: images)
  for cut in model.architecture.cuts {
    let stitch = try Stitch(front: model, from: cut, end: model, to: cut)
    let fitted = try stitch.fit(on: images, options: FitMethod.direct.options)
    #expect(fitted.facts.leastSquaresError! < 1e-9, "\(cut)")
    let stitched = try Evaluation(of: stitch.network(fitted.map), on: images)
    let outputs = try PairedOutputs(stitched.logits, own.logits, labels: own.labels)
    #expect(try #require(OutputMeasure.agreement(outputs)) > 0.9999, "\(cut)")
    #expect(OutputMeasure.disagreement(outputs) == 0, "\(cut)")
    #expect(close(stitched.logits, own.logits, 1e-3))
  }
}

@Test func theTorchToleranceDependsOnTheLayersSize() throws {
  let stitch = try References.stitch("down")
  var options = FitMethod.direct.options
  options.rankTolerance = .torch
  let facts = try stitch.fit(on: ImageList(seed: 1, count: 50, batch: 16), options: options).facts
  // 50 images of 4 × 4 places.
  #expect(facts.rankTolerance == 800 * 0x1p-23)
}

@Test func aTorchToleranceThatLeavesNothingIsAnError() throws {
  // C6: from 8.4 million rows on, every direction was dropped and the map was zero.
  #expect(try RankTolerance.torch.value(rows: 8_000_000, columns: 65) < 1)
  let error = #expect(throws: StitchingError.self) {
    try RankTolerance.torch.value(rows: 8_400_000, columns: 65)
  }
  #expect(error?.description.contains("take fewer least-squares samples") == true)
  // Few rows: what it says is below what can be told.
  #expect(try RankTolerance.torch.value(rows: 4, columns: 3) == RankTolerance.floor)
}

@Test func aToleranceBelowTheFloorIsRefused() throws {
  var options = FitMethod.direct.options
  options.rankTolerance = .value(1e-8)
  let error = #expect(throws: StitchingError.self) {
    try References.stitch("same").fit(on: References.images(), options: options)
  }
  #expect(
    error?.description == "rank tolerance 1e-08; expected one in [1e-06, 1): below, directions are rounding")
}

@Test func theSeedDrawsTheSamplesOfLeastSquares() throws {
  // C6: the first images of a sorted data set are all of one class.
  let stitch = try References.stitch("same")
  let images = ImageList(seed: 1, count: 64, batch: 16)
  var options = FitMethod.direct.options
  options.leastSquaresSamples = 20
  let fitted = try stitch.fit(on: images, options: options)
  let indices = try #require(fitted.facts.leastSquaresIndices)
  #expect(indices.count == 20 && Set(indices).count == 20 && indices == indices.sorted())
  #expect(indices.last! >= 20)
  // Those images, and no others, decide the map.
  let chosen = ImageList(
    Tensor(
      shape: [20, 1, 16, 16], values: indices.flatMap { images.images.values[($0 * 256)..<(($0 + 1) * 256)] }),
    labels: indices.map { images.labels[$0] }, batch: 16)
  #expect(try stitch.fit(on: chosen, options: options).map == fitted.map)
  options.seed = 1
  let other = try stitch.fit(on: images, options: options)
  #expect(other.facts.leastSquaresIndices != indices && other.map != fitted.map)
}

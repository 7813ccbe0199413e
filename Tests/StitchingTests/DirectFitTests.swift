import NeuralNetworks
import Stitching
import Tensor
import Testing

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
  #expect(fitted.facts.samples == 6)
  let directions = stitch.input[0] + 1
  #expect(method.0 == "direct-rough" ? fitted.facts.rank! < directions : fitted.facts.rank! <= directions)
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
    let comparison = try OutputComparison(stitched.logits, own.logits)
    #expect(comparison.agreement > 0.9999 && comparison.disagreement == 0, "\(cut): \(comparison)")
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

@Test func onlyTheFirstSamplesDecideADirectFit() throws {
  let stitch = try References.stitch("same")
  var options = FitMethod.direct.options
  options.samples = 20
  let few = try stitch.fit(on: ImageList(seed: 1, count: 20, batch: 16), options: options)
  let more = try stitch.fit(on: ImageList(seed: 1, count: 64, batch: 16), options: options)
  #expect(few.map == more.map)
  options.samples = 64
  #expect(try stitch.fit(on: ImageList(seed: 1, count: 64, batch: 16), options: options).map != few.map)
}

import NeuralNetworks
import Stitching
import Tensor
import Testing

private var shuffled: ImageList {
  var images = ImageList(seed: 1, count: 70, batch: 16)
  images.shuffles = true
  return images
}

private func quick(_ method: FitMethod) -> FitOptions {
  var options = method.options
  if options.epochs > 0 { options.epochs = 4 }
  options.learningRate = 1e-2
  options.leastSquaresSamples = 40
  return options
}

/// What a fit gave, to compare.
private struct Outcome: Equatable {
  let map: StitchingLayer
  let facts: FitFacts
  let logits: Tensor
  let match: ActivationMatch
}

private func outcome(_ name: String, _ method: FitMethod, on cache: ActivationCache?) throws -> Outcome {
  let stitch = try References.stitch(name)
  let fitted = try stitch.fit(on: shuffled, options: quick(method), sharing: cache)
  let (evaluation, match) = try stitch.evaluate(
    fitted.map, on: cache ?? ActivationCache(shuffled, budget: 0))
  return Outcome(
    map: fitted.map, facts: fitted.facts, logits: evaluation.logits, match: match)
}

private let fits = ["down", "up", "same"].flatMap { name in
  [FitMethod.direct, .hint, .softLabel, .fula, .taskLoss].map { (name, $0) }
}

/// A fit by itself, with nothing shared.
private func alone(_ fit: (String, FitMethod)) throws -> Outcome { try outcome(fit.0, fit.1, on: nil) }

@Test func aFitInCompanyHasTheBitsItHasAlone() throws {
  let expected = try fits.map(alone)
  let cache = ActivationCache(shuffled, budget: 1 << 24)
  #expect(try fits.map { try outcome($0.0, $0.1, on: cache) } == expected)
  // Warm, and in the other order.
  #expect(try fits.reversed().map { try outcome($0.0, $0.1, on: cache) } == expected.reversed())
  // With everything announced.
  let announced = ActivationCache(shuffled, budget: 1 << 24)
  for name in ["front", "end"] {
    let model = try References.model(name)
    let points = model.architecture.cuts.map(ModelPoint.cut) + [.logits]
    let resized = try name == "front" ? ["down", "up"].map { try References.stitch($0).frontPoint } : []
    try announced.expect(points.map { FrozenPoint($0) } + resized.filter { $0.positions != nil }, of: model)
  }
  #expect(try fits.map { try outcome($0.0, $0.1, on: announced) } == expected)
  // Once for each image and network.
  #expect(announced.computedImages == 2 * 70)
}

@Test(arguments: [0, 5_000, 60_000, 400_000])
func theBudgetChangesNoBit(budget: Int) throws {
  let cache = ActivationCache(shuffled, budget: budget)
  for fit in [fits[1], fits[3], fits[13]] {
    #expect(try outcome(fit.0, fit.1, on: cache) == alone(fit))
  }
}

@Test func whatIsKeptIsNotComputedAgain() throws {
  let stitch = try References.stitch("down")
  func computed(budget: Int) throws -> Int {
    let cache = ActivationCache(shuffled, budget: budget)
    var options = quick(.fula)
    options.initialisation = .random
    _ = try stitch.fit(on: shuffled, options: options, sharing: cache)
    return cache.computedImages
  }
  // Two networks; four epochs of four batches, some of 70 images left out of each.
  #expect(try computed(budget: 0) == 2 * 4 * 64)
  #expect(try computed(budget: 1 << 24) <= 2 * 70)
  let partly = try computed(budget: 60_000)
  #expect(partly > 2 * 70 && partly < 2 * 4 * 64)
}

@Test func augmentedImagesAreComputedAnewWithTheSameBits() throws {
  let stitch = try References.stitch("down")
  var unfixed = shuffled
  unfixed.isFixed = false
  for method in [FitMethod.fula, .softLabel, .taskLoss] {
    let kept = try stitch.fit(on: shuffled, options: quick(method))
    let anew = try stitch.fit(on: unfixed, options: quick(method))
    #expect(kept.map == anew.map && kept.facts == anew.facts)
  }
}

@Test func whatWasNotAskedForLongestMakesRoom() throws {
  let model = try References.model("front")
  let one = try model.architecture.shape(at: Cut("conv1")).count * 4 * 70
  let cache = ActivationCache(shuffled, budget: one + 100)
  let cuts = ["conv1", "conv2", "conv1"].map { ModelPoint.cut(Cut($0)) }
  var seen: [Tensor] = []
  for cut in cuts { seen.append(try cache.values(of: model, at: cut)) }
  #expect(seen[0] == seen[2] && seen[0].shape == [70, 4, 8, 8] && seen[1].shape == [70, 8, 4, 4])
  #expect(cache.computedImages == 3 * 70)
  _ = try cache.values(of: model, at: cuts[2])
  #expect(cache.computedImages == 3 * 70)
}

@Test func sharedActivationsOfOtherImagesAreRefused() throws {
  let stitch = try References.stitch("same")
  let cache = ActivationCache(ImageList(seed: 1, count: 64, batch: 16), budget: 0)
  let error = #expect(throws: StitchingError.self) {
    try stitch.fit(on: shuffled, options: quick(.direct), sharing: cache)
  }
  #expect(
    error?.description == "the shared activations are of 64 images of 1×16×16, the fit is of 70 of 1×16×16")
}

import NeuralNetworks
import Stitching
import Tensor
import Testing

/// Counts how often batches are made of it.
private final class Counted: FittingSource {
  let images: ImageList
  private(set) var filled = 0

  init(_ images: ImageList) { self.images = images }

  var shape: ImageShape { images.shape }
  var classes: Int? { images.classes }
  var count: Int { images.count }
  var batch: Int { images.batch }
  var batchesPerEpoch: Int { images.batchesPerEpoch }
  var isFixed: Bool { images.isFixed }
  var identity: AnyHashable { images.identity }
  func indices(epoch: Int, step: Int) -> [Int] { images.indices(epoch: epoch, step: step) }

  func fill(
    epoch: Int, step: Int, images out: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    filled += 1
    try images.fill(epoch: epoch, step: step, images: out, labels: labels)
  }

  func fill(
    _ range: Range<Int>, images out: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws { try images.fill(range, images: out, labels: labels) }
}

/// Takes what each fit gives.
private final class Results: GridOwner {
  private(set) var found: [Int: Result<FittedStitch, any Error>] = [:]

  func part(of fit: Int, _ body: () throws -> Void) {
    guard found[fit] == nil else { return }
    do { try body() } catch { found[fit] = .failure(error) }
  }

  func isOver(_ fit: Int) -> Bool { found[fit] != nil }
  func progress(of fit: Int, _ progress: FitProgress) {}
  func finish(_ fit: Int, _ fitted: FittedStitch) { found[fit] = .success(fitted) }
  var isCancelled: Bool { false }
}

private func grid<Source: FittingSource>(
  _ fits: [GridFit<Source>], keeping budget: Int = 1 << 24
) -> [Result<FittedStitch, any Error>] {
  let results = Results()
  Stitch.fit(fits, sharing: ActivationCache(fits[0].source, budget: budget), for: results)
  return fits.indices.map { results.found[$0]! }
}

/// Two networks of blocks of 16 channels and more, so that activations lie in blocks.
private func stitch(_ from: String, _ to: String) throws -> Stitch {
  let architecture = try Architecture(
    name: "resnet8", input: ImageShape(channels: 1, height: 16, width: 16), classes: 3)
  return try Stitch(
    front: .initialised(architecture: architecture, seed: 1), from: Cut(from),
    end: .initialised(architecture: architecture, seed: 2), to: Cut(to))
}

private func images(batch: Int = 16, isFixed: Bool = true, shuffles: Bool = true) -> ImageList {
  var images = ImageList(seed: 1, count: 40, batch: batch)
  images.isFixed = isFixed
  images.shuffles = shuffles
  return images
}

private func options(_ method: FitMethod, seed: UInt64 = 0, epochs: Int = 2) -> FitOptions {
  var options = method.options
  if options.epochs > 0 { options.epochs = epochs }
  options.leastSquaresSamples = 20
  options.seed = seed
  return options
}

/// Fits of every kind: cuts of equal and of other sizes, several methods, seeds, batches, orders and lengths.
private func fits(isFixed: Bool) throws -> [GridFit<ImageList>] {
  let pairs = [
    ("stem", "stage1.0"), ("stage1.0", "stage2.0"), ("stage3.0", "stage2.0"), ("stage3.0", "stage3.0"),
  ]
  var fits = try pairs.flatMap { from, to in
    try [FitMethod.direct, .hint, .softLabel, .fula, .taskLoss].map {
      GridFit(try stitch(from, to), on: images(isFixed: isFixed), options: options($0))
    }
  }
  let one = try stitch("stage2.0", "stage2.0")
  fits.append(GridFit(one, on: images(batch: 8, isFixed: isFixed), options: options(.fula)))
  fits.append(GridFit(one, on: images(isFixed: isFixed, shuffles: false), options: options(.hint, seed: 3)))
  var mixed = options(.fula, epochs: 3)
  mixed.objective = Objective(task: 0.5, soft: 1, fula: 2, hint: 0.1, cuts: 1, fulaIncludesSoft: true)
  fits.append(GridFit(one, on: images(isFixed: isFixed), options: mixed))
  return fits
}

@Test(arguments: [true, false])
func aFitInAGridHasTheBitsItHasAlone(isFixed: Bool) throws {
  let fits = try fits(isFixed: isFixed)
  let alone = try fits.map { try $0.stitch.fit(on: $0.source, options: $0.options) }
  func requireSame(_ results: [Result<FittedStitch, any Error>], _ expected: [FittedStitch]) throws {
    for (result, own) in zip(results, expected) {
      let fitted = try result.get()
      #expect(fitted.map == own.map && fitted.facts == own.facts)
    }
  }
  try requireSame(grid(fits), alone)
  // In the other order, with nothing kept, and on several threads.
  try requireSame(grid(fits.reversed(), keeping: 0), alone.reversed())
  let limit = Team.limit
  defer { Team.limit = limit }
  Team.limit = 3
  try requireSame(grid(fits, keeping: 60_000), alone)
}

@Test func augmentedBatchesAreMadeOnceForAllFitsThatTakeThem() throws {
  let source = Counted(images(isFixed: false))
  let fits = try ["stem", "stage1.0", "stage2.0"].flatMap { cut in
    try [FitMethod.taskLoss, .fula].map {
      GridFit(try stitch(cut, "stage2.0"), on: source, options: options($0))
    }
  }
  for result in grid(fits) { _ = try result.get() }
  #expect(source.filled == 2 * 2)
}

@Test func aFitThatFailsLeavesTheOthersOfItsGridAlone() throws {
  let source = images()
  var diverging = options(.taskLoss)
  diverging.learningRate = 1e30
  var senseless = options(.fula)
  senseless.learningRate = 0
  let one = try stitch("stage1.0", "stage2.0")
  let results = grid([
    GridFit(one, on: source, options: diverging), GridFit(one, on: source, options: options(.taskLoss)),
    GridFit(one, on: source, options: senseless),
  ])
  #expect(throws: StitchingError.self) { try results[0].get() }
  #expect(try results[1].get().map == one.fit(on: source, options: options(.taskLoss)).map)
  #expect(throws: StitchingError.self) { try results[2].get() }
}

@Test func lossesWhereActivationsLieAreThoseOfRowMajorOnes() throws {
  let stitch = try stitch("stage2.0", "stage1.0")
  let map = try StitchingLayer.initialised(input: stitch.input, output: stitch.output, seed: 3)
  let source = images()
  // Row-major, through one plan of the map and the end, and one of the end.
  let network = try Network(segments: [.map(map), .model(stitch.end, after: stitch.to)])
  let points = [TapPoint.output(segment: 0)] + stitch.endCuts.dropFirst().map { .cut($0, segment: 1) }
  let plan = try network.compile(
    batch: 16, taps: points, gradientPoints: points, wants: Wants(parameters: true))
  let cache = ActivationCache(source, budget: 0)
  func values(_ model: Model, _ cut: Cut) throws -> Tensor {
    let all = try cache.values(of: model, at: .cut(cut))
    return Tensor(shape: [16] + all.shape.dropFirst(), values: Array(all.values[..<(16 * all.count / 40)]))
  }
  try plan.forward(values(stitch.front, stitch.from))
  var expected = 0.0
  for (cut, point) in zip(stitch.endCuts, points) {
    try values(stitch.end, cut).withUnsafeValues {
      expected += try Loss.relativeError(
        plan.value(of: point), target: $0, gradient: plan.gradient(at: point),
        weight: 1 / Double(points.count), layer: cut.name)
    }
  }
  try plan.backward()

  var ordered = source
  ordered.shuffles = false
  let losses = StepLosses(Objective(fula: 1), endCuts: stitch.endCuts)
  let batch = try FrozenBatch(
    stitch, front: [stitch.frontPoint], end: losses.points, source: ordered, images: cache)
  try batch.fill(epoch: 0, step: 0)
  let joint = Junction(stitch.output, batch: 16)
  let live = try stitch.fromKept(map)
  let mapping = try MapPlan(
    live, input: Junction(stitch.keptInput, batch: 16), output: joint, trains: true, room: PlanRoom())
  let tail = try TailPlan(
    stitch.end, after: stitch.to, LossPlaces(losses), input: joint, room: PlanRoom())
  try mapping.forward(ParameterSet(live), batch.front[stitch.frontPoint]!)
  let loss = try tail.evaluate(
    losses, own: losses.cuts.map { batch.end[.cut($0.cut)]! },
    logits: UnsafeBufferPointer(start: nil, count: 0),
    labels: UnsafeBufferPointer(batch.labels))
  let gradients = try mapping.backward()
  #expect(abs(loss - expected) < 1e-6 * expected)
  for name in ["weight", "bias"] {
    #expect(close(gradients.tensor(name), plan.gradients(of: 0).tensor(name), 1e-4))
  }
}

@Test func whatIsKeptAtASmallerSizeIsResizedOnce() throws {
  let down = try stitch("stem", "stage2.0")
  #expect(down.keptInput == .image(ImageShape(channels: 16, height: 8, width: 8)))
  #expect(try stitch("stage2.0", "stem").keptInput == stitch("stage2.0", "stem").input)
  let network = try Network(segments: [.positions(of: down.input, at: down.output)])
  let cache = ActivationCache(images(), budget: 1 << 24)
  let own = try cache.values(of: down.front, at: .cut(down.from))
  let plan = try network.compile(batch: 40)
  try plan.forward(own)
  let kept = try cache.rows(of: [(down.front, [down.frontPoint])], for: Array(0..<40))[0][0]
  // In the order in which it is kept, an image's values are the same numbers.
  for (image, row) in kept.enumerated() {
    let size = down.keptInput.count
    let values = UnsafeBufferPointer(start: row.values, count: size)
    #expect(values.sorted() == plan.logits[(image * size)..<((image + 1) * size)].sorted())
  }
}

@Test func networksEvaluatedTogetherGiveWhatTheyGiveAlone() throws {
  let source = images()
  let pairs = [
    ("stem", "stage1.0"), ("stage1.0", "stage2.0"), ("stage3.0", "stage2.0"), ("stage3.0", "stage3.0"),
  ]
  var networks: [GridNetwork] = try pairs.map { from, to in
    let stitch = try stitch(from, to)
    return .stitched(stitch, try .initialised(input: stitch.input, output: stitch.output, seed: 5))
  }
  networks += [.model(try stitch("stem", "stem").end), .model(try stitch("stem", "stem").front)]
  let cache = ActivationCache(source, budget: 0)
  let together = GridNetwork.evaluate(networks, on: cache)
  // Each of the two networks once, whatever is stitched of them.
  #expect(cache.computedImages == 2 * 40)
  for (network, outputs) in zip(networks, together) {
    let alone = try GridNetwork.evaluate([network], on: ActivationCache(source, budget: 1 << 24))[0].get()
    let made = try outputs.get()
    #expect(made.evaluation.logits == alone.evaluation.logits)
    #expect(made.evaluation.accuracy == alone.evaluation.accuracy)
    #expect(made.match == alone.match)
  }
  // And what the stitched network gives as a whole, but for rounding.
  guard case .stitched(let stitch, let map) = networks[1] else { return }
  let whole = try Evaluation(of: stitch.network(map), on: source)
  #expect(close(try together[1].get().evaluation.logits, whole.logits, 1e-4))
  let error = try stitch.structuralError(of: map, on: cache)
  #expect(try abs(together[1].get().match!.structuralError - error) < 1e-6 * error)
}

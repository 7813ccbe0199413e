// What tells a network's own activations from others: each detector against its formula, and before stitched activations.
import NeuralNetworks
import Tensor
import Testing

import Stitching

@Suite struct DetectorTests {
  private static let draws = Philox(seed: 9, purpose: .tests)

  @Test func theShrunkMahalanobisDistanceIsThatOfItsDefinition() throws {
    let (n, p, positions) = (11, 3, 4)
    // Uneven features, so that there is something to shrink.
    let shape = ActivationShape.image(ImageShape(channels: p, height: 2, width: 2))
    let rows = (0..<n).map { i in
      (0..<p).map { j in Double(j * j + 1) * Self.draws.normal(at: UInt64(i * p + j)) + Double(j) }
    }
    let detector = try MahalanobisDetector(rows, shape: shape, place: "here")

    // As Ledoit & Wolf write it: norms ‖A‖² = tr(AAᵀ)/p, one outer product a sample.
    let mean = (0..<p).map { j in rows.reduce(0) { $0 + $1[j] } / Double(n) }
    func outer(_ row: [Double]) -> Matrix {
      Matrix(
        p, p, values: (0..<(p * p)).map { (row[$0 / p] - mean[$0 / p]) * (row[$0 % p] - mean[$0 % p]) })
    }
    var s = Matrix(zeros: p, p)
    for row in rows { s.values = zip(s.values, outer(row).values).map { $0 + $1 / Double(n) } }
    let mu = (0..<p).reduce(0) { $0 + s[$1, $1] } / Double(p)
    let d2 = (s - mu * Matrix.identity(p)).squaredNorm / Double(p)
    let b2 = rows.reduce(0) { $0 + (outer($1) - s).squaredNorm / Double(p) } / Double(n * n)
    let share = min(b2, d2) / d2
    #expect(abs(detector.shrinkage - share) < 1e-12 && share > 0.01 && share < 1)
    let shrunk = (1 - share) * s - (-share * mu) * Matrix.identity(p)

    // Σ⁻¹ by cofactors.
    func minor(_ i: Int, _ j: Int) -> Double {
      let (a, b) = ((0..<3).filter { $0 != i }, (0..<3).filter { $0 != j })
      return (shrunk[a[0], b[0]] * shrunk[a[1], b[1]] - shrunk[a[0], b[1]] * shrunk[a[1], b[0]])
        * ((i + j) % 2 == 0 ? 1 : -1)
    }
    let determinant = (0..<3).reduce(0) { $0 + shrunk[0, $1] * minor(0, $1) }
    let image: [Float] = [1, 2, 3, 4, -1, -1, 0, 0, 5, 5, 5, 9]
    let z = (0..<p).map { j in
      image[(j * positions)..<((j + 1) * positions)].reduce(0) { $0 + Double($1) } / 4 - mean[j]
    }
    var distance = 0.0
    for i in 0..<p { for j in 0..<p { distance += z[i] * minor(j, i) / determinant * z[j] } }
    let score = try image.withUnsafeBufferPointer { try detector.scores(of: $0, count: 1)[0] }
    #expect(abs(score + distance) < 1e-9 * distance)
  }

  @Test func fewImagesAndDeadUnitsAreShrunkAndNoVariationIsRefused() throws {
    let shape = ActivationShape.vector(3)
    func score(_ rows: [[Double]], _ values: [Float]) throws -> Double {
      let detector = try MahalanobisDetector(rows, shape: shape, place: "'conv2' of the end")
      return try values.withUnsafeBufferPointer { try detector.scores(of: $0, count: 1)[0] }
    }
    // Four images for three features, of which one is always 0.
    let rows = [[1.0, 2, 0], [2, 1, 0], [0, 1.5, 0], [1.1, 0.3, 0]]
    let (usual, unusual) = (try score(rows, [1, 1, 0]), try score(rows, [1, 1, 5]))
    #expect(usual.isFinite && unusual.isFinite && unusual < usual)
    #expect(throws: StitchingError("a Mahalanobis distance needs at least 2 known images, there are 1")) {
      try score([[1, 2, 3]], [1, 1, 1])
    }
    #expect(
      throws: StitchingError("the activations at 'conv2' of the end are the same for all 2 known images")
    ) { try score([[1, 2, 3], [1, 2, 3]], [1, 1, 1]) }
  }

  @Test func theEnergyLosssGradientIsItsSlope() throws {
    var recipe = EnergyRecipe()
    (recipe.weight, recipe.knownMargin, recipe.outlierMargin) = (0.3, -2, -1)
    let labels: [Int32] = [0, 2, 1]
    // Of each sort some on the wrong side and some on the right one.
    let logits = (0..<18).map {
      Float(3 * Self.draws.stream(2).normal(at: UInt64($0))) - ($0 % 9 < 3 ? 3 : 0)
    }
    func loss(_ logits: [Float], _ gradient: inout [Float]) -> Double {
      logits.withUnsafeBufferPointer { logits in
        labels.withUnsafeBufferPointer { labels in
          gradient.withUnsafeMutableBufferPointer {
            EnergyDetector.loss(logits, labels: labels, recipe, gradient: $0)
          }
        }
      }
    }
    var (gradient, other) = ([Float](repeating: 7, count: 18), [Float](repeating: 0, count: 18))
    _ = loss(logits, &gradient)
    #expect(gradient.contains { $0 != 0 })
    for i in logits.indices {
      var (up, down) = (logits, logits)
      up[i] += 1e-2
      down[i] -= 1e-2
      let slope = (loss(up, &other) - loss(down, &other)) / Double(up[i] - down[i])
      #expect(abs(slope - Double(gradient[i])) < 1e-3, "logit \(i)")
    }
    #expect(
      abs(
        logits.withUnsafeBufferPointer { Loss.energies($0, rows: 6)[0] }
          + Elementary.log(
            logits[..<3].reduce(0) { $0 + Elementary.exp(Double($1)) })) < 1e-12)
  }

  /// A trained network with its images, and images that are noise.
  private func scene() throws -> (model: Model, images: ImageList, test: ImageList, noise: ImageList) {
    let images = ImageList(seed: 3, count: 96, batch: 16)
    let architecture = try Architecture(name: "small_cnn", input: images.shape, classes: 3, width: 4)
    let model = try Trainer(epochs: 8, rate: LearningRate(0.05, StepSchedule())).train(
      Model.initialised(architecture: architecture, seed: 0), on: images
    ).model
    let stream = Self.draws.stream(5)
    let noise = Tensor(
      shape: [40, 1, 16, 16], values: (0..<(40 * 256)).map { stream.uniform(at: UInt64($0)) > 0.5 ? 1 : 0 })
    return (
      model, images, ImageList(seed: 4, count: 50, batch: 16),
      ImageList(noise, labels: [Int32](repeating: 0, count: 40), batch: 16)
    )
  }

  private var quick: EnergyRecipe {
    var recipe = EnergyRecipe()
    (recipe.epochs, recipe.batch, recipe.learningRate) = (6, 16, 0.01)
    (recipe.knownMargin, recipe.outlierMargin) = (-6, -1)
    return recipe
  }

  @Test func aTrainedEnergyClassifierTellsOutliersAndTheSameBitsWhateverTheThreads() throws {
    let (model, images, test, noise) = try scene()
    func detector(threads: Int) throws -> EnergyDetector {
      let before = Team.limit
      defer { Team.limit = before }
      Team.limit = threads
      return try EnergyDetector(
        of: model, after: Cut("conv2"), known: ActivationCache(images, budget: 1 << 20),
        outliers: ActivationCache(noise, budget: threads == 1 ? 0 : 1 << 20), recipe: quick)
    }
    func scores(_ detector: EnergyDetector, _ source: ImageList) throws -> [Double] {
      let values = try ActivationCache(source, budget: 0).values(of: model, at: .cut(Cut("conv2")))
      return try values.withUnsafeValues { try detector.scores(of: $0, count: source.count) }
    }
    let one = try detector(threads: 1)
    #expect(one.losses.count == 6 && one.losses.last! < one.losses[0])
    let told = try DetectionScores(positives: scores(one, test), negatives: scores(one, noise))
    #expect(told.auroc > 0.9)
    let three = try detector(threads: 3)
    #expect(three.losses == one.losses)
    #expect(try scores(three, test) == scores(one, test))
  }

  @Test func theEndsOwnActivationsAreNotOutOfDistributionAndAMapOfNoiseIs() throws {
    let (model, images, test, noise) = try scene()
    let stitch = try Stitch(front: model, from: Cut("conv2"), end: model, to: Cut("conv2"))
    let itself = try stitch.identityMap()
    let far = try StitchingLayer.initialised(input: stitch.input, output: stitch.output, seed: 1)
    let (known, cache) = (ActivationCache(images, budget: 1 << 20), ActivationCache(test, budget: 1 << 20))
    let energy = try EnergyDetector(
      of: model, after: stitch.to, known: known, outliers: ActivationCache(noise, budget: 0), recipe: quick)
    let mahalanobis = try MahalanobisDetector(of: model, at: stitch.to, known: known)
    let by = try [
      (
        stitch.outOfDistribution(itself, on: cache, by: energy),
        stitch.outOfDistribution(far, on: cache, by: energy)
      ),
      (
        stitch.outOfDistribution(itself, on: cache, by: mahalanobis),
        stitch.outOfDistribution(far, on: cache, by: mahalanobis)
      ),
    ]
    for (itself, far) in by {
      #expect(abs(itself.auroc - 0.5) < 1e-9)
      #expect(far.auroc > 0.9)
    }
  }

  @Test func tooFewImagesNoOutliersAndDivergenceAreTold() throws {
    let (model, images, _, noise) = try scene()
    let none = ImageList(Tensor(zeros: [0, 1, 16, 16]), labels: [], batch: 1)
    func failure(_ known: ImageList, _ outliers: ImageList, _ change: (inout EnergyRecipe) -> Void) -> String
    {
      var recipe = quick
      change(&recipe)
      do {
        _ = try EnergyDetector(
          of: model, after: Cut("conv2"), known: ActivationCache(known, budget: 0),
          outliers: ActivationCache(outliers, budget: 0), recipe: recipe)
        return "none"
      } catch { return "\(error)" }
    }
    #expect(
      failure(images, noise) { $0.batch = 97 }
        == "an energy classifier has 96 known images, fewer than one batch of 97; take a smaller batch or more images"
    )
    #expect(failure(images, none) { _ in } == "an energy classifier has no outliers")
    var unlabelled = images
    unlabelled.classes = nil
    #expect(
      failure(unlabelled, noise) { _ in } == "the images have no labels, which an energy classifier needs")
    let diverged = failure(images, noise) { $0.learningRate = 1e30 }
    #expect(
      diverged.hasPrefix("the energy classifier diverged at epoch 1, step ") && diverged.hasSuffix("help"))
  }
}

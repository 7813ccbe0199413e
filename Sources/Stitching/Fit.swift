// Owns what a fit is asked and what it finds, and where its map starts. The training of it, alone or beside others, is in
// Grid.swift and GridTraining.swift.
public import NeuralNetworks
import Tensor

/// Where a fit is.
public struct FitProgress: Sendable, Hashable {
  /// Epochs that are complete, of `epochs`.
  public let epoch: Int
  public let epochs: Int
  /// Steps of the current epoch that are complete, of `steps`.
  public let step: Int
  public let steps: Int
  /// The mean loss of the current epoch so far.
  public let loss: Double
}

/// What there is to know of a fit besides its map.
public struct FitFacts: Sendable, Hashable, Codable {
  /// Which images least squares took, ascending, by their index in the data; nil where it wasn't used.
  public var leastSquaresIndices: [Int]?
  /// Directions of [X 1] that least squares kept, of C + 1; nil where the map's family tells none apart.
  public var rank: Int?
  /// The share of the largest singular value up to which it dropped directions.
  public var rankTolerance: Double?
  /// ‖S − T‖² / ‖T‖² of the closed form's map on its own samples.
  public var leastSquaresError: Double?
  /// The mean loss of each epoch of training.
  public var losses: [Double] = []
}

/// A fitted map.
public struct FittedStitch: Sendable {
  public let map: StitchingLayer
  public let facts: FitFacts
  /// What has drifted of the two halves; nil where nothing may.
  public var statistics: DriftedStatistics?
}

extension Stitch {
  /// Fits a map.
  ///
  /// - Parameters:
  ///   - images: what the frozen networks make of the source's examples, shared with other fits and evaluations of
  ///     the same examples; nil: a cache of the fit's own, of `options.memory` bytes. It decides no bit.
  ///   - progress: called after every step.
  ///   - isCancelled: asked before every step; when true, throws `CancellationError`.
  /// - Throws: `StitchingError` for options that make no sense, for images or labels that aren't the networks', and
  ///   for a loss that isn't a number, with epoch, step and rate; `NetworkError`; what the source throws.
  public func fit(
    on source: some FittingSource, options: FitOptions, sharing images: ActivationCache? = nil,
    progress: (FitProgress) -> Void = { _ in }, isCancelled: () -> Bool = { false }
  ) throws -> FittedStitch {
    let images = images ?? ActivationCache(source, budget: options.memory)
    return try withoutActuallyEscaping(progress) { progress in
      try withoutActuallyEscaping(isCancelled) { isCancelled in
        let owner = OneFit(progress: progress, cancelled: isCancelled)
        Stitch.fit([GridFit(self, on: source, options: options)], sharing: images, for: owner)
        return try owner.result!.get()
      }
    }
  }

  /// Throws where source, options and cache don't go with the stitch or each other.
  func requireFittable(_ source: some FittingSource, _ options: FitOptions, _ images: ActivationCache) throws
  {
    try options.validate(for: self)
    guard source.shape == front.architecture.input else {
      throw StitchingError(
        "the images are \(source.shape), but the networks take \(front.architecture.input)")
    }
    if options.trains, options.objective.task > 0 {
      try Labels.require(source.classes, within: end.architecture.classes, for: "the cross-entropy")
    }
    guard !options.trains || source.batchesPerEpoch > 0 else {
      throw StitchingError("no batch of \(source.batch) images to fit on; use a smaller batch or more images")
    }
    guard images.shape == source.shape, images.count == source.count else {
      throw StitchingError(
        "the shared activations are of \(images.count) images of \(images.shape), the fit is of \(source.count) of "
          + "\(source.shape)")
    }
  }

  /// The map that training starts from, or that is all there is to find.
  /// - Parameter samples: what least squares needs, where that is the start.
  func startingMap(
    _ options: FitOptions, _ samples: (indices: [Int], statistics: RowStatistics)?
  ) throws -> (map: StitchingLayer, facts: FitFacts) {
    var facts = FitFacts()
    let start: StitchingLayer
    switch options.initialisation {
    case .leastSquares:
      guard let samples else { preconditionFailure("BUG: least squares without statistics") }
      let direct = try DirectFit(self, samples.statistics, options: options)
      start = direct.map
      facts.leastSquaresIndices = samples.indices
      facts.rank = direct.found.rank
      facts.rankTolerance = direct.found.tolerance
      facts.leastSquaresError = direct.structuralError
    case .random:
      start = try options.map.nearestMember(
        to: .initialised(input: input, output: output, seed: options.seed))
    case .identity: start = try options.map.nearestMember(to: identityMap())
    }
    return (start, facts)
  }
}

/// Whoever asks for one fit.
private final class OneFit: GridOwner {
  private let tell: (FitProgress) -> Void
  private let cancelled: () -> Bool
  private(set) var result: Result<FittedStitch, any Error>?

  init(progress: @escaping (FitProgress) -> Void, cancelled: @escaping () -> Bool) {
    tell = progress
    self.cancelled = cancelled
  }

  func part(of fit: Int, _ body: () throws -> Void) {
    guard result == nil else { return }
    do { try body() } catch { result = .failure(error) }
  }

  func isOver(_ fit: Int) -> Bool { result != nil }
  func progress(of fit: Int, _ progress: FitProgress) { tell(progress) }
  func finish(_ fit: Int, _ fitted: FittedStitch) { result = .success(fitted) }
  var isCancelled: Bool { cancelled() }
}

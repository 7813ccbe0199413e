// Owns fits side by side: which of them take the same batches and go through them step by step together, so that what is
// frozen is computed once for all of them. It deliberately decides no bit of any of them: a fit alone is a grid of one.
public import NeuralNetworks
import Tensor

/// One of the fits of a grid.
public struct GridFit<Source: FittingSource> {
  public let stitch: Stitch
  public let source: Source
  public let options: FitOptions

  public init(_ stitch: Stitch, on source: Source, options: FitOptions) {
    self.stitch = stitch
    self.source = source
    self.options = options
  }
}

/// Whoever asked for a grid: is told of its fits, by their places in the list.
public protocol GridOwner {
  /// Does a part of one fit's work, and nothing once the fit is over. What `body` throws ends this fit and no other.
  func part(of fit: Int, _ body: () throws -> Void)
  /// Whether a fit is over: it has failed, or is finished.
  func isOver(_ fit: Int) -> Bool
  /// Where a fit is, after each of its steps.
  func progress(of fit: Int, _ progress: FitProgress)
  /// Takes what a fit found, as its last part.
  func finish(_ fit: Int, _ fitted: FittedStitch)
  /// Asked before every step.
  var isCancelled: Bool { get }
}

extension Stitch {
  /// Fits maps, all between the same two networks and on the same images, though each in batches of its own making.
  ///
  /// The two frozen networks are run once for all fits: with images that are always the same, as far as there is room to
  /// keep what they make; with augmented ones, once for each batch of fits whose batches are the same. The end behind a
  /// cut is compiled once for all maps that feed it.
  /// - Parameter images: what the frozen networks make of the examples.
  public static func fit<Source: FittingSource>(
    _ fits: [GridFit<Source>], sharing images: ActivationCache, for owner: some GridOwner
  ) {
    var starts: [Int: (map: StitchingLayer, facts: FitFacts)] = [:]
    for (number, samples) in samplesOfLeastSquares(for: fits, images, owner) {
      owner.part(of: number) {
        let fit = fits[number]
        let (map, facts) = try fit.stitch.startingMap(fit.options, samples)
        if fit.options.trains {
          starts[number] = (map, facts)
        } else {
          owner.finish(number, FittedStitch(map: map, facts: facts))
        }
      }
    }
    var lockstep: [AnyHashable: [Int]] = [:]
    var order: [AnyHashable] = []
    for number in fits.indices where starts[number] != nil {
      guard !fits[number].options.runsWhole else {
        owner.part(of: number) { try fits[number].trainWhole(number, starts[number]!, for: owner) }
        continue
      }
      let key = AnyHashable(fits[number].sharedBatches)
      if lockstep[key] == nil { order.append(key) }
      lockstep[key, default: []].append(number)
    }
    for key in order {
      let numbers = lockstep[key]!
      func train(_ numbers: [Int]) throws {
        let training = try GridTraining(
          numbers.map { try TrainedFit(number: $0, fits[$0], start: starts[$0]!) }, images: images)
        try training.run(for: owner)
      }
      func attempt(_ numbers: [Int]) {
        do {
          try train(numbers)
        } catch {
          // What failed was shared. Alone each fit fails by its own doing, or not at all.
          if numbers.count == 1 {
            owner.part(of: numbers[0]) { throw error }
          } else {
            for number in numbers where !owner.isOver(number) { attempt([number]) }
          }
        }
      }
      attempt(numbers)
    }
  }

  /// For each fit, in their order, what least squares needs, where it starts there: one pass over the samples serves all
  /// fits that take the same ones.
  private static func samplesOfLeastSquares<Source: FittingSource>(
    for fits: [GridFit<Source>], _ images: ActivationCache, _ owner: some GridOwner
  ) -> [(fit: Int, samples: (indices: [Int], statistics: RowStatistics)?)] {
    var found: [Int: (indices: [Int], statistics: RowStatistics)] = [:]
    var groups: [[Int]: [Int]] = [:]
    var order: [[Int]] = []
    for (number, fit) in fits.enumerated() {
      owner.part(of: number) {
        try fit.stitch.requireFittable(fit.source, fit.options, images)
        guard fit.options.initialisation == .leastSquares else { return }
        let indices = try fit.options.leastSquaresIndices(of: images.count)
        if groups[indices] == nil { order.append(indices) }
        groups[indices, default: []].append(number)
      }
    }
    for indices in order {
      func attempt(_ numbers: [Int]) {
        do {
          let pass = try StatisticsPass(
            numbers.map { fits[$0].stitch }, over: indices, of: images, isCancelled: { owner.isCancelled })
          for (number, statistics) in zip(numbers, pass.statistics) { found[number] = (indices, statistics) }
        } catch {
          // What failed was shared. Alone each fit fails by its own doing, or not at all.
          if numbers.count == 1 {
            owner.part(of: numbers[0]) { throw error }
          } else {
            for number in numbers where !owner.isOver(number) { attempt([number]) }
          }
        }
      }
      attempt(groups[indices]!)
    }
    return fits.indices.filter { !owner.isOver($0) }.map { ($0, found[$0]) }
  }
}

/// What fits must have in common to take the same batches.
private struct SharedBatches: Hashable {
  let batches: AnyHashable
  let batch: Int
  let epochs: Int
}

extension GridFit {
  /// Trains a fit whose halves are run anew for each step; nothing of it can be shared.
  fileprivate func trainWhole(
    _ number: Int, _ start: (map: StitchingLayer, facts: FitFacts), for owner: some GridOwner
  ) throws {
    let training = try WholeTraining(stitch, start.map, on: source, options: options)
    var facts = start.facts
    try training.run(
      facts: &facts, progress: { owner.progress(of: number, $0) }, isCancelled: { owner.isCancelled })
    let (map, statistics) = try training.fitted
    owner.finish(number, FittedStitch(map: map, facts: facts, statistics: statistics))
  }

  fileprivate var sharedBatches: SharedBatches {
    SharedBatches(batches: source.identity, batch: source.batch, epochs: options.epochs)
  }
}

// Owns what an update rule remembers from step to step, over the live parameters of one set.

public import Tensor

/// One parameter set's optimiser: the rule and its state.
public final class Optimiser {
  /// The update rule.
  public let rule: any OptimiserRule
  private let parameters: ParameterSet
  /// The rule's moments, each laid out as the trained part.
  private let moments: [UnsafeMutablePointer<Float>]
  /// Those of the rule's bases after the steps so far.
  private var powers: [Double]
  /// Runs of equal decay, none longer than `longestRun`, for threads to share.
  private let runs: [(range: Range<Int>, decays: Bool)]
  private static let longestRun = 1 << 16

  /// An optimiser with fresh state.
  public init(
    _ rule: some OptimiserRule, for parameters: ParameterSet, decaying: DecayedParameters = .all
  ) {
    self.rule = rule
    self.parameters = parameters
    moments = rule.moments.map { _ in allocateFloats(parameters.trainedCount) }
    powers = rule.bases.map { _ in 1 }
    var runs: [(start: Int, decays: Bool)] = []
    for slot in parameters.slots where slot.declaration.isTrained {
      let decays = decaying.includes(slot.declaration.shape)
      if runs.last?.decays != decays { runs.append((slot.offset, decays)) }
    }
    let ends = runs.dropFirst().map(\.start) + [parameters.trainedCount]
    self.runs = zip(runs, ends).flatMap { run, end in
      stride(from: run.start, to: end, by: Optimiser.longestRun).map {
        ($0..<min($0 + Optimiser.longestRun, end), run.decays)
      }
    }
  }

  deinit {
    for moment in moments { UnsafeMutableRawPointer(moment).deallocate() }
  }

  /// Moves the parameters by one step; every plan over them sees it at its next forward pass. The gradients may be those
  /// of another set of the same shapes, to which the values were lent.
  public func step(_ gradients: ParameterGradients, learningRate: Double) {
    precondition(gradients.parameters.isLaidOut(as: parameters), "BUG: gradients of other parameters")
    for (i, base) in rule.bases.enumerated() { powers[i] *= base }
    Team.forEach(runs.count) { [self] piece, _ in
      let (range, decays) = runs[piece]
      let start = range.lowerBound
      rule.update(
        ParameterRun(
          values: parameters.base + start, gradients: gradients.values + start,
          moments: moments.map { $0 + start }, count: range.count, decays: decays),
        rate: learningRate, powers: powers)
    }
    parameters.parametersChanged()
  }

  /// A copy of all that it remembers, or what it goes on from.
  /// - Precondition: what is set is the state of this rule over these parameters, as `requireState` says.
  var state: OptimiserState {
    get {
      var copies: [String: [String: Tensor]] = [:]
      for (name, moment) in zip(rule.moments, moments) { copies[name] = parameters.trainedTensors(moment) }
      return OptimiserState(moments: copies, powers: powers)
    }
    set {
      powers = newValue.powers
      for (name, moment) in zip(rule.moments, moments) {
        parameters.overwriteTrained(moment, with: newValue.moments[name]!)
      }
    }
  }
}

/// All that an optimiser remembers from step to step.
public struct OptimiserState: Sendable, Equatable {
  /// By the moment's name, then by the parameter's.
  public var moments: [String: [String: Tensor]]
  /// Those of the rule's bases after the steps so far.
  public var powers: [Double]

  init(moments: [String: [String: Tensor]], powers: [Double]) {
    self.moments = moments
    self.powers = powers
  }

  /// That of an optimiser that hasn't made a step.
  init(_ rule: some OptimiserRule, for model: Model) {
    let parameters = model.architecture.layers.parameters.filter(\.isTrained)
    moments = Dictionary(
      uniqueKeysWithValues: rule.moments.map { name in
        (name, Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, Tensor(zeros: $0.shape)) }))
      })
    powers = rule.bases.map { _ in 1 }
  }

  /// Throws where it isn't that of a rule over a model's parameters.
  func require(_ rule: some OptimiserRule, for model: Model) throws {
    let wanted = OptimiserState(rule, for: model)
    guard powers.count == wanted.powers.count,
      moments.mapValues({ $0.mapValues(\.shape) }) == wanted.moments.mapValues({ $0.mapValues(\.shape) })
    else {
      throw NetworkError(
        "the training's state is that of another optimiser or network: it remembers "
          + "\(moments.keys.sorted()) of \(moments.values.first?.count ?? 0) parameters, and \(powers.count) powers; "
          + "\(type(of: rule)) over \(model.architecture.name) needs \(rule.moments.sorted()) of "
          + "\(wanted.moments.values.first?.count ?? 0), and \(wanted.powers.count)")
    }
  }
}

extension ParameterSet {
  /// Copies of what lies in a block that is laid out as the trained part.
  fileprivate func trainedTensors(_ block: UnsafeMutablePointer<Float>) -> [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: slots.filter(\.declaration.isTrained).map { slot in
        let values = UnsafeBufferPointer(start: UnsafePointer(block + slot.offset), count: slot.count)
        return (slot.declaration.name, Tensor(shape: slot.declaration.shape, values: values))
      })
  }

  fileprivate func overwriteTrained(_ block: UnsafeMutablePointer<Float>, with tensors: [String: Tensor]) {
    for slot in slots where slot.declaration.isTrained {
      tensors[slot.declaration.name]!.withUnsafeValues {
        (block + slot.offset).update(from: $0.baseAddress!, count: slot.count)
      }
    }
  }
}

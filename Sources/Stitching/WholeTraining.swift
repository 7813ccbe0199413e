// Owns the training of a fit whose frozen halves can't be run once for all epochs: its batch norms use each batch's
// statistics, or its images are attacked against the map as it is. Front, map and end are one network, run for each step.
import NeuralNetworks
public import Tensor

/// What a fit has besides its map where its halves aren't as they were: the running statistics that have drifted.
public struct DriftedStatistics: Sendable, Equatable {
  /// By the front's names, of the batch norms up to its cut.
  public var front: [String: Tensor]
  /// By the end's names, of the batch norms after its cut.
  public var end: [String: Tensor]

  public init(front: [String: Tensor], end: [String: Tensor]) {
    self.front = front
    self.end = end
  }
}

extension FitOptions {
  /// Whether the front has to be run anew for each step.
  var runsWhole: Bool { statistics != .running || adversary != nil }
}

/// One fit, its networks live.
///
/// What the map and the end behind it are compared with is always the end as it was: with running statistics, on the
/// images as the front sees them, attacked where they are. Images are attacked against the stitched network, by the
/// cross-entropy to their labels, with running statistics but where the adversary's mode says otherwise. The two halves
/// of a network that is stitched to itself drift each by itself.
final class WholeTraining<Source: FittingSource> {
  private let stitch: Stitch
  private let source: Source
  private let options: FitOptions
  private let losses: StepLosses
  private let front: ParameterSet
  private let map: ParameterSet
  private let end: ParameterSet
  private let plan: Plan
  private let taps: [TapPoint]
  private let optimiser: MapOptimiser
  private let attacked: AttackedShare?
  /// The end by itself, and where what is compared with comes out of it; nil: nothing is.
  private let own: (plan: Plan, targets: [TapPoint])?
  private let labels: UnsafeMutableBufferPointer<Int32>
  /// For the attack, of each image's class; for a second loss of the logits.
  private let classes: UnsafeMutableBufferPointer<Float>
  private let scratch: UnsafeMutableBufferPointer<Float>

  init(_ stitch: Stitch, _ start: StitchingLayer, on source: Source, options: FitOptions) throws {
    (self.stitch, self.source, self.options) = (stitch, source, options)
    let losses = StepLosses(options.objective, endCuts: stitch.endCuts)
    let (front, map, end) = (ParameterSet(stitch.front), ParameterSet(start), ParameterSet(stitch.end))
    (self.losses, self.front, self.map, self.end) = (losses, front, map, end)
    func segments(_ statistics: BatchNormStatistics, through last: Cut?) throws -> [Segment] {
      var segments = [
        try Segment.model(stitch.front, through: stitch.from, statistics: statistics, parameters: front),
        .map(start, parameters: map),
      ]
      if last != stitch.to {
        segments.append(
          try .model(
            stitch.end, after: stitch.to, through: last, statistics: statistics, parameters: end))
      }
      return segments
    }
    // Nothing behind the last loss is computed.
    let network = try Network(
      segments: segments(options.statistics, through: losses.outputs.isEmpty ? losses.cuts.last?.cut : nil))
    taps = losses.cuts.map { $0.cut == stitch.to ? .output(segment: 1) : .cut($0.cut, segment: 2) }
    let points = taps + (losses.outputs.isEmpty ? [] : [network.output])
    plan = try network.compile(
      batch: source.batch, taps: points, gradientPoints: points, wants: Wants(parameters: true))
    optimiser = MapOptimiser(map, options)
    let known = stitch.end.architecture.classes
    if let adversary = options.adversary {
      try Labels.require(source.classes, within: known, for: "the attack")
      attacked = try AttackedShare(
        adversary, objective: CrossEntropy(), batch: source.batch,
        network: Network(segments: segments(.running, through: nil)), shape: source.shape, seed: options.seed)
    } else {
      attacked = nil
    }
    if losses.points.isEmpty {
      own = nil
    } else {
      let last = losses.outputs.contains(where: \.needsEnd) ? nil : losses.cuts.last?.cut
      let network = try Network(segments: [.model(stitch.end, through: last)])
      let targets = losses.points.map { point in
        if case .cut(let cut) = point { TapPoint.cut(cut, segment: 0) } else { network.output }
      }
      own = (try network.compile(batch: source.batch, taps: targets), targets)
    }
    labels = .allocate(capacity: source.batch)
    classes = .allocate(capacity: source.batch * known)
    scratch = .allocate(capacity: source.batch * known)
    for room in [classes, scratch] { room.initialize(repeating: 0) }
    labels.initialize(repeating: 0)
  }

  deinit {
    for room in [classes, scratch] { room.deallocate() }
    labels.deallocate()
  }

  /// Goes through all epochs.
  func run(
    facts: inout FitFacts, progress: (FitProgress) -> Void, isCancelled: () -> Bool
  ) throws {
    let steps = source.batchesPerEpoch
    for epoch in 0..<options.epochs {
      var sum = 0.0
      for step in 0..<steps {
        if isCancelled() { throw CancellationError() }
        try fill(epoch: epoch, step: step)
        try plan.forward()
        let loss = try evaluate()
        try optimiser.step(loss: loss, epoch: epoch, step: step, of: steps) {
          try plan.backward()
          return plan.gradients(of: 1)
        }
        sum += loss
        progress(
          FitProgress(
            epoch: epoch, epochs: options.epochs, step: step + 1, steps: steps, loss: sum / Double(step + 1)))
      }
      facts.losses.append(sum / Double(steps))
    }
  }

  /// The plan's images, attacked where they are to be, and what the end makes of them by itself.
  private func fill(epoch: Int, step: Int) throws {
    try source.fill(epoch: epoch, step: step, images: plan.input, labels: labels)
    let known = stitch.end.architecture.classes
    if options.objective.task > 0 || attacked != nil {
      try Labels.check(UnsafeBufferPointer(labels), within: known)
    }
    if let attacked {
      classes.update(repeating: 0)
      for (row, label) in labels.enumerated() { classes[row * known + Int(label)] = 1 }
      try attacked.perturb(
        plan.input, targets: UnsafeBufferPointer(classes), step: epoch * source.batchesPerEpoch + step)
    }
    guard let own else { return }
    _ = own.plan.input.update(fromContentsOf: plan.input)
    try own.plan.forward()
  }

  /// The loss of what the plan has made, with its gradients at the taps.
  private func evaluate() throws -> Double {
    var total = 0.0
    let targets = own.map { own in own.targets.map { own.plan.value(of: $0) } } ?? []
    for ((cut, weight), (point, target)) in zip(losses.cuts, zip(taps, targets)) {
      total += try Loss.relativeError(
        plan.value(of: point), target: target, gradient: plan.gradient(at: point),
        weight: weight, layer: cut.name)
    }
    guard let first = losses.outputs.first else { return total }
    let batch = StitchedLogits(
      count: source.batch, logits: plan.logits, labels: UnsafeBufferPointer(labels),
      own: targets.last ?? UnsafeBufferPointer(scratch))
    total += first.evaluate(batch, gradient: plan.logitsGradient)
    for loss in losses.outputs.dropFirst() {
      total += loss.evaluate(batch, gradient: scratch)
      for i in scratch.indices { plan.logitsGradient[i] += scratch[i] }
    }
    return total
  }

  /// What it found.
  var fitted: (map: StitchingLayer, statistics: DriftedStatistics?) {
    get throws {
      let map = try StitchingLayer(
        input: stitch.input, output: stitch.output,
        weight: map.tensor("weight").reshaped([stitch.output.features, stitch.input.features]),
        bias: map.tensor("bias"))
      guard options.statistics == .batchAndUpdate else { return (map, nil) }
      return (
        map,
        DriftedStatistics(
          front: stitch.front.driftedStatistics(in: front), end: stitch.end.driftedStatistics(in: end))
      )
    }
  }
}

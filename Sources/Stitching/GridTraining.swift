// Owns the training of fits that take the same batches, step by step.
import NeuralNetworks
import Tensor

/// A fit on its way.
final class TrainedFit<Source: FittingSource> {
  /// Its place in the grid.
  let number: Int
  let stitch: Stitch
  let source: Source
  let options: FitOptions
  let losses: StepLosses
  /// The live map.
  let parameters: ParameterSet
  private let optimiser: MapOptimiser
  private var facts: FitFacts
  private var sum = 0.0

  init(
    number: Int, _ fit: GridFit<Source>, start: (map: StitchingLayer, facts: FitFacts)
  ) throws {
    self.number = number
    stitch = fit.stitch
    source = fit.source
    options = fit.options
    losses = StepLosses(options.objective, endCuts: stitch.endCuts)
    parameters = ParameterSet(try stitch.fromKept(start.map))
    optimiser = MapOptimiser(parameters, options)
    facts = start.facts
  }

  /// One step; the loss of what the batch's map made is told with where the fit is.
  func step(
    epoch: Int, step: Int, _ map: MapPlan, _ end: TailPlan, _ batch: FrozenBatch<Source>,
    logits: UnsafeBufferPointer<Float>
  ) throws -> FitProgress {
    let (steps, epochs) = (source.batchesPerEpoch, options.epochs)
    if step == 0 { sum = 0 }
    let labels = UnsafeBufferPointer(batch.labels)
    if options.objective.task > 0 { try Labels.check(labels, within: stitch.end.architecture.classes) }
    try map.forward(parameters, batch.front[stitch.frontPoint]!)
    let loss = try end.evaluate(
      losses, own: losses.cuts.map { batch.end[.cut($0.cut)]! }, logits: logits, labels: labels)
    try optimiser.step(loss: loss, epoch: epoch, step: step, of: steps) { try map.backward() }
    sum += loss
    if step == steps - 1 { facts.losses.append(sum / Double(steps)) }
    return FitProgress(
      epoch: epoch, epochs: epochs, step: step + 1, steps: steps, loss: sum / Double(step + 1))
  }

  /// What it found.
  var fitted: FittedStitch {
    get throws {
      let map = try StitchingLayer(
        input: stitch.input, output: stitch.output,
        weight: parameters.tensor("weight").reshaped([stitch.output.features, stitch.input.features]),
        bias: parameters.tensor("bias"))
      return FittedStitch(map: map, facts: facts)
    }
  }
}

/// Fits in lock step: for each batch one pass of the front and one of the end by itself, then a step of each fit.
struct GridTraining<Source: FittingSource> {
  /// Each with its plans; those that feed the same plan of the end one after the other.
  private let fits: [(fit: TrainedFit<Source>, map: MapPlan, end: TailPlan)]
  private let batch: FrozenBatch<Source>

  init(_ fits: [TrainedFit<Source>], images: ActivationCache) throws {
    let first = fits[0]
    let cuts = first.stitch.end.architecture.cuts
    // From the front of the end: the plan that needs most room comes first.
    let ordered = fits.sorted {
      (cuts.firstIndex(of: $0.stitch.to)!, $0.number) < (cuts.firstIndex(of: $1.stitch.to)!, $1.number)
    }
    let room = PlanRoom()
    var junctions: [ActivationShape: Junction] = [:]
    var inputs: [ActivationShape: Junction] = [:]
    func junction(_ shape: ActivationShape, _ known: inout [ActivationShape: Junction]) -> Junction {
      if let junction = known[shape] { return junction }
      known[shape] = Junction(shape, batch: first.source.batch)
      return known[shape]!
    }
    var ends: [EndKey: TailPlan] = [:]
    var maps: [[ActivationShape]: MapPlan] = [:]
    self.fits = try ordered.map { fit in
      let stitch = fit.stitch
      let output = junction(stitch.output, &junctions)
      let key = EndKey(cut: stitch.to, places: LossPlaces(fit.losses))
      let end =
        try ends[key]
        ?? TailPlan(stitch.end, after: stitch.to, key.places, input: output, room: room)
      ends[key] = end
      let shapes = [stitch.keptInput, stitch.output]
      let map =
        try maps[shapes]
        ?? MapPlan(
          stitch.fromKept(stitch.identityMap()), input: junction(stitch.keptInput, &inputs), output: output,
          trains: true, room: PlanRoom())
      maps[shapes] = map
      return (fit, map, end)
    }
    var points: (front: [FrozenPoint], end: [ModelPoint]) = ([], [])
    for fit in fits {
      if !points.front.contains(fit.stitch.frontPoint) { points.front.append(fit.stitch.frontPoint) }
      for point in fit.losses.points where !points.end.contains(point) { points.end.append(point) }
    }
    batch = try FrozenBatch(
      first.stitch, front: points.front, end: points.end, source: first.source, images: images)
  }

  private struct EndKey: Hashable {
    let cut: Cut
    let places: LossPlaces
  }

  /// Goes through all epochs.
  /// - Throws: where what is frozen can't be computed.
  func run(for owner: some GridOwner) throws {
    let source = fits[0].fit.source
    let classes = fits[0].fit.stitch.end.architecture.classes
    let logits = UnsafeMutableBufferPointer<Float>.allocate(capacity: source.batch * classes)
    logits.initialize(repeating: 0)
    defer { logits.deallocate() }
    for epoch in 0..<fits[0].fit.options.epochs {
      for step in 0..<source.batchesPerEpoch {
        if owner.isCancelled { throw CancellationError() }
        if fits.allSatisfy({ owner.isOver($0.fit.number) }) { return }
        try batch.fill(epoch: epoch, step: step)
        for (image, row) in (batch.end[.logits] ?? []).enumerated() {
          (logits.baseAddress! + image * classes).update(from: row.values, count: classes)
        }
        for (fit, map, end) in fits {
          owner.part(of: fit.number) {
            let progress = try fit.step(
              epoch: epoch, step: step, map, end, batch, logits: UnsafeBufferPointer(logits))
            owner.progress(of: fit.number, progress)
          }
        }
      }
    }
    for (fit, _, _) in fits { owner.part(of: fit.number) { owner.finish(fit.number, try fit.fitted) } }
  }
}

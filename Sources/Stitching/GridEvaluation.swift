// Owns what many networks, stitched or not, make of the same images: the fronts and the ends by themselves are run once for
// all of them, and what the maps make is compared with the end's own activations in the pass that counts accuracy.
public import NeuralNetworks
import Tensor

/// A network that is evaluated beside others.
public enum GridNetwork {
  case model(Model)
  case stitched(Stitch, StitchingLayer)

  /// The model whose logits come out.
  var end: Model {
    switch self {
    case .model(let model): model
    case .stitched(let stitch, _): stitch.end
    }
  }

  /// Evaluates networks on all images of a cache, a few images at a time, so that a cache that keeps nothing serves as
  /// well as any. What a network gives doesn't depend on its company.
  /// - Returns: for each what it gives, or why it fails: `NetworkError` where the images aren't of its size, have no
  ///   labels or some beyond its classes, or an activation isn't finite; `StitchingError` where an output isn't finite or
  ///   the end's activations are all zero; what the source throws.
  public static func evaluate(
    _ networks: [GridNetwork], on images: ActivationCache, isCancelled: () -> Bool = { false }
  ) -> [Result<GridOutputs, any Error>] {
    guard !networks.isEmpty else { return [] }
    do {
      return try GridPass(networks, on: images).run(isCancelled: isCancelled)
    } catch {
      // What failed was shared. Alone each fails by its own doing, or not at all.
      if networks.count == 1 { return [.failure(error)] }
      return networks.map { evaluate([$0], on: images, isCancelled: isCancelled)[0] }
    }
  }
}

/// What a network makes of all images.
public struct GridOutputs {
  public let evaluation: Evaluation
  /// Of a stitched network how what the map makes compares with the end's own activations at its cut.
  public let match: ActivationMatch?
}

/// One pass over the images.
private final class GridPass {
  private let images: ActivationCache
  private let outputs: [Outputs]
  private var wanted: [(model: Model, points: [FrozenPoint])] = []

  init(_ networks: [GridNetwork], on images: ActivationCache) throws {
    self.images = images
    outputs = networks.map { Outputs($0) }
    let plans = EvaluationPlans()
    // From the front of the end: the plan that needs most room comes first.
    for output in outputs.sorted(by: { $0.depth < $1.depth }) {
      output.attempt {
        let end = output.network.end
        try Labels.require(images.classes, within: end.architecture.classes, for: "an accuracy")
        switch output.network {
        case .model(let model): output.rows = [want(FrozenPoint(.logits), of: model)]
        case .stitched(let stitch, let map):
          output.rows = [
            want(stitch.frontPoint, of: stitch.front), want(FrozenPoint(.cut(stitch.to)), of: stitch.end),
          ]
          output.plans = try plans.plans(for: stitch, model: output.rows[1].model)
          output.map = ParameterSet(try stitch.fromKept(map))
        }
      }
    }
  }

  /// Where a point's values will be found.
  private func want(_ point: FrozenPoint, of model: Model) -> Outputs.Place {
    var at = wanted.firstIndex { $0.model.isTheSameModel(as: model) }
    if at == nil {
      wanted.append((model, []))
      at = wanted.count - 1
    }
    if let known = wanted[at!].points.firstIndex(of: point) { return (at!, known) }
    wanted[at!].points.append(point)
    return (at!, wanted[at!].points.count - 1)
  }

  func run(isCancelled: () -> Bool) throws -> [Result<GridOutputs, any Error>] {
    for start in stride(from: 0, to: images.count, by: FrozenNetwork.group) {
      if isCancelled() { throw CancellationError() }
      let indices = Array(start..<min(start + FrozenNetwork.group, images.count))
      let rows = try images.rows(of: wanted, for: indices)
      // Of each of the ends' cuts, once for all that go on there.
      var sums: [[Int]: [[Double]]] = [:]
      for output in outputs {
        output.attempt {
          var own: [[Double]] = []
          if case .stitched(let stitch, _) = output.network {
            let place = output.rows[1]
            let key = [place.model, place.point]
            own = sums[key] ?? rows[place.model][place.point].map { $0.featureSums(stitch.output) }
            sums[key] = own
          }
          try output.add(output.rows.map { rows[$0.model][$0.point] }, sums: own, from: start)
        }
      }
    }
    let labels = try images.labels(of: 0..<images.count)
    return outputs.map { output in
      if let error = output.error { return .failure(error) }
      return Result { try output.made(labels: labels) }
    }
  }
}

/// Plans for maps and ends, each compiled once for all stitches that it serves.
private final class EvaluationPlans {
  private let room = PlanRoom()
  private var junctions: [[ActivationShape]: Junction] = [:]
  private var maps: [[ActivationShape]: MapPlan] = [:]
  private var ends: [EndKey: TailPlan] = [:]

  private struct EndKey: Hashable {
    let model: Int
    let cut: Cut
  }

  /// - Parameter model: the number of the end.
  func plans(for stitch: Stitch, model: Int) throws -> (map: MapPlan, end: TailPlan) {
    let shapes = [stitch.keptInput, stitch.output]
    let input = junction([stitch.keptInput])
    // Apart from the inputs: what a map makes mustn't overwrite what it takes.
    let output = junction([stitch.output, stitch.output])
    let key = EndKey(model: model, cut: stitch.to)
    let end =
      try ends[key]
      ?? TailPlan(stitch.end, after: stitch.to, .outputs, input: output, room: room, trains: false)
    ends[key] = end
    let map =
      try maps[shapes]
      ?? MapPlan(
        stitch.fromKept(stitch.identityMap()), input: input, output: output, trains: false, room: room)
    maps[shapes] = map
    return (map, end)
  }

  private func junction(_ key: [ActivationShape]) -> Junction {
    if let known = junctions[key] { return known }
    junctions[key] = Junction(key[0], batch: FrozenNetwork.group, hasGradient: false)
    return junctions[key]!
  }
}

/// What one network has made so far.
private final class Outputs {
  typealias Place = (model: Int, point: Int)
  let network: GridNetwork
  /// Of a model its logits; of a stitched network the front at its cut and the end at its.
  var rows: [Place] = []
  var plans: (map: MapPlan, end: TailPlan)?
  var map: ParameterSet?
  private(set) var error: (any Error)?
  private var logits: [Float] = []
  private var match: ActivationMatchSums?

  init(_ network: GridNetwork) {
    self.network = network
    if case .stitched(let stitch, _) = network { match = ActivationMatchSums(stitch.output) }
  }

  /// How far behind the end's beginning it goes on.
  var depth: Int {
    guard case .stitched(let stitch, _) = network else { return 0 }
    return stitch.end.architecture.cuts.firstIndex(of: stitch.to) ?? 0
  }

  /// Does nothing once it has failed.
  func attempt(_ body: () throws -> Void) {
    guard error == nil else { return }
    do { try body() } catch { self.error = error }
  }

  /// Takes the next images; `first` is the number of the first of them, `sums` are those of the end's own features.
  func add(_ rows: [[FrozenRow]], sums: [[Double]], from first: Int) throws {
    let classes = network.end.architecture.classes
    guard case .stitched(let stitch, _) = network, let plans, let map else {
      for row in rows[0] { logits += UnsafeBufferPointer(start: row.values, count: classes) }
      return
    }
    try plans.map.forward(map, rows[0])
    let size = stitch.output.count
    for (image, own) in rows[1].enumerated() {
      match!.add(
        difference: own.squaredDistance(
          to: plans.end.input.values.baseAddress! + image * size, count: size),
        reference: own.squaredNorm, featureSums: sums[image])
    }
    let made = try plans.end.forward()[..<(rows[0].count * classes)]
    if let wrong = made.firstIndex(where: { !$0.isFinite }) {
      throw StitchingError(
        "the stitched network's output \(wrong % classes) for image \(first + wrong / classes) is \(made[wrong]), "
          + "not a finite number")
    }
    logits += made
  }

  func made(labels: [Int32]) throws -> GridOutputs {
    let evaluation = try Evaluation(
      logits: Tensor(shape: [labels.count, network.end.architecture.classes], values: logits), labels: labels)
    guard case .stitched(let stitch, _) = network else {
      return GridOutputs(evaluation: evaluation, match: nil)
    }
    return GridOutputs(evaluation: evaluation, match: try match!.match(at: stitch.to))
  }
}

extension FrozenRow {
  /// The sum of each feature over an image's positions.
  fileprivate func featureSums(_ shape: ActivationShape) -> [Double] {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: shape.count) { room in
      let values = room.baseAddress!
      KeptOrder(shape).writeRowMajor(self.values, to: values)
      let (perFeature, perPosition) = shape.featuresLast ? (1, shape.features) : (shape.positions, 1)
      return (0..<shape.features).map { feature in
        var sum = 0.0
        for i in 0..<shape.positions { sum += Double(values[feature * perFeature + i * perPosition]) }
        return sum
      }
    }
  }
}

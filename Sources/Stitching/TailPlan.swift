// Owns the end behind one of its cuts as fits use it: forward, the losses at their places, and back to the cut. It serves
// every map that feeds that cut, whatever front it comes from.
package import NeuralNetworks
import Tensor

/// A frozen end behind a cut, compiled for the places where losses come in. Backward goes through it to its input alone:
/// what is frozen has no gradients of weights.
package final class TailPlan {
  /// What it takes: what a map makes, and where the gradient by that goes.
  package let input: Junction
  private let plan: Plan
  private let places: LossPlaces
  private let scratch: UnsafeMutableBufferPointer<Float>

  package init(
    _ end: Model, after cut: Cut, _ places: LossPlaces, input: Junction, room: PlanRoom,
    trains: Bool = true
  ) throws {
    self.input = input
    self.places = places
    // Nothing behind the last loss is computed.
    let network = try Network(segments: [
      .model(end, after: cut, through: places.usesLogits ? nil : places.cuts.last)
    ])
    var joints = PlanJoints()
    joints.input = input
    joints.room = room
    joints.compared = places.cuts.map { .cut($0, segment: 0) }
    let outputs = places.usesLogits ? [network.output] : []
    plan = try network.compile(
      batch: input.batch, taps: outputs, gradientPoints: outputs, wants: Wants(input: trains), joints: joints)
    scratch = .allocate(capacity: places.usesLogits ? plan.logits.count : 0)
    scratch.initialize(repeating: 0)
  }

  deinit { scratch.deallocate() }

  /// The logits of what `input` holds.
  func forward() throws -> UnsafeBufferPointer<Float> {
    try plan.forward()
    return plan.logits
  }

  /// The loss of what `input` holds, and in `input` the gradient by it; where the loss is no finite number, without.
  /// - Parameters:
  ///   - own: the end's own values at each of the losses' cuts, by image.
  ///   - logits: the end's own.
  /// - Throws: `NetworkError` where the end's own values at a cut are all zero.
  package func evaluate(
    _ losses: StepLosses, own: [[FrozenRow]], logits: UnsafeBufferPointer<Float>,
    labels: UnsafeBufferPointer<Int32>
  ) throws -> Double {
    let comparisons = losses.cuts.map { plan.comparison(at: .cut($0.cut, segment: 0)) }
    for (comparison, rows) in zip(comparisons, own) {
      for (image, row) in rows.enumerated() { comparison.targets[image] = row.values }
    }
    try plan.forward()
    var total = 0.0
    for ((cut, weight), (comparison, rows)) in zip(losses.cuts, zip(comparisons, own)) {
      let (loss, factor) = try Loss.relativeError(
        difference: comparison.squaredDistances.reduce(0, +),
        reference: rows.reduce(0) { $0 + $1.squaredNorm }, weight: weight, layer: cut.name)
      comparison.factor = factor
      total += loss
    }
    if !losses.outputs.isEmpty {
      let batch = StitchedLogits(count: plan.batch, logits: plan.logits, labels: labels, own: logits)
      let gradient = plan.logitsGradient
      total += losses.outputs[0].evaluate(batch, gradient: gradient)
      for loss in losses.outputs.dropFirst() {
        total += loss.evaluate(batch, gradient: scratch)
        for i in gradient.indices { gradient[i] += scratch[i] }
      }
    }
    if total.isFinite { try plan.backward() }
    return total
  }
}

/// Where losses come in: all that a plan of the end depends on besides its cut.
package struct LossPlaces: Hashable {
  let cuts: [Cut]
  let usesLogits: Bool

  /// None but the logits.
  static let outputs = LossPlaces(cuts: [], usesLogits: true)

  private init(cuts: [Cut], usesLogits: Bool) {
    self.cuts = cuts
    self.usesLogits = usesLogits
  }

  package init(_ losses: StepLosses) {
    cuts = losses.cuts.map(\.cut)
    usesLogits = !losses.outputs.isEmpty
  }
}

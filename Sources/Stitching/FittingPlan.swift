// Owns one step of a trained fit: the map and as much of the end as the objective asks for, compiled, with the
// objective's terms at their taps.
package import NeuralNetworks
import Tensor

/// The map with the end behind it, over the front's activations.
package final class FittingPlan {
  /// The live map.
  package let parameters: ParameterSet
  package let plan: Plan
  /// What of the end by itself the terms need, in the order of the targets that `evaluate` takes.
  package let targets: [ModelPoint]
  private let terms: [Term]
  private let scratch: UnsafeMutableBufferPointer<Float>

  private struct Term {
    enum Kind {
      case crossEntropy
      /// The index of its target.
      case softLabel(Int)
      case relativeError(Int, Cut)
    }
    let kind: Kind
    let weight: Double
    let point: TapPoint
    /// Whether the point's gradient has been written by an earlier term, and is added to.
    let adds: Bool
  }

  package init(_ stitch: Stitch, map: StitchingLayer, objective: Objective, batch: Int) throws {
    let cuts = Array(stitch.endCuts.prefix(objective.cuts ?? .max))
    let usesFuLA = objective.fula > 0
    let soft = objective.soft > 0 || (usesFuLA && objective.fulaIncludesSoft)
    let targetCuts = usesFuLA ? cuts : objective.hint > 0 ? [stitch.to] : []
    targets = targetCuts.map(ModelPoint.cut) + (soft ? [.logits] : [])
    parameters = ParameterSet(map)
    var segments = [Segment.map(map, parameters: parameters)]
    // Nothing behind the last term is computed.
    let needsLogits = soft || objective.task > 0
    let last = needsLogits ? nil : targetCuts.last
    if last != stitch.to { segments.append(try .model(stitch.end, after: stitch.to, through: last)) }
    let network = try Network(segments: segments)

    func point(_ cut: Cut) -> TapPoint { cut == stitch.to ? .output(segment: 0) : .cut(cut, segment: 1) }
    var planned: [(Term.Kind, Double, TapPoint)] = []
    if usesFuLA {
      let weights = objective.cutWeights ?? cuts.map { _ in 1 }
      // Averaged in, the divergence counts as much as a cut of weight 1.
      let sum = weights.reduce(0, +) + (objective.fulaIncludesSoft ? 1 : 0)
      for (index, cut) in cuts.enumerated() where weights[index] > 0 {
        planned.append((.relativeError(index, cut), objective.fula * weights[index] / sum, point(cut)))
      }
      if objective.fulaIncludesSoft {
        planned.append((.softLabel(cuts.count), objective.fula / sum, network.output))
      }
    }
    if objective.hint > 0 { planned.append((.relativeError(0, stitch.to), objective.hint, point(stitch.to))) }
    if objective.soft > 0 {
      planned.append((.softLabel(targetCuts.count), objective.soft, network.output))
    }
    if objective.task > 0 { planned.append((.crossEntropy, objective.task, network.output)) }

    var seen = Set<TapPoint>()
    terms = planned.map { kind, weight, point in
      Term(kind: kind, weight: weight, point: point, adds: !seen.insert(point).inserted)
    }
    let points = terms.filter { !$0.adds }.map(\.point)
    let plan = try network.compile(
      batch: batch, taps: points, gradientPoints: points, wants: Wants(parameters: true))
    self.plan = plan
    scratch = .allocate(capacity: points.map { plan.shape(of: $0).reduce(1, *) }.max() ?? 0)
    scratch.initialize(repeating: 0)
  }

  deinit { scratch.deallocate() }

  /// The loss of what the plan's input holds, with the gradients of the map's parameters.
  package func evaluate(
    targets: [UnsafeBufferPointer<Float>], labels: UnsafeBufferPointer<Int32>
  ) throws -> Double {
    try plan.forward()
    var total = 0.0
    for term in terms {
      let value = plan.value(of: term.point)
      let place = plan.gradient(at: term.point)
      let gradient = term.adds ? UnsafeMutableBufferPointer(rebasing: scratch[..<place.count]) : place
      switch term.kind {
      case .crossEntropy:
        total += Loss.crossEntropy(value, labels: labels, gradient: gradient, weight: term.weight)
      case .softLabel(let target):
        total += Loss.softLabel(
          value, targets: targets[target], batch: plan.batch, gradient: gradient, weight: term.weight)
      case .relativeError(let target, let cut):
        total += try Loss.relativeError(
          value, target: targets[target], gradient: gradient, weight: term.weight, layer: cut.name)
      }
      if term.adds {
        for i in 0..<place.count { place[i] += gradient[i] }
      }
    }
    guard total.isFinite else { return total }
    try plan.backward()
    return total
  }
}

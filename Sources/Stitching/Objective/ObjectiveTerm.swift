// Owns what a term of an objective is, and which there are. Each has a file beside this one: a new one is a file, a line in
// the list here and its weight in `Objective`.
package import NeuralNetworks

/// A term of an objective: what it compares, and what that counts.
protocol ObjectiveTerm: Sendable {
  /// Adds what the term asks of a step.
  /// - Parameter cuts: the end's from the map's on, as many as the objective takes.
  static func add(_ objective: Objective, over cuts: [Cut], to step: inout StepLosses)
}

/// All terms, in the order in which they are summed.
private let terms: [any ObjectiveTerm.Type] = [
  FuLATerm.self, HintTerm.self, SoftLabelTerm.self, TaskTerm.self,
]

/// What an objective asks of a step, its terms put together.
package struct StepLosses {
  /// What the relative error counts at each of the end's cuts, in their order.
  package private(set) var cuts: [(cut: Cut, weight: Double)] = []
  /// Losses of what the network makes.
  private(set) var outputs: [any OutputLoss] = []

  package init(_ objective: Objective, endCuts: [Cut]) {
    let cuts = Array(endCuts.prefix(objective.cuts ?? .max))
    for term in terms { term.add(objective, over: cuts, to: &self) }
    self.cuts.sort { endCuts.firstIndex(of: $0.cut)! < endCuts.firstIndex(of: $1.cut)! }
  }

  /// Adds the relative error at a cut, ‖h − t‖_F / ‖t‖_F.
  mutating func add(_ cut: Cut, weight: Double) {
    guard weight > 0 else { return }
    if let known = cuts.firstIndex(where: { $0.cut == cut }) {
      cuts[known].weight += weight
    } else {
      cuts.append((cut, weight))
    }
  }

  /// Adds a loss of the logits.
  mutating func add(_ output: some OutputLoss) { outputs.append(output) }

  /// What of the end by itself is compared with.
  package var points: [ModelPoint] {
    cuts.map { .cut($0.cut) } + (outputs.contains(where: \.needsEnd) ? [.logits] : [])
  }
}

/// A loss of logits, weighted.
protocol OutputLoss {
  /// Whether it compares with what the end makes by itself.
  var needsEnd: Bool { get }
  /// The loss of a batch; writes its gradient by the logits.
  func evaluate(_ batch: StitchedLogits, gradient: UnsafeMutableBufferPointer<Float>) -> Double
}

/// What a stitched network makes of a batch, and what it should make of it.
struct StitchedLogits {
  /// Images.
  let count: Int
  /// Images × classes, row-major.
  let logits: UnsafeBufferPointer<Float>
  /// One class for each image.
  let labels: UnsafeBufferPointer<Int32>
  /// The end's own, images × classes; nothing where nobody needs them.
  let own: UnsafeBufferPointer<Float>
}

// Owns the stage kind `similarity`.

import Canonical
import ContentStore
import Similarity
import Tensor
import Workflow

struct SimilarityKind: StageKind {
  static let name = "similarity"
  static let summary = "how similar two representations of the same samples are"
  static let threads = ThreadUse.any
  static var discussion: String {
    """
    Both must be of the same samples: the same base images in the same order, as their content tells, whatever dataset \
    they came in. Marks of a shortcut may differ, so that views of marked and of clean images can be compared.

    A measure with parameters is written as a map, { measure: jaccard_knn, k: 20 }; its score is then called by those \
    that haven't their defaults, jaccard_knn_k_20. X, n × p, and Y, n × q, have centred columns in formulas. What can't \
    be compared (NaN, samples that are all the same, too few of them for a measure) is an error that says so, never a \
    NaN. What a job's instances share is kept in up to a quarter of the memory that the machine has free, and computed \
    anew beyond that. Measures:

    \(Measure.all.map(\.entry).joined(separator: "\n"))
    """
  }

  @Input("activations of one network", .activations) var x: InputArtifact
  @Input("activations of another, of the same images", .activations) var y: InputArtifact
  @Parameter("which measures") var measures = [MeasureChoice("linear_cka")]
  @Parameter("of images: flatten to N × CHW, pool over space, or take every place for a sample")
  var layout = Layout.flatten
  @Parameter(
    "compare only so many of the rows that the layout gives, drawn by the seed; null: all", .atLeast(2))
  var rows: Int? = nil
  @Parameter("decides which rows", .atLeast(0)) var seed = 0
  @Output("each measure's value by its name", .scores) var scores: OutputArtifact

  /// A new measure changes no key, an edited one those that ask for it.
  var listedCode: [String] {
    measures.map(\.measure.file)
  }

  static let varying: Set = ["x", "y", "measures", "layout"]

  /// What measures share of a representation is computed once a job, and each member is over when it is compared.
  static func mostMembers(parameters: JSON) -> Int { 256 }

  /// Without rows to draw, the seed has no effect.
  var derivedParameters: [String: JSON] { rows == nil ? ["seed": 0] : [:] }

  func validate() throws {
    guard !measures.isEmpty else { throw InvalidParameter("measures", "expected at least one, found none") }
    var seen = Set<String>()
    for (i, choice) in measures.enumerated() where !seen.insert(choice.scoreName).inserted {
      throw InvalidParameter("measures.\(i)", "'\(choice.scoreName)' stands twice; once is enough")
    }
  }

  /// Activations that several members compare are read, laid out and centred once, and what measures share of one, or
  /// of a pair, is computed once.
  static func run(_ members: [StageMember<SimilarityKind>]) {
    let representations = Representations(memory: MemoryBudget.bytes)
    for member in members {
      member.finish { try member.kind.compare(representations, in: member.context) }
    }
  }

  private func compare(_ representations: Representations, in context: StageContext) throws {
    let (left, right) = (try representations.samples(x), try representations.samples(y))
    try left.requireSameSamples(as: right)
    let (n, m) = (
      Representation.rowCount(of: left.values.shape, layout: layout),
      Representation.rowCount(of: right.values.shape, layout: layout)
    )
    guard n == m else {
      throw InputError(
        message:
          "x has \(n) rows with layout \(layout.rawValue), y \(m); take flatten or pool, which "
          + "give one row a sample")
    }
    if let rows, rows > n {
      throw InputError(
        message: "there are \(n) rows with layout \(layout.rawValue), fewer than the \(rows) asked for")
    }
    let view = View(layout: layout, rows: rows, seed: seed)
    let a = try representations.prepared(x, view, name: "x")
    let b = try representations.prepared(y, view, name: "y")
    // Where the order makes no difference it is always the same one, so that both orders share what is computed.
    let isInOrder = x.artifact.digest.hex <= y.artifact.digest.hex
    let (pair, ordered) = (try Comparison(a, b), isInOrder ? try Comparison(a, b) : try Comparison(b, a))
    var values = Scores()
    for (i, choice) in measures.enumerated() {
      let measure = choice.measure
      values[choice.scoreName] = try measure(measure.isSymmetric ? ordered : pair, with: choice.settings)
      context.progress(Double(i + 1) / Double(measures.count), ["measure": choice.scoreName])
    }
    try values.write(to: scores)
  }
}

/// What of activations is compared.
private struct View: Hashable {
  let layout: Layout
  let rows: Int?
  let seed: Int

  func representation(of activations: Tensor, name: String) throws -> Representation {
    let count = Representation.rowCount(of: activations.shape, layout: layout)
    let drawn = rows.map { Philox(seed: UInt64(seed), purpose: .comparedRows).sample($0, of: count) }
    return try Representation(activations, layout: layout, rows: drawn, name: name)
  }
}

/// Activations by their content, the latest of them as far as there is room.
private final class Representations {
  private struct Kept {
    let digest: Digest
    let activations: SampleActivations
    var views: [View: Prepared] = [:]
    var bytes: Int { activations.values.count * MemoryLayout<Float>.stride * (1 + views.count) }
  }

  /// From the one that was used longest ago on.
  private var kept: [Kept] = []
  private let room: Int
  private let shelf: Shelf

  /// - Parameter memory: in bytes; half of it is for activations, half for what measures share.
  init(memory: Int) {
    room = memory / 2
    shelf = Shelf(room: memory / 2)
  }

  func samples(_ input: InputArtifact) throws -> SampleActivations { try use(input) { $0.activations } }

  /// `name` is what errors call it.
  func prepared(_ input: InputArtifact, _ view: View, name: String) throws -> Prepared {
    try use(input) { kept in
      if let prepared = kept.views[view] { return prepared.named(name) }
      let prepared = try Prepared(view.representation(of: kept.activations.values, name: name), on: shelf)
      kept.views[view] = prepared
      return prepared
    }
  }

  private func use<T>(_ input: InputArtifact, _ body: (inout Kept) throws -> T) throws -> T {
    let digest = input.artifact.digest
    var entry: Kept
    if let at = kept.firstIndex(where: { $0.digest == digest }) {
      entry = kept.remove(at: at)
    } else {
      entry = Kept(digest: digest, activations: try SampleActivations(input))
    }
    defer {
      kept.append(entry)
      // Two are compared at a time.
      while kept.count > 2, kept.reduce(0, { $0 + $1.bytes }) > room { kept.removeFirst() }
    }
    return try body(&entry)
  }
}

extension Measure {
  /// What help says of it.
  fileprivate var entry: String {
    func list(_ set: Set<Invariance>) -> String {
      let words = Invariance.allCases.filter(set.contains).map(\.rawValue)
      return words.isEmpty ? "nothing" : words.joined(separator: ", ")
    }
    func end(_ value: Double) -> String { value.isFinite ? fixed(value, digits: 2) : "∞" }
    let traits = [
      direction.rawValue, "\(end(range.lowerBound)) … \(end(range.upperBound))",
      isSymmetric ? "symmetric" : "not symmetric", resi.map { "ReSi: \($0)" },
    ]
    let invariances =
      invariances == invariancesOfY
      ? "Invariant: \(list(invariances))."
      : "Invariant of x: \(list(invariances)); of y: \(list(invariancesOfY))."
    return
      ([
        "- \(name): \(summary). \(formula). (\(traits.compactMap { $0 }.joined(separator: "; ")).) "
          + "\(invariances) \(citation)."
      ] + parameters.map { "  \($0.measureParameterHelp)" }).joined(separator: "\n")
  }
}

extension SimilarityKind: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    foresight.know("scores", ScoresFacts(numbers: measures.map(\.scoreName)))
    guard let x = foresight.facts(of: "x", ActivationsFacts.self),
      let y = foresight.facts(of: "y", ActivationsFacts.self)
    else { return }
    let cure = "only representations of the same samples can be compared"
    if let a = x.samples, let b = y.samples, let source = x.source, source == y.source,
      x.half != y.half
    {
      foresight.mistake("y", "x is of \(a), y of \(b); \(cure)")
    } else if let n = x.count, let m = y.count, n != m {
      foresight.mistake("y", "x is of \(n) samples, y of \(m); \(cure)")
    } else if layout == .spaceAsSamples, let a = x.positions, let b = y.positions, a != b {
      foresight.mistake(
        "layout",
        "x has \(a) rows a sample with layout \(layout.rawValue), y \(b); take flatten or pool, which give one row a "
          + "sample")
    }
  }
}

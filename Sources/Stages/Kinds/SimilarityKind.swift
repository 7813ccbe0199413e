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
    let measures = Measure.all.map { "\($0.name): \($0.summary). \($0.citation)" }.joined(separator: "\n")
    return """
      Both must be of the same samples: the same base images in the same order, as their content tells, whatever dataset \
      they came in. Marks of a shortcut may differ, so that views of marked and of clean images can be compared. Measures:
      \(measures)
      """
  }

  @Input("activations of one network", .activations) var x: InputArtifact
  @Input("activations of another, of the same images", .activations) var y: InputArtifact
  @Parameter("which measures") var measures = [MeasureName("linear_cka")]
  @Parameter("of images: flatten to N × CHW, pool over space, or take every place for a sample")
  var layout = Layout.flatten
  @Output("each measure's value by its name", .scores) var scores: OutputArtifact

  /// A new measure changes no key, an edited one those that ask for it.
  var listedCode: [String] {
    measures.map(\.measure.file)
  }

  static let varying: Set = ["x", "y", "measures", "layout"]

  /// Activations that several members compare are read, laid out and centred once.
  static func run(_ members: [StageMember<SimilarityKind>]) {
    let representations = Representations()
    for member in members {
      member.finish { try member.kind.compare(representations, in: member.context) }
    }
  }

  private func compare(_ representations: Representations, in context: StageContext) throws {
    let (left, right) = (try representations.samples(x), try representations.samples(y))
    try left.requireSameSamples(as: right)
    let a = try representations.centred(x, layout, name: "x")
    let b = try representations.centred(y, layout, name: "y")
    guard a.source.n == b.source.n else {
      throw InputError(
        message:
          "x has \(a.source.n) rows with layout \(layout.rawValue), y \(b.source.n); take flatten or pool, which "
          + "give one row a sample")
    }
    var values = Scores()
    for (i, measure) in measures.map(\.measure).enumerated() {
      values[measure.name] = try measure(a, b)
      context.progress(Double(i + 1) / Double(measures.count), ["measure": measure.name])
    }
    try values.write(to: scores)
  }
}

/// Activations by their content, the latest of them as far as there is room.
private final class Representations {
  private struct Kept {
    let digest: Digest
    let activations: SampleActivations
    var layouts: [Layout: Centred] = [:]
    var bytes: Int { activations.values.count * MemoryLayout<Float>.stride * (1 + layouts.count) }
  }

  /// From the one that was used longest ago on.
  private var kept: [Kept] = []
  private let room = 1 << 30

  func samples(_ input: InputArtifact) throws -> SampleActivations { try use(input) { $0.activations } }

  /// `name` is what errors call it.
  func centred(_ input: InputArtifact, _ layout: Layout, name: String) throws -> Centred {
    try use(input) { kept in
      if let centred = kept.layouts[layout] { return centred }
      let centred = try Centred(Representation(kept.activations.values, layout: layout, name: name))
      kept.layouts[layout] = centred
      return centred
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

extension SimilarityKind: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    foresight.know("scores", ScoresFacts(numbers: measures.map(\.measure.name)))
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

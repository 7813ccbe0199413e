// Owns the stage kind `evaluate`.

import ContentStore
import Datasets
import NeuralNetworks
import Stitching
import Workflow

struct Evaluate: StageKind {
  static let name = "evaluate"
  static let summary = "accuracy of a network, clean and attacked, and its agreement with another"
  static let discussion = """
    Scores: accuracy; with `attack` robustAccuracy (PGD against this very network); with a reference, which for a \
    stitched network is its end unless another is given, agreement (mean of p·q / max(‖p‖², ‖q‖²) over softmax \
    outputs, arXiv 2505.20142), disagreement (of arg-max), referenceAccuracy, relativeAccuracy, and with `attack` \
    robustAgreement on the attacked images; for a stitched network structuralError, ‖S−T‖²/‖T‖² at its cut \
    (arXiv 2412.11299).
    """

  @Input("the network, stitched or not", .model, .stitched) var model: InputArtifact
  @Input("the images", .dataset) var data: InputArtifact
  @Input("the network to compare with", .model, .stitched) var reference: InputArtifact?
  @Parameter("which half of the dataset") var split = Split.test
  @Parameter("use only the first so many images", .atLeast(1)) var samples: Int? = nil
  @Parameter("which marks are painted where the dataset has a shortcut") var marking = Marking.marked
  @Parameter("attack the network too; null: don't") var attack: AttackParameters? = nil
  @Output("the scores", .scores) var scores: OutputArtifact

  func run(in context: StageContext) throws {
    let images = try LoadedImages(
      Half(split, of: data), options: BatchLoader.Options(batch: 1, marking: marking, limit: samples))
    let subject = try Subject(model)
    let other = try reference.map(Subject.init)
    try subject.requireImages(images, "the network")
    try other?.requireImages(images, "the reference")
    try images.requireLabels(of: subject.output, "the network", for: "accuracy")
    if let other { try subject.requireClasses(of: other) }
    var values = Scores()

    let cache = ActivationCache(images, budget: 1 << 30)
    let (clean, structuralError) = try subject.evaluate(on: cache)
    values["accuracy"] = clean.accuracy
    values["structuralError"] = structuralError
    context.progress(0.4, ["accuracy": fixed(clean.accuracy, digits: 3)])
    let compared = other ?? subject.stitched.map { Subject($0.end) }
    if let compared {
      let theirs = try compared.evaluate(on: cache).evaluation
      let comparison = try OutputComparison(clean.logits, theirs.logits)
      values["agreement"] = comparison.agreement
      values["disagreement"] = comparison.disagreement
      values["referenceAccuracy"] = theirs.accuracy
      if theirs.accuracy > 0 { values["relativeAccuracy"] = clean.accuracy / theirs.accuracy }
    }
    context.progress(0.6)
    if let attack = try attack?.attack() {
      if let compared {
        let comparison = try NetworkComparison(
          of: subject.network, with: compared.network, on: images, attack: attack)
        values["robustAccuracy"] = comparison.accuracy
        values["robustAgreement"] = comparison.agreement
      } else {
        values["robustAccuracy"] = try Evaluation(of: subject.network, on: images, attack: attack).accuracy
      }
    }
    try values.write(to: scores)
  }
}

struct AttackParameters: ParameterGroup {
  @Parameter("radius of the L∞ ball", .between(0, 1), unit: "pixels of [0, 1]") var epsilon = 8.0 / 255
  @Parameter("how far a step moves", .between(0, 1), unit: "pixels of [0, 1]") var stepSize = 2.0 / 255
  @Parameter("steps of PGD", .atLeast(0)) var steps = 20

  func attack() throws -> Attack {
    try Attack(epsilon: Float(epsilon), stepSize: Float(stepSize), steps: steps)
  }
}

/// A network that is evaluated, and its parts if it is a stitched one.
private enum Subject {
  case model(Model)
  case joined(StitchedModel)

  init(_ input: InputArtifact) throws {
    self = try input.artifact.form == .manifest ? .joined(StitchedModel(input)) : .model(Model(input))
  }

  init(_ model: Model) { self = .model(model) }

  var stitched: StitchedModel? {
    if case .joined(let stitched) = self { stitched } else { nil }
  }

  var network: Network {
    get throws {
      switch self {
      case .model(let model): try Network(model)
      case .joined(let stitched): try stitched.network
      }
    }
  }

  /// The architectures that see the images (both parts of a stitched one do), by what messages call them.
  private var inputs: [(part: String, Architecture)] {
    switch self {
    case .model(let model): [("", model.architecture)]
    case .joined(let stitched):
      [("'s front", stitched.front.architecture), ("'s end", stitched.end.architecture)]
    }
  }

  /// The architecture whose logits come out.
  var output: Architecture {
    switch self {
    case .model(let model): model.architecture
    case .joined(let stitched): stitched.end.architecture
    }
  }

  /// Its evaluation on all images, and of a stitched network the structural error.
  func evaluate(
    on images: ActivationCache
  ) throws -> (evaluation: Evaluation, structuralError: Double?) {
    switch self {
    case .model(let model): return (try Evaluation(of: model, on: images), nil)
    case .joined(let stitched):
      let stitch = try Stitching.Stitch(
        front: stitched.front, from: stitched.from, end: stitched.end, to: stitched.to)
      try images.expect([.cut(stitch.to), .logits], of: stitch.end)
      return try stitch.evaluate(stitched.map, on: images)
    }
  }

  func requireImages(_ images: LoadedImages, _ role: String) throws {
    for (part, architecture) in inputs { try images.requireSize(of: architecture, role + part) }
  }

  func requireClasses(of reference: Subject) throws {
    guard output.classes == reference.output.classes else {
      throw InputError(
        message:
          "the network tells \(output.classes) classes apart, the reference \(reference.output.classes); "
          + "their outputs can't be compared")
    }
  }
}

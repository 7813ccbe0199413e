// Owns the stage kind `evaluate`.

import ContentStore
import Datasets
import NeuralNetworks
import Stitching
import Tensor
import Workflow

struct Evaluate: StageKind {
  static let name = "evaluate"
  static let summary = "accuracy of a network, clean and attacked, and its agreement with another"
  static let threads = ThreadUse.any
  static let discussion = """
    Scores: accuracy; with `attack` robust_accuracy (PGD against this very network); with a reference, which for a \
    stitched network is its end unless another is given, agreement (mean of p·q / max(‖p‖², ‖q‖²) over softmax \
    outputs, arXiv 2505.20142), disagreement (of arg-max), reference_accuracy, relative_accuracy, and with `attack` \
    robust_agreement on the attacked images; for a stitched network structural_error, ‖S−T‖²/‖T‖² at its cut \
    (arXiv 2412.11299). \(PGDNote.text)
    """

  @Input("the network, stitched or not", .model, .stitched) var model: InputArtifact
  @Input("the images", .dataset, part: .parameter("split")) var data: InputArtifact
  @Input("the network to compare with", .model, .stitched) var reference: InputArtifact?
  @Parameter("which half of the dataset") var split = Split.test
  @Parameter("use only the first so many images", .atLeast(1)) var samples: Int? = nil
  @Parameter("which marks are painted where the dataset has a shortcut") var marking = Marking.marked
  @Parameter("attack the network too; null: don't") var attack: AttackParameters? = nil
  @Output("the scores", .scores) var scores: OutputArtifact

  static let varying: Set = ["model", "reference", "attack"]

  /// The members look at the same images; what a front, an end or a reference makes of them is computed once.
  static func run(_ members: [StageMember<Evaluate>]) {
    guard let one = members.first?.kind else { return }
    let images = Result { try LoadedImages(of: one.data, marking: one.marking, samples: one.samples) }
    let models = OpenedModels()
    let subjects = members.map { member in
      member.attempt { try member.kind.subjects(on: images.get(), models) }
    }
    let cache = Result { try models.cache(images.get()) }
    for (member, subjects) in zip(members, subjects) {
      member.finish {
        try member.kind.evaluate(subjects!, on: cache.get(), images.get(), in: member.context)
      }
    }
  }

  /// The network and what it is compared with, checked against the images and each other.
  private func subjects(
    on images: LoadedImages, _ models: OpenedModels
  ) throws -> (network: Subject, reference: Subject?) {
    let network = try Subject(model, models)
    let other = try reference.map { try Subject($0, models) }
    try network.requireImages(images, "the network")
    try other?.requireImages(images, "the reference")
    try images.requireLabels(of: network.output, "the network", for: "accuracy")
    if let other { try network.requireClasses(of: other) }
    return (network, try other ?? network.end(models))
  }

  private func evaluate(
    _ subjects: (network: Subject, reference: Subject?), on cache: ActivationCache, _ images: LoadedImages,
    in context: StageContext
  ) throws {
    var values = Scores()
    let clean = try subjects.network.evaluate(on: cache)
    values["accuracy"] = clean.accuracy
    values["structural_error"] = clean.structuralError
    context.progress(0.4, ["accuracy": fixed(clean.accuracy, digits: 3)])
    if let theirs = try subjects.reference?.evaluate(on: cache) {
      let comparison = try OutputComparison(clean.logits, theirs.logits)
      values["agreement"] = comparison.agreement
      values["disagreement"] = comparison.disagreement
      values["reference_accuracy"] = theirs.accuracy
      if theirs.accuracy > 0 { values["relative_accuracy"] = clean.accuracy / theirs.accuracy }
    }
    context.progress(0.6)
    if let attack = try attack?.attack() {
      let network = try subjects.network.network
      if let reference = subjects.reference {
        let comparison = try NetworkComparison(
          of: network, with: reference.network, on: images, attack: attack)
        values["robust_accuracy"] = comparison.accuracy
        values["robust_agreement"] = comparison.agreement
      } else {
        values["robust_accuracy"] = try Evaluation(of: network, on: images, attack: attack).accuracy
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

/// A network that is evaluated: a model, or a stitched one.
private enum Subject {
  case model(Model)
  case stitched(StitchedModel)

  /// Opens a network and notes which values of its models will be asked for.
  init(_ input: InputArtifact, _ models: OpenedModels) throws {
    guard input.artifact.form == .manifest else {
      self = .model(try models.model(input))
      models.expect(.logits, of: input)
      return
    }
    let stitched = try StitchedModel(input, models: models)
    self = .stitched(stitched)
    models.expect(.cut(stitched.stitch.from), of: stitched.sources.front)
    models.expect(.cut(stitched.stitch.to), of: stitched.sources.end)
  }

  /// Of a stitched network its end by itself.
  func end(_ models: OpenedModels) throws -> Subject? {
    guard case .stitched(let stitched) = self else { return nil }
    return try Subject(stitched.sources.end, models)
  }

  var network: Network {
    get throws {
      switch self {
      case .model(let model): try Network(model)
      case .stitched(let stitched): try stitched.stitch.network(stitched.map)
      }
    }
  }

  /// The architecture whose logits come out.
  var output: Architecture {
    switch self {
    case .model(let model): model.architecture
    case .stitched(let stitched): stitched.stitch.end.architecture
    }
  }

  /// Both halves of a stitched network see the images: the end is what it is compared with.
  func requireImages(_ images: LoadedImages, _ role: String) throws {
    switch self {
    case .model(let model): try images.requireSize(of: model.architecture, role)
    case .stitched(let stitched):
      try images.requireSize(of: stitched.stitch.front.architecture, role + "'s front")
      try images.requireSize(of: stitched.stitch.end.architecture, role + "'s end")
    }
  }

  func requireClasses(of reference: Subject) throws {
    guard output.classes == reference.output.classes else {
      throw InputError(
        message:
          "the network tells \(output.classes) classes apart, the reference \(reference.output.classes); "
          + "their outputs can't be compared")
    }
  }

  /// Logits and accuracy on all images; of a stitched network the structural error too.
  func evaluate(
    on images: ActivationCache
  ) throws -> (accuracy: Double, logits: Tensor, structuralError: Double?) {
    switch self {
    case .model(let model):
      let own = try Evaluation(of: model, on: images)
      return (own.accuracy, own.logits, nil)
    case .stitched(let stitched):
      let (evaluation, error) = try stitched.stitch.evaluate(stitched.map, on: images)
      return (evaluation.accuracy, evaluation.logits, error)
    }
  }
}

extension Evaluate: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let network = ForeseenNetwork(foresight, "model")
    let other = ForeseenNetwork(foresight, "reference")
    for (role, model) in network.halves("the network") + other.halves("the reference") {
      foresight.requireImages("data", split, of: model, role)
    }
    foresight.requireLabels("data", split, of: network.output, "the network", for: "accuracy")
    if let classes = network.output?.classes, let others = other.output?.classes, classes != others {
      foresight.mistake(
        "reference",
        "the network tells \(classes) classes apart, the reference \(others); their outputs can't be compared"
      )
    }
    foresight.requireMarks(marking, "data", split)
    foresight.sampleCount(samples, of: "data", split)

    var scores = ["accuracy"]
    // What isn't known may be a stitched network.
    if !network.isModel { scores.append("structural_error") }
    let compares = foresight.isWritten("reference") || !network.isModel
    if compares { scores += ["agreement", "disagreement", "reference_accuracy", "relative_accuracy"] }
    if attack != nil { scores += ["robust_accuracy"] + (compares ? ["robust_agreement"] : []) }
    foresight.know("scores", ScoresFacts(numbers: scores))
  }
}

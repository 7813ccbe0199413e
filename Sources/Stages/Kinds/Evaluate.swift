// Owns the stage kind `evaluate`.

import Canonical
import ContentStore
import Datasets
import NeuralNetworks
import Stitching
import Tensor
import Workflow

struct Evaluate: StageKind {
  static let name = "evaluate"
  static let summary =
    "accuracy of a network, clean and attacked, its calibration, how its outputs compare with another's"
  static let threads = ThreadUse.any
  static var discussion: String {
    """
    Scores: accuracy; calibration_error (expected calibration error over 15 bins of the same width of the largest \
    softmax output, Naeini et al. 2015, Guo et al. 2017).

    For a stitched network, S what its map makes at the cut and T the end's own activations there: structural_error, \
    ‖S−T‖²/‖T‖² (arXiv 2412.11299); r2, 1 − ‖S−T‖²/‖T−T̄‖² with T̄ each feature's mean over images and places (1 at \
    best, none where T doesn't vary); affine_rank, how many singular values of the map's weight are above max(rows, \
    columns)·2⁻²³ of the largest; effective_rank, exp of the entropy of these values' shares of their sum (Roy & \
    Vetterli 2007).

    With a reference, which for a stitched network is its end unless another is given: reference_accuracy, \
    relative_accuracy (accuracy / reference_accuracy; none where that is 0), and
    \(OutputMeasure.outputMeasuresHelp)

    What to read such scores beside: with `model` and `reference` both the end, the end alone (agreement 1); with the \
    front for `model` and the end for `reference`, the front alone and how far the two agree by nature; \
    chance_agreement is in every row. A table takes such rows as its `references`:
      alone:
        matrix: { network: { end: "${end}", front: "${front}" } }
        uses: evaluate
        with: { model: "${matrix.network}", reference: "${end}", data: "${images}" }

    `attack` is one attack or a list, against this very network, stitched ones as a whole. robust_accuracy is the share \
    of images that are right clean and after every attack of the list and every restart: the worst case, as in Croce & \
    Hein 2020. Attacks go in their order, each to the images that are still right. robust_agreement, with a reference, \
    is the agreement of this network with the reference on the same images as the attacks left them: one that an attack \
    breaks as that attack left it, others clean. The protocol of arXiv 2505.20142: attack: [{ method: apgd_ce, steps: \
    20 }, { method: apgd_dlr, steps: 20 }]. \(PGDNote.text)

    Attacks:
    \(NamedAttack.attacksHelp)
    """
  }

  @Input("the network, stitched or not", .model, .stitched) var model: InputArtifact
  @Input("the images", .dataset, part: .parameter("split")) var data: InputArtifact
  @Input("the network to compare with", .model, .stitched) var reference: InputArtifact?
  @Parameter("which half of the dataset") var split = Split.test
  @Parameter("use only the first so many images", .atLeast(1)) var samples: Int? = nil
  @Parameter("which marks are painted where the dataset has a shortcut") var marking = Marking.marked
  @Parameter("attack the network too, by one attack or a list; null: don't") var attack: AttackList? = nil
  @Output("the scores", .scores) var scores: OutputArtifact

  func validate() throws { try attack?.validate("attack") }

  /// A new attack changes no key, an edited one those that ask for it. Outputs are compared by all measures.
  var listedCode: [String] { (attack?.listedCode ?? []) + OutputMeasure.allOutputMeasures.map(\.file) }

  static let varying: Set = ["model", "reference", "attack"]

  /// One pass over the images serves all; attacks are each network's own.
  static func mostMembers(parameters: JSON) -> Int { parameters["attack"] == .null ? 128 : 32 }

  /// The members look at the same images: one pass over them serves all, and each front, end or reference is run once.
  static func run(_ members: [StageMember<Evaluate>]) {
    guard let one = members.first?.kind else { return }
    let images = Result { try LoadedImages(of: one.data, marking: one.marking, samples: one.samples) }
    let models = OpenedModels()
    let subjects = members.map { member in
      member.attempt { try member.kind.subjects(on: images.get(), models) }
    }
    var pass = EvaluationPass()
    let places = zip(members, subjects).map { member, subjects in
      subjects.map {
        (pass.add($0.network), $0.reference.map { pass.add($0) })
      }
    }
    let made = (try? images.get()).map { pass.run(on: $0) } ?? []
    for (member, (subjects, place)) in zip(members, zip(subjects, places)) {
      member.finish {
        let (network, reference) = place!
        try member.kind.evaluate(
          subjects!, made[network].get(), beside: reference.map { try made[$0].get() }, images.get(),
          in: member.context)
      }
    }
  }

  /// The network and what it is compared with, checked against the images and each other.
  private func subjects(
    on images: LoadedImages, _ models: OpenedModels
  ) throws -> (network: EvaluatedNetwork, reference: EvaluatedNetwork?) {
    let network = try EvaluatedNetwork(model, models)
    let other = try reference.map { try EvaluatedNetwork($0, models) }
    try network.requireImages(images, "the network")
    try other?.requireImages(images, "the reference")
    try images.requireLabels(of: network.output, "the network", for: "accuracy")
    if let other { try network.requireClasses(of: other) }
    for attack in try attack?.methods() ?? [] { try attack.requireClasses(network.output.classes) }
    return (network, try other ?? network.end(models))
  }

  private func evaluate(
    _ subjects: (network: EvaluatedNetwork, reference: EvaluatedNetwork?), _ made: GridOutputs,
    beside reference: GridOutputs?, _ images: LoadedImages, in context: StageContext
  ) throws {
    var values = Scores()
    let clean = made.evaluation
    values["accuracy"] = clean.accuracy
    values["calibration_error"] = clean.calibrationError()
    values["structural_error"] = made.match?.structuralError
    values["r2"] = made.match?.r2
    let ranks = try subjects.network.ranks
    values["affine_rank"] = (ranks?.affine).map(Double.init)
    values["effective_rank"] = ranks?.effective
    context.progress(0.1, ["accuracy": fixed(clean.accuracy, digits: 3)])
    if let theirs = reference?.evaluation {
      let outputs = try PairedOutputs(clean.logits, theirs.logits, labels: clean.labels)
      for measure in OutputMeasure.allOutputMeasures { values[measure.name] = measure(outputs) }
      values["reference_accuracy"] = theirs.accuracy
      if theirs.accuracy > 0 { values["relative_accuracy"] = clean.accuracy / theirs.accuracy }
    }
    context.progress(0.2)
    if let attacks = try attack?.methods() {
      let attacked = try RobustEvaluation(
        of: subjects.network.network, beside: subjects.reference?.network, on: images, attacks: attacks,
        progress: { context.progress(0.2 + 0.8 * Double($0) / Double(images.count)) })
      values["robust_accuracy"] = attacked.accuracy
      if let theirs = attacked.referenceLogits {
        let outputs = try PairedOutputs(attacked.logits, theirs, labels: attacked.labels)
        values["robust_agreement"] = OutputMeasure.agreement(outputs)
      }
    }
    try values.write(to: scores)
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

    for (i, attack) in (attack?.attacks ?? []).enumerated() {
      let least = attack.method.attack.leastClasses
      guard let classes = network.output?.classes, classes < least else { continue }
      foresight.mistake(
        self.attack!.place(of: i, "attack"),
        "\(attack.method.attack.name) needs at least \(least) classes, the network tells \(classes) apart")
    }

    var scores = ["accuracy", "calibration_error"]
    // What isn't known may be a stitched network.
    if !network.isModel { scores += ["structural_error", "r2", "affine_rank", "effective_rank"] }
    let compares = foresight.isWritten("reference") || !network.isModel
    if compares {
      scores += OutputMeasure.allOutputMeasures.map(\.name) + ["reference_accuracy", "relative_accuracy"]
    }
    if attack != nil { scores += ["robust_accuracy"] + (compares ? ["robust_agreement"] : []) }
    foresight.know("scores", ScoresFacts(numbers: scores))
  }
}

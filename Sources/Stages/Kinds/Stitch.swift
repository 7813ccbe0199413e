// Owns the stage kind `stitch`.

import Canonical
import ContentStore
import Datasets
import NeuralNetworks
import Stitching
import Workflow

struct Stitch: StageKind {
  static let name = "stitch"
  static let summary = "fits the map that joins one network's front to another's end"
  static let threads = ThreadUse.any
  static let discussion = """
    The front up to `from` and the end after `to` stay frozen; only the map between them is \
    fitted: a weight that mixes the features of each pixel or token, or a vector's, and a bias. Where the positions \
    differ, images are first resized, bilinearly; tokens go to tokens, and images and tokens to each other, as a class \
    token and a square grid that is resized (an image's class token is the mean of its patches; tokens that become an \
    image leave theirs out); a vector is made of an image's mean, or of tokens' class token. Methods:
    - direct: the map's closed form on the end's own activations (direct matching, arXiv 2412.11299)
    - task_loss: cross-entropy to the labels (arXiv 2412.11299)
    - soft_label: KL divergence to the end's output
    - hint: relative error at the cut, trained
    - fula: relative error at the cut and every one behind it (arXiv 2505.20142)
    Maps, all but the last two trained too:
    - affine: any weight, any bias; in closed form least squares
    - orthogonal: rotations and reflections (Procrustes); of unlike widths, orthonormal rows or columns; each step's \
    weight is replaced by the nearest
    - low_rank: of at most rank directions (reduced-rank regression); each step's weight is replaced by the nearest
    - l1: with a penalty λ·Σ|W|, in closed form on half the structural error, in training a proximal step on the loss
    - permutation: partners by assignment (the least error, or the largest correlations); of unlike widths, some inputs \
    are left over or some outputs zero; only by direct
    - identity: nothing is fitted; only by direct
    Batch norms of the two halves use their running statistics while fitting, or with `statistics: batch` those of each \
    batch; with batch_and_update (the code of arXiv 2505.20142) these also move the running ones, of front and end each by \
    itself, which belong to the result: it is evaluated with them. `adversary` attacks a share of each batch as `train` \
    does, by the cross-entropy of the stitched network as it is, with running statistics unless its mode is training. \
    What is compared with is the end as it was, on the same images. With either, nothing is shared with other fits. \
    What a job's instances share is kept in up to a quarter of the memory that the machine has free, and computed \
    anew beyond that.
    `objective` replaces the method's loss by a weighted sum. Defaults that depend on the method are its paper's. \
    Unlike the papers': images aren't augmented (arXiv 2505.20142 flips and crops them); rcond is 1e-6 in double precision \
    (their code: torch); least squares draws its images by the seed; batch norms keep their running statistics.
    """

  @Input("the network whose beginning is used", .model) var front: InputArtifact
  @Input("the network whose rest is used", .model) var end: InputArtifact
  @Input("the images to fit on", .dataset, part: .parameter("split")) var data: InputArtifact
  @Parameter("the front's cut, such as stage2.0; `bobbin kinds train` lists each network's") var from: String
  @Parameter("the end's cut") var to: String
  @Parameter("how to fit") var method: FitMethod
  @Parameter("which maps there are to choose from") var map = MapChoice(AffineWords())
  @Parameter("a weighted sum of losses instead of the method's own") var objective: ObjectiveParameters? = nil
  @Parameter("where the map starts: least_squares (its closed form), random (task_loss) or identity")
  var initial: Initialisation? = nil
  @Parameter(
    "images that least squares takes at most, drawn by the seed; 100 for direct, 500 by default elsewhere",
    .atLeast(1))
  var leastSquaresSamples: Int? = nil
  @Parameter("share of the largest singular value below which least squares drops a direction, or torch")
  var rcond = RankToleranceValue.value(1e-6)
  @Parameter("which half of the dataset to fit on") var split = Split.train
  @Parameter("use only the first so many images", .atLeast(1)) var samples: Int? = nil
  @Parameter("which marks are painted where the dataset has a shortcut") var marking = Marking.marked
  @Parameter("what is done to images at random, in this order") var augment: [AugmentationChoice] = []
  @Parameter(
    "what the halves' batch norms use while fitting: running statistics, the batch's, or these and move the running ones"
  )
  var statistics = BatchNormStatistics.running
  @Parameter("attack a share of each batch; null: don't") var adversary: AdversaryParameters? = nil
  @Parameter("passes over the images; 30 by default", .atLeast(1)) var epochs: Int? = nil
  @Parameter("images in a step; 128 by default, 256 for task_loss", .between(1, 65_536)) var batch: Int? = nil
  @Parameter("Adam's learning rate", .above(0)) var learningRate = 1e-3
  @Parameter("L2 penalty; 1e-4 by default, 1e-5 for task_loss", .atLeast(0)) var weightDecay: Double? = nil
  @Parameter("how the rate changes; constant for task_loss, else steps by default") var schedule:
    ScheduleChoice? = nil
  @Parameter("decides order, augmentation, a random start and the images of least squares", .atLeast(0))
  var seed = 0
  @Output("the stitched network", .stitched) var stitched: OutputArtifact
  @Output("loss of each epoch, and what least squares found", .scores) var fit: OutputArtifact

  func validate() throws {
    try AugmentationChoice.requireDistinctAugmentations(augment)
    if let mixing = augment.firstIndex(where: { $0.augmentation is Mixup }) {
      throw InvalidParameter(
        "augment.\(mixing)",
        "mixup shares labels among images, which a stitch's losses don't take; leave it out")
    }
    _ = try adversary?.adversary(for: CrossEntropy())
    let family = map.family
    guard method == .direct || family.canBeTrained else {
      throw InvalidParameter(
        "map",
        "\(family.name) can't be trained, there is nothing between one and the next; method: direct finds it in "
          + "closed form")
    }
    guard let objective else { return }
    guard method != .direct else {
      throw InvalidParameter(
        "objective", "method direct has a closed form and no loss; choose another method")
    }
    let weights = [objective.task, objective.soft, objective.fula, objective.hint]
    guard weights.contains(where: { $0 > 0 }) else {
      throw InvalidParameter("objective", "at least one of task, soft, fula and hint must be above 0")
    }
  }

  /// A closed form has no epochs, batches or rates: whatever is written for other methods changes nothing here.
  var derivedParameters: [String: JSON] {
    if method == .direct {
      return [
        "epochs": .null, "batch": .null, "weight_decay": .null, "schedule": .null, "initial": .null,
        "learning_rate": .number(1e-3), "augment": [], "statistics": "running", "adversary": .null,
        "least_squares_samples": .integer(leastSquaresSamples ?? method.options.leastSquaresSamples),
      ]
    }
    let defaults = method.options
    return [
      "epochs": .integer(epochs ?? defaults.epochs),
      "batch": .integer(batch ?? method.batch),
      "least_squares_samples": .integer(leastSquaresSamples ?? defaults.leastSquaresSamples),
      "weight_decay": .number(weightDecay ?? defaults.weightDecay),
      "schedule": (schedule ?? ScheduleChoice(method == .taskLoss ? ConstantWords() : StepsWords())).json,
      "initial": .string(initial?.rawValue ?? defaults.initialisation.rawValue),
      "adversary": adversary?.canonical(for: CrossEntropy()) ?? .null,
    ]
  }

  static let varying: Set = [
    "from", "to", "method", "map", "objective", "initial", "least_squares_samples", "rcond", "augment",
    "statistics", "adversary", "epochs", "batch",
    "learning_rate", "weight_decay", "schedule", "seed",
  ]

  /// Closed forms take a moment each, and what the networks make is most of their work. Each holds a few matrices as
  /// wide as its cuts while all of a job are summed up.
  static func mostMembers(parameters: JSON) -> Int {
    parameters["method"] == .string(FitMethod.direct.rawValue) ? 128 : 32
  }

  /// The members join the same two networks and fit on the same images: what those make of them is computed once, and
  /// the end behind a cut compiled once for all maps that feed it.
  static func run(_ members: [StageMember<Stitch>]) {
    guard let one = members.first?.kind else { return }
    let half = Result { try Half(one.data) }
    let models = OpenedModels()
    let planned = members.compactMap { member in
      member.attempt { try member.kind.planned(on: half.get(), models) }.map { (member, $0) }
    }
    guard let first = planned.first else { return }
    // The examples are the same whatever a member's batches are.
    let cache = Result { try models.cache(first.1.source) }
    let grid = Grid(members: planned.map { $0.0 }, fits: planned.map { $0.1 })
    do {
      try Stitching.Stitch.fit(planned.map { $0.1 }, sharing: cache.get(), for: grid)
    } catch {
      for (member, _) in planned { member.finish { throw error } }
    }
  }

  /// The members as their grid tells them of their fits.
  private struct Grid: GridOwner {
    let members: [StageMember<Stitch>]
    let fits: [GridFit<LoadedImages>]
    let pace = Pace()

    func part(of fit: Int, _ body: () throws -> Void) { members[fit].attempt(body) }
    func isOver(_ fit: Int) -> Bool { members[fit].isOver }
    var isCancelled: Bool { false }

    func progress(of fit: Int, _ at: FitProgress) {
      let images = members[fit].kind.batch ?? members[fit].kind.method.batch
      members[fit].context.progress(
        (Double(at.epoch) + Double(at.step) / Double(at.steps)) / Double(at.epochs),
        [
          "epoch": "\(min(at.epoch + 1, at.epochs))/\(at.epochs)", "loss": fixed(at.loss, digits: 4),
          "images": pace.text(images: (at.epoch * at.steps + at.step) * images),
        ])
    }

    func finish(_ fit: Int, _ fitted: FittedStitch) {
      members[fit].finish { try members[fit].kind.write(fitted, of: fits[fit]) }
    }
  }

  /// The two networks joined, and the images, checked against each other.
  private func planned(
    on half: Half, _ models: OpenedModels
  ) throws -> GridFit<LoadedImages> {
    let (frontModel, endModel) = (try models.model(front), try models.model(end))
    let images = try LoadedImages(
      half,
      options: BatchLoader.Options(
        batch: batch ?? 1, seed: UInt64(seed), shuffle: true, augmentation: augment.map(\.augmentation),
        marking: marking,
        dropLast: true, limit: samples))
    try images.requireSize(of: frontModel.architecture, "the front")
    try images.requireSize(of: endModel.architecture, "the end")
    if options.objective.task > 0 {
      try images.requireLabels(of: endModel.architecture, "the end", for: "the cross-entropy")
    }
    if options.adversary != nil {
      try images.requireLabels(of: endModel.architecture, "the end", for: "the attack")
    }
    let stitch = try Stitching.Stitch(
      front: frontModel, from: frontModel.architecture.cut(named: from), end: endModel,
      to: endModel.architecture.cut(named: to))
    return GridFit(stitch, on: images, options: options)
  }

  private func write(_ fitted: FittedStitch, of planned: GridFit<LoadedImages>) throws {
    try StitchedModel(planned.stitch, map: fitted.map, statistics: fitted.statistics, sources: (front, end))
      .write(
        to: stitched,
        description: [
          "method": .string(method.rawValue), "map": map.json, "split": .string(split.rawValue),
          "statistics": .string(statistics.rawValue),
          "adversary": adversary?.canonical(for: CrossEntropy()) ?? .null,
          "augment": .array(augment.map(\.json)), "images": .integer(planned.source.count),
          "least_squares_indices": fitted.facts.leastSquaresIndices.map { .array($0.map(JSON.integer)) }
            ?? .null,
          "rcond": fitted.facts.rankTolerance.map(JSON.number) ?? .null,
        ])
    var scores = Scores()
    scores["least_squares_error"] = fitted.facts.leastSquaresError
    scores["least_squares_rank"] = fitted.facts.rank.map(Double.init)
    scores["fit_loss"] = fitted.facts.losses.last
    scores.set("loss", list: fitted.facts.losses)
    try scores.write(to: fit)
  }

  private var options: FitOptions {
    var options = method.options
    options.map = map.family
    if let objective { options.objective = objective.objective }
    options.leastSquaresSamples = leastSquaresSamples!
    options.rankTolerance = rcond.tolerance
    options.learningRate = learningRate
    options.seed = UInt64(seed)
    if method == .direct { return options }
    // These and the samples are in the canonical parameters, as `derivedParameters` says.
    options.epochs = epochs!
    options.weightDecay = weightDecay!
    options.schedule = schedule!.schedule
    options.initialisation = initial!
    options.statistics = statistics
    // `validate` has seen that it makes one.
    options.adversary = try? adversary?.adversary(for: CrossEntropy())
    return options
  }
}

struct ObjectiveParameters: ParameterGroup {
  @Parameter("weight of the cross-entropy to the labels", .atLeast(0)) var task = 0.0
  @Parameter("weight of the KL divergence to the end's output", .atLeast(0)) var soft = 0.0
  @Parameter("weight of the mean relative error over the end's cuts", .atLeast(0)) var fula = 0.0
  @Parameter("weight of the relative error at the cut", .atLeast(0)) var hint = 0.0
  @Parameter("how many cuts FuLA takes, from the end's on; null: all", .atLeast(1)) var cuts: Int? = nil
  @Parameter("what each of these cuts counts; null: all the same", .atLeast(0)) var cutWeights: [Double]? =
    nil
  @Parameter("average the KL divergence into FuLA as one more cut") var fulaIncludesSoft = false

  var objective: Objective {
    Objective(
      task: task, soft: soft, fula: fula, hint: hint, cuts: cuts, cutWeights: cutWeights,
      fulaIncludesSoft: fulaIncludesSoft)
  }
}

/// A number, or `torch` for the default of torch.linalg.pinv in float32.
enum RankToleranceValue: ParameterValue {
  case value(Double)
  case torch

  static var expectation: String { "a number from \(RankTolerance.floor) to 1, or torch" }
  static var schema: JSON {
    [
      "anyOf": [
        ["type": "number", "minimum": .number(RankTolerance.floor), "exclusiveMaximum": 1],
        ["const": "torch"],
      ]
    ]
  }

  init(raw: RawValue) throws {
    if case .scalar("torch", _, _) = raw {
      self = .torch
    } else if let value = try? Double(raw: raw), value >= RankTolerance.floor, value < 1 {
      self = .value(value)
    } else {
      throw Self.issue(raw)
    }
  }

  var json: JSON {
    switch self {
    case .value(let value): .number(value)
    case .torch: "torch"
    }
  }

  var tolerance: RankTolerance {
    switch self {
    case .value(let value): .value(value)
    case .torch: .torch
    }
  }
}

extension Stitch: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let networks = (
      front: foresight.facts(of: "front", ModelFacts.self), end: foresight.facts(of: "end", ModelFacts.self)
    )
    if let problem = networks.front?.problem(withCut: from) { foresight.mistake("from", problem) }
    if let problem = networks.end?.problem(withCut: to) { foresight.mistake("to", problem) }
    if let front = networks.front, let end = networks.end,
      let problem = front.problem(mapping: from, to: end, to)
    {
      foresight.mistake("to", problem)
    }
    foresight.requireImages("data", split, of: networks.front, "the front")
    foresight.requireImages("data", split, of: networks.end, "the end")
    if let one = networks.front?.input, let other = networks.end?.input, one != other {
      foresight.mistake(
        "end",
        "the front takes images of \(DatasetFacts.spelled(one)), the end of \(DatasetFacts.spelled(other)); both see the "
          + "same images, so they must take the same size")
    }
    if options.objective.task > 0 {
      foresight.requireLabels("data", split, of: networks.end, "the end", for: "the cross-entropy")
    }
    if options.adversary != nil {
      foresight.requireLabels("data", split, of: networks.end, "the end", for: "the attack")
    }
    if let weights = objective?.cutWeights, let rest = networks.end?.cuts.drop(while: { $0 != to }),
      !rest.isEmpty
    {
      let count = min(objective?.cuts ?? .max, rest.count)
      if weights.count != count {
        foresight.mistake(
          "objective.cut_weights",
          "cut_weights: \(weights.count) weights for the \(count) cuts from '\(to)' on: write one for each")
      }
    }
    foresight.requireMarks(marking, "data", split)
    foresight.sampleCount(samples, of: "data", split, batch: batch)
    foresight.requireRoom(for: augment, in: "data")
    foresight.know("stitched", StitchedFacts(front: networks.front, end: networks.end))
    let leastSquares = ["least_squares_error"] + (options.map.countsDirections ? ["least_squares_rank"] : [])
    foresight.know(
      "fit",
      ScoresFacts(
        numbers: (method == .direct ? [] : ["fit_loss"])
          + (options.initialisation == .leastSquares ? leastSquares : []), lists: ["loss"]))
  }
}

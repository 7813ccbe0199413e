// Owns the stage kind `train`.

import Canonical
import Datasets
import NeuralNetworks
import Workflow

struct Train: ResumableKind {
  static let name = "train"
  static let summary = "trains a network, standard or adversarially"
  static let threads = ThreadUse.any
  static var discussion: String {
    """
    SGD with Nesterov momentum on the cross-entropy, the rate multiplied by 0.1 at one and two thirds of the epochs \
    (He et al. 2016; FuLA, arXiv 2505.20142), unless `objective`, `optimiser` and `schedule` say otherwise: each is a \
    word, or a map with the word as `kind` and what belongs to it, `schedule: { kind: steps, at: [60, 120], factor: \
    0.2 }`. Formulas are PyTorch's. Images are taken as they are; both papers flip and crop natural ones at random \
    (augment: [flip, crop]), which digits don't bear. mixup shares labels too, after marks are painted.

    The rate of a step depends on how many epochs there are with cosine, one_cycle, and steps at shares of them (the \
    default); with constant, and steps at whole epochs (at: [60, 120]), it doesn't, so that a longer training begins \
    like a shorter one.

    `adversary` attacks a share of each batch by PGD (Madry et al. 2018), by default with running statistics and \
    without a random start. objective trades adds β times the divergence of attacked from clean images, which its \
    attack raises from a random start (Zhang et al. 2019; every image is attacked unless `ratio` says otherwise). \
    \(PGDNote.text)

    Architectures, with the parameters that may stand beside the name (architecture: { name: …, width: … }), and the \
    cuts where activations are taken and networks are stitched, with their shapes at the defaults for images of 3×32×32:
    \(ArchitectureFamily.helpText)
    """
  }

  @Input("what to learn", .dataset, part: .named("train")) var data: InputArtifact
  @Parameter("which network") var architecture: ArchitectureChoice
  @Parameter("the architecture's parameter 'width'; null: its own", .atLeast(1)) var width: Int? = nil
  @Parameter("passes over the training data", .atLeast(1)) var epochs = 20
  @Parameter("images in a step; what is left of an epoch is dropped", .between(1, 65_536)) var batch = 128
  @Parameter("what is minimised") var objective = ObjectiveChoice(CrossEntropyWords())
  @Parameter("how a step moves parameters") var optimiser = OptimiserChoice(SGDWords())
  @Parameter("the rate that the schedule starts from; 0.1 with sgd, 1e-3 with adam and adamw", .above(0))
  var learningRate: Double? = nil
  @Parameter("how the rate changes from step to step") var schedule = ScheduleChoice(StepsWords())
  @Parameter("epochs, perhaps broken, over which the rate first rises in equal steps", .atLeast(0))
  var warmUp = 0.0
  @Parameter("sgd's momentum; 0.9 by default", .between(0, 1)) var momentum: Double? = nil
  @Parameter(
    "L2 penalty, with adamw the share of rate × weight that each step takes; 1e-4 with sgd, 0 with adam, 1e-2 with adamw",
    .atLeast(0))
  var weightDecay: Double? = nil
  @Parameter("what weight decay applies to: all parameters, or weights alone, without biases and norms")
  var weightDecayOn = DecayedParameters.all
  @Parameter("the longest that a step's whole gradient may be; null: any length", .above(0))
  var clipNorm: Double? = nil
  @Parameter(
    "share of the moving average of weights and statistics that each step keeps, such as 0.999; the average is then the trained network; null: none",
    .between(0, 0.999999))
  var movingAverage: Double? = nil
  @Parameter("what is done to images at random, in this order; [flip, crop] suits natural images, not digits")
  var augment: [AugmentationChoice] = []
  @Parameter("standardise inputs by the training images' mean and deviation per channel") var standardise =
    true
  @Parameter("use only the first so many training images", .atLeast(1)) var samples: Int? = nil
  @Parameter("decides initial weights, order and augmentation", .atLeast(0)) var seed = 0
  @Parameter(
    "what is multiplied: fp32, or bf16, which is faster where the processor has it, with 8 bits of precision")
  var compute = Precision.float32
  @Parameter("train adversarially; null: standard") var adversary: AdversaryParameters? = nil
  @Output("the trained network", .model) var model: OutputArtifact
  @Output("loss and accuracy of each epoch", .scores) var history: OutputArtifact

  func validate() throws {
    // The data's sizes are known only later.
    _ = try architecture.with(width: width)
    try AugmentationChoice.requireDistinctAugmentations(augment)
    if momentum != nil, optimiser.words.momentum == nil {
      throw InvalidParameter(
        "momentum",
        "it is sgd's; with \(type(of: optimiser.variant).kind) write optimiser: { kind: "
          + "\(type(of: optimiser.variant).kind), beta1: … }")
    }
    if warmUp > 0, schedule.schedule is OneCycleSchedule {
      throw InvalidParameter("warm_up", "one_cycle rises by itself: its part 'rise' says how long")
    }
    let objective = objective.objective
    if objective.comparesAttacked, adversary == nil {
      throw InvalidParameter(
        "objective",
        "trades compares attacked with clean images: write an adversary too, such as adversary: {}")
    }
    do { _ = try adversary?.adversary(for: objective).count(ofBatch: batch) } catch let error as NetworkError
    {
      throw InvalidParameter("adversary.ratio", error.description)
    }
  }

  var listedCode: [String] { [architecture.file] }

  private var network: ArchitectureChoice {
    guard let network = try? architecture.with(width: width) else {
      preconditionFailure("BUG: width wasn't validated")
    }
    return network
  }

  /// Defaults that depend on the optimiser and the objective; and the width beside the architecture is its own.
  var derivedParameters: [String: JSON] {
    let words = optimiser.words
    var derived: [String: JSON] = [
      "architecture": network.json, "width": .null,
      "learning_rate": .number(learningRate ?? words.learningRate),
      "weight_decay": .number(weightDecay ?? words.weightDecay),
      "momentum": (momentum ?? words.momentum).map(JSON.number) ?? .null,
    ]
    if let adversary { derived["adversary"] = adversary.canonical(for: objective.objective) }
    return derived
  }

  /// The recipe without the data.
  private func trainer() throws -> Trainer {
    // Rate, momentum and weight decay are in the canonical parameters, as `derivedParameters` says.
    func trainer(
      _ schedule: some Schedule, _ objective: some TrainingObjective, _ rule: some OptimiserRule
    ) throws -> Trainer {
      Trainer(
        epochs: epochs, rate: LearningRate(learningRate!, schedule, warmUp: warmUp), objective: objective,
        rule: rule, decaying: weightDecayOn, clipping: clipNorm, averaging: movingAverage,
        adversary: try adversary?.adversary(for: objective), seed: UInt64(seed), precision: compute)
    }
    return try trainer(
      schedule.schedule, objective.objective,
      optimiser.words.rule(momentum: momentum, weightDecay: weightDecay!))
  }

  /// After every epoch, and inside long ones. What is still to come decides nothing: neither how many epochs there are,
  /// nor where the rate falls later.
  var prefixes: [ActionPrefix] {
    let schedule = schedule.schedule
    return (0..<epochs).map { epoch in
      let rates = schedule.deciding(before: epoch + 1, of: epochs)
      return ActionPrefix(
        upTo: epoch + 1, leavingOut: ["epochs", "schedule"],
        instead: [
          "rates": .array(rates.map(JSON.number)), "schedule": .string("\(type(of: schedule))"),
        ])
    }
  }

  func run(in context: StageContext) throws {
    let half = try Half(data)
    let source = try LoadedImages(
      half,
      options: BatchLoader.Options(
        batch: batch, seed: UInt64(seed), shuffle: true, augmentation: augment.map(\.augmentation),
        dropLast: true,
        limit: samples))
    try source.requireLabels(for: "training")
    try source.requireImagesOfAllClasses()
    let network = try network.network(source.shape, classes: half.description.classes)
    let start = try Model.initialised(
      architecture: network, seed: UInt64(seed), standardisation: try standardisation(by: half.description))
    let pace = Pace()
    let trainer = try trainer()
    let checkpoints = TrainingCheckpoints(context)
    let first = try checkpoints.first(trainer.start(start))
    let before = (first.epoch * source.batchesPerEpoch + first.step) * batch
    let (trained, history) = try trainer.train(
      from: first, on: source,
      progress: {
        context.progress($0, images: pace.text(images: ($0.epoch * $0.steps + $0.step) * batch - before))
      }, checkpoint: checkpoints.save, isDue: { checkpoints.isDue })
    try trained.writeModel(to: model)
    var scores = Scores()
    scores.set("loss", list: history.losses)
    scores.set("accuracy", list: history.accuracies)
    try scores.write(to: self.history)
  }

  private func standardisation(by half: HalfDescription) throws -> Standardisation {
    guard standardise else { return .none(channels: half.sampleShape[0]) }
    guard let pixels = half.channels else {
      preconditionFailure("BUG: images without statistics of their channels")
    }
    if let constant = pixels.deviation.firstIndex(where: { Float($0) == 0 }) {
      throw InputError(
        message:
          "channel \(constant) of \(half.name) is the same in all pixels and can't be standardised; write "
          + "standardise: false")
    }
    return Standardisation(mean: pixels.mean.map(Float.init), deviation: pixels.deviation.map(Float.init))
  }
}

extension StageContext {
  /// Shows where a training run is.
  fileprivate func progress(_ at: TrainingProgress, images: String) {
    progress(
      (Double(at.epoch) + Double(at.step) / Double(at.steps)) / Double(max(at.epochs, 1)),
      [
        "epoch": "\(min(at.epoch + 1, at.epochs))/\(at.epochs)", "loss": fixed(at.loss, digits: 3),
        "accuracy": fixed(at.accuracy, digits: 3), "images": images,
      ])
  }
}

extension Train: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    foresight.requireImages("data", .train, of: nil, "the network")
    foresight.requireLabels("data", .train, for: "training")
    let count = foresight.sampleCount(samples, of: "data", .train, batch: batch)
    foresight.requireImagesOfAllClasses("data", .train, count: count)
    foresight.requireRoom(for: augment, in: "data")
    let data = foresight.facts(of: "data", DatasetFacts.self)
    if let shape = data?.shape, shape.count == 3 {
      do {
        let image = ImageShape(channels: shape[0], height: shape[1], width: shape[2])
        let architecture = try network.network(image, classes: data?.classes ?? 10)
        do { try architecture.require(compute) } catch { foresight.mistake("compute", "\(error)") }
      } catch { foresight.mistake("data", "\(error)") }
    }
    if let model = ModelFacts(network, input: data?.shape, classes: data?.classes) {
      foresight.know("model", model)
    }
    foresight.know("history", ScoresFacts(numbers: [], lists: ["accuracy", "loss"]))
  }
}

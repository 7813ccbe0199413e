// Owns the stage kind `train`.

import Canonical
import Datasets
import NeuralNetworks
import Workflow

struct Train: StageKind {
  static let name = "train"
  static let summary = "trains a network, standard or adversarially"
  static let threads = ThreadUse.any
  static var discussion: String {
    """
    SGD with Nesterov momentum on the cross-entropy, the rate multiplied by 0.1 at one and two thirds of the epochs \
    (He et al. 2016; FuLA, arXiv 2505.20142). Images are taken as they are; both papers flip and crop natural ones at \
    random (augment: flip_crop), which digits don't bear. `adversary` attacks a share of each batch by PGD in the L∞ \
    ball, without a random start, with running statistics (Madry et al. 2018). \(PGDNote.text)

    Architectures, with the parameters that may stand beside the name (architecture: { name: …, width: … }), and the \
    cuts where activations are taken and networks are stitched, with their shapes at the defaults for images of 3×32×32:
    \(ArchitectureFamily.helpText)
    """
  }

  @Input("what to learn", .dataset, part: .named("train")) var data: InputArtifact
  @Parameter("which network: a name, or a map of the name and parameters of its family")
  var architecture: ArchitectureChoice
  @Parameter("the architecture's parameter 'width'; null: its own", .atLeast(1)) var width: Int? = nil
  @Parameter("passes over the training data", .atLeast(0)) var epochs = 20
  @Parameter("images in a step; what is left of an epoch is dropped", .between(1, 65_536)) var batch = 128
  @Parameter("learning rate at the beginning", .above(0)) var learningRate = 0.1
  @Parameter("constant, or steps: ×0.1 at 1/3 and 2/3 of the epochs") var schedule =
    ScheduleChoice.steps
  @Parameter("Nesterov momentum", .between(0, 1)) var momentum = 0.9
  @Parameter("L2 penalty", .atLeast(0)) var weightDecay = 1e-4
  @Parameter("what is done to images at random; flip_crop suits natural images, not digits")
  var augment = Augmentation.none
  @Parameter("standardise inputs by the training images' mean and deviation per channel") var standardise =
    true
  @Parameter("use only the first so many training images", .atLeast(1)) var samples: Int? = nil
  @Parameter("decides initial weights, order and augmentation", .atLeast(0)) var seed = 0
  @Parameter("train adversarially; null: standard") var adversary: AdversaryParameters? = nil
  @Output("the trained network", .model) var model: OutputArtifact
  @Output("loss and accuracy of each epoch", .scores) var history: OutputArtifact

  func validate() throws {
    // The data's sizes are known only later.
    _ = try architecture.with(width: width)
  }

  var derivedParameters: [String: JSON] { ["architecture": network.json, "width": .null] }
  var listedCode: [String] { [architecture.file] }

  private var network: ArchitectureChoice {
    guard let network = try? architecture.with(width: width) else {
      preconditionFailure("BUG: width wasn't validated")
    }
    return network
  }

  func run(in context: StageContext) throws {
    let half = try Half(data)
    let source = try LoadedImages(
      half,
      options: BatchLoader.Options(
        batch: batch, seed: UInt64(seed), shuffle: true, augmentation: augment, dropLast: true,
        limit: samples))
    try source.requireLabels(for: "training")
    let network = try network.network(source.shape, classes: half.description.classes)
    let trainer = Trainer(
      epochs: epochs, rate: LearningRate(learningRate, schedule.schedule),
      rule: .sgd(momentum: Float(momentum), nesterov: momentum > 0, weightDecay: Float(weightDecay)),
      adversary: try adversary?.adversary(), seed: UInt64(seed))
    let start = try Model.initialised(
      architecture: network, seed: UInt64(seed), standardisation: try standardisation(by: half.description))
    let pace = Pace()
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

struct AdversaryParameters: ParameterGroup {
  @Parameter("radius of the L∞ ball", .between(0, 1), unit: "pixels of [0, 1]") var epsilon = 8.0 / 255
  @Parameter("how far a step moves", .between(0, 1), unit: "pixels of [0, 1]") var stepSize = 2.0 / 255
  @Parameter("steps of the attack", .atLeast(0)) var steps = 10
  @Parameter("share of each batch that is attacked", .between(0, 1)) var ratio = 0.5

  func adversary() throws -> Adversary {
    Adversary(
      attack: try Attack(epsilon: Float(epsilon), stepSize: Float(stepSize), steps: steps), ratio: ratio)
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

extension Train: ResumableKind {
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
}

extension Train: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    foresight.requireImages("data", .train, of: nil, "the network")
    foresight.requireLabels("data", .train, for: "training")
    foresight.sampleCount(samples, of: "data", .train, batch: batch)
    let data = foresight.facts(of: "data", DatasetFacts.self)
    if let shape = data?.shape, shape.count == 3 {
      do {
        let image = ImageShape(channels: shape[0], height: shape[1], width: shape[2])
        _ = try network.network(image, classes: data?.classes ?? 10)
      } catch { foresight.mistake("data", "\(error)") }
    }
    if let model = ModelFacts(network, input: data?.shape, classes: data?.classes) {
      foresight.know("model", model)
    }
    foresight.know("history", ScoresFacts(numbers: [], lists: ["accuracy", "loss"]))
  }
}

import NeuralNetworks
import Tensor
import Testing

/// Noise with a label each.
struct NoisySource: BatchSource {
  var shape = ImageShape(channels: 1, height: 8, width: 8)
  var batch = 6
  var batchesPerEpoch = 3
  var classes: Int? = 3
  /// Whether an image's target is shared with the next one's label.
  var mixes = false

  func fill(
    epoch: Int, step: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    let random = Philox(seed: 5, purpose: .tests, index: UInt32(epoch * batchesPerEpoch + step))
    for i in images.indices { images[i] = random.uniform(at: UInt64(i)) }
    for row in labels.indices { labels[row] = Int32(random.integer(at: UInt64(row), below: 3)) }
  }

  func mixTargets(_ targets: UnsafeMutableBufferPointer<Float>, classes: Int, epoch: Int, step: Int) {
    guard mixes else { return }
    for row in 0..<batch {
      for c in 0..<classes {
        targets[row * classes + c] = 0.75 * targets[row * classes + c] + 0.25 / Float(classes)
      }
    }
  }
}

struct TrainingStateTests {
  private static func adversary(_ norm: Attack.Norm, start: Bool, mode: Adversary.Mode = .evaluation)
    -> Adversary
  {
    let attack = try! Attack(norm: norm, epsilon: 0.1, stepSize: 0.05, steps: 2, randomStart: start)
    return Adversary(attack: attack, ratio: 0.5, mode: mode)
  }

  static let recipes: [(String, Trainer)] = [
    ("sgd", Trainer(epochs: 3, rule: .sgd())), ("nesterov", Trainer(epochs: 3)),
    (
      "adam",
      Trainer(
        epochs: 3, rate: LearningRate(1e-3, CosineSchedule(), warmUp: 0.5), rule: .adam(weightDecay: 1e-2))
    ),
    (
      "adamw",
      Trainer(
        epochs: 3, rate: LearningRate(1e-3, OneCycleSchedule()), rule: .adamW(), decaying: .weights,
        clipping: 0.5,
        averaging: 0.9)
    ),
    ("smoothed", Trainer(epochs: 3, objective: CrossEntropy(smoothing: 0.1), averaging: 0.5)),
    ("linf", Trainer(epochs: 3, adversary: adversary(.linf, start: true), seed: 3)),
    ("l2", Trainer(epochs: 3, adversary: adversary(.l2, start: true, mode: .training), seed: 3)),
    (
      "trades",
      Trainer(
        epochs: 3, objective: TRADES(), rule: .adam(), averaging: 0.9,
        adversary: adversary(.linf, start: true))
    ),
  ]

  private func fresh() throws -> Model {
    try .initialised(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 1, height: 8, width: 8), classes: 3, width: 4), seed: 1
    )
  }

  @Test(arguments: recipes)
  func aTrainingGoesOnFromAnyStateWithTheBitsOfAnUninterruptedOne(_ label: String, _ recipe: Trainer) throws {
    let source = NoisySource(mixes: label == "nesterov")
    var states: [TrainingState] = []
    let whole = try recipe.train(
      from: recipe.start(fresh()), on: source, checkpoint: { states.append($0) }, isDue: { true })
    #expect(
      states.map { [$0.epoch, $0.step] } == [
        [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2], [3, 0],
      ])
    #expect(whole.history.losses.count == 3 && states.last?.history == whole.history)
    for state in states {
      // As a file would hold it, read for a model that has never been trained.
      let read = try TrainingState(state.stored, of: fresh())
      #expect(read.stored == state.stored)
      var steps = 0
      let rest = try recipe.train(from: read, on: source, progress: { _ in steps += 1 })
      #expect(steps == 9 - 3 * state.epoch - state.step)
      #expect(
        rest.model.tensors == whole.model.tensors && rest.history == whole.history, "\(label) \(state.epoch)")
    }
  }

  @Test(
    "a state is read back whatever a network's parameters are called",
    arguments: ["mlp", "small_cnn", "resnet8", "resnet18", "vgg11_bn", "vit_tiny"])
  func names(_ architecture: String) throws {
    let narrow: [String: ArchitectureValue] =
      architecture == "vit_tiny"
      ? ["width": .integer(6), "depth": .integer(2), "heads": .integer(2)] : ["width": .integer(2)]
    let model = try Model.initialised(
      architecture: Architecture(
        name: architecture, input: ImageShape(channels: 3, height: 32, width: 32), classes: 3,
        parameters: narrow), seed: 1)
    for recipe in [Trainer(epochs: 2), Trainer(epochs: 2, rule: .adam())] {
      let state = recipe.start(model)
      let read = try TrainingState(state.stored, of: model)
      #expect(read.optimiser == state.optimiser && read.model.tensors == model.tensors)
    }
  }

  @Test func aLongerTrainingGoesOnFromAShorterOneWhereItsScheduleDoesntDependOnLength() throws {
    for schedule in [ConstantSchedule(), StepSchedule(milestones: [1, 3])] as [any Schedule] {
      #expect(!schedule.dependsOnLength)
      var short = Trainer(epochs: 2)
      short.rate.schedule = schedule
      var long = short
      long.epochs = 4
      var last: TrainingState?
      _ = try short.train(from: short.start(fresh()), on: NoisySource(), checkpoint: { last = $0 })
      let longer = try long.train(from: #require(last), on: NoisySource())
      #expect(try longer.model.tensors == long.train(fresh(), on: NoisySource()).model.tensors)
    }
  }

  @Test func theAverageIsWhatComesOut() throws {
    var recipe = Trainer(epochs: 1)
    recipe.averaging = 0.75
    var states: [TrainingState] = []
    let (model, _) = try recipe.train(
      from: recipe.start(fresh()), on: NoisySource(), checkpoint: { states.append($0) }, isDue: { true })
    #expect(model.tensors == states.last?.average)
    // Statistics too; the first step's values are the first average.
    for name in ["conv1.weight", "bn2.running_var"] {
      var average = try #require(states[0].model.tensors[name]).values
      #expect(states[0].average?[name]?.values == average)
      for state in states.dropFirst() {
        average = zip(average, try #require(state.model.tensors[name]).values).map { $0 + 0.25 * ($1 - $0) }
      }
      #expect(model.tensors[name]?.values == average)
    }
  }

  @Test func aStateOfAnotherTrainingIsRefused() throws {
    let recipe = Trainer(epochs: 2)
    var stored = recipe.start(try fresh()).stored
    func problem(_ recipe: Trainer, _ state: StoredTraining) -> String {
      #expect(throws: NetworkError.self) {
        try recipe.train(from: TrainingState(state, of: fresh()), on: NoisySource())
      }?.description ?? ""
    }
    #expect(
      problem(Trainer(epochs: 2, rule: .adam()), stored).hasPrefix(
        "the training's state is that of another optimiser"))
    stored.counts["step"] = 3
    #expect(
      problem(recipe, stored)
        == "the training's state is after 0 epochs and 3 steps of 3; it can't go on to 2 epochs")
    stored.counts["step"] = nil
    #expect(problem(recipe, stored) == "the training's state lacks 'step'")
    stored.counts["step"] = 0
    stored.counts["epoch"] = 1
    #expect(problem(recipe, stored).contains("not one loss and accuracy for each of 1 epochs"))
    stored.tensors["model.conv1.weight"] = nil
    #expect(problem(recipe, stored).contains("'conv1.weight' [4, 1, 3, 3] is missing"))
  }

  @Test func recipesThatMakeNoSenseAreRefused() throws {
    func problem(_ change: (inout Trainer) throws -> Void) rethrows -> String {
      var recipe = Trainer(epochs: 1)
      try change(&recipe)
      return #expect(throws: NetworkError.self) { try recipe.train(fresh(), on: NoisySource()) }?.description
        ?? ""
    }
    #expect(problem { $0.epochs = 0 } == "0 epochs; expected at least 1")
    #expect(problem { $0.rate.base = 0 } == "learning rate 0.0; expected one above 0")
    #expect(problem { $0.rate.warmUp = -1 } == "a warm-up of -1.0 epochs; expected at least 0")
    #expect(problem { $0.clipping = 0 } == "gradients clipped to 0.0; expected a length above 0")
    #expect(problem { $0.averaging = 1 } == "a moving average that keeps 1.0; expected [0, 1)")
    #expect(
      problem { $0.objective = TRADES() }
        == "TRADES compares clean with attacked images and needs an adversary")
    #expect(
      problem {
        $0.objective = TRADES()
        $0.adversary = Self.adversary(.linf, start: false)
      }.hasSuffix("it needs a random start"))
  }
}

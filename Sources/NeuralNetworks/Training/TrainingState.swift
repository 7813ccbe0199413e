// Owns the whole state of a training between two steps as one value, and its form in named tensors and numbers.

public import Tensor

/// All that the next step depends on besides the recipe and the data. A training that goes on from it makes the bits of
/// one that was never interrupted.
public struct TrainingState: Sendable {
  /// The live network: parameters and running statistics.
  public internal(set) var model: Model
  /// What the optimiser remembers.
  public internal(set) var optimiser: OptimiserState
  /// The moving average of the network's tensors; nil without one, or before the first step.
  public internal(set) var average: [String: Tensor]?
  /// Epochs that are complete.
  public internal(set) var epoch: Int
  /// Steps of the next epoch that are complete.
  public internal(set) var step: Int
  /// The complete epochs' losses and accuracies.
  public internal(set) var history: TrainingHistory
  /// The sum of the losses of the begun epoch's steps.
  var loss: Double
  /// How many images of the begun epoch got their label.
  var correct: Int
}

/// The mean loss and accuracy of each epoch.
public struct TrainingHistory: Sendable, Hashable {
  /// The mean loss of each epoch.
  public var losses: [Double] = []
  /// The accuracy on each epoch's batches, while training.
  public var accuracies: [Double] = []

  /// That of no epoch.
  public init() {}
}

/// A state as files hold it: tensors by name, and numbers by name. Numbers are kept to the bit where a file keeps
/// Doubles to the bit.
public struct StoredTraining: Sendable, Equatable {
  /// `model.conv1.weight`, `moments.momentum.conv1.weight`, `average.conv1.weight`.
  public var tensors: [String: Tensor]
  /// Lists of fractions.
  public var numbers: [String: [Double]]
  /// Whole numbers.
  public var counts: [String: Int]

  /// What a file held.
  public init(tensors: [String: Tensor], numbers: [String: [Double]], counts: [String: Int]) {
    self.tensors = tensors
    self.numbers = numbers
    self.counts = counts
  }
}

extension TrainingState {
  /// The state as a file holds it.
  public var stored: StoredTraining {
    var tensors: [String: Tensor] = [:]
    func add(_ part: [String: Tensor], _ prefix: String) {
      for (name, tensor) in part { tensors["\(prefix).\(name)"] = tensor }
    }
    add(model.tensors, "model")
    for (moment, part) in optimiser.moments { add(part, "moments.\(moment)") }
    if let average { add(average, "average") }
    return StoredTraining(
      tensors: tensors,
      numbers: [
        "powers": optimiser.powers, "losses": history.losses, "accuracies": history.accuracies,
        "loss": [loss],
      ],
      counts: ["epoch": epoch, "step": step, "correct": correct])
  }

  /// Reads what `stored` wrote.
  /// - Parameter model: a model of the same architecture and standardisation; its tensors don't matter.
  /// - Throws: `NetworkError` naming what is missing, or a tensor that isn't the model's.
  public init(_ stored: StoredTraining, of model: Model) throws {
    func part(_ prefix: String) -> [String: Tensor] {
      let part = stored.tensors.filter { $0.key.hasPrefix(prefix + ".") }
      return Dictionary(
        uniqueKeysWithValues: part.map { (String($0.key.dropFirst(prefix.count + 1)), $0.value) })
    }
    func numbers(_ name: String) throws -> [Double] {
      guard let numbers = stored.numbers[name] else {
        throw NetworkError("the training's state lacks '\(name)'")
      }
      return numbers
    }
    func count(_ name: String) throws -> Int {
      guard let count = stored.counts[name], count >= 0 else {
        throw NetworkError("the training's state lacks '\(name)'")
      }
      return count
    }
    self.model = try Model(
      architecture: model.architecture, tensors: part("model"), standardisation: model.standardisation)
    let trained = Set(model.architecture.layers.parameters.filter(\.isTrained).map(\.name))
    var moments: [String: [String: Tensor]] = [:]
    for (name, tensor) in part("moments") {
      // A moment's name is one word. Parameters' aren't: the end of one may be another's name.
      let moment = name.prefix { $0 != "." }
      let parameter = String(name.dropFirst(moment.count + 1))
      guard trained.contains(parameter) else {
        throw NetworkError(
          "the training's state has moments of '\(name)', which \(model.architecture.name) lacks")
      }
      moments[String(moment), default: [:]][parameter] = tensor
    }
    optimiser = OptimiserState(moments: moments, powers: try numbers("powers"))
    let average = part("average")
    if average.isEmpty {
      self.average = nil
    } else {
      try model.architecture.requireParameters(average.mapValues(\.shape))
      self.average = average
    }
    (epoch, step, correct) = try (count("epoch"), count("step"), count("correct"))
    history = TrainingHistory()
    history.losses = try numbers("losses")
    history.accuracies = try numbers("accuracies")
    guard let loss = try numbers("loss").first, history.losses.count == epoch,
      history.accuracies.count == epoch
    else {
      throw NetworkError("the training's state has not one loss and accuracy for each of \(epoch) epochs")
    }
    self.loss = loss
  }
}

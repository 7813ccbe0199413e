// Owns a network's values: architecture, parameters, running statistics, standardisation.

public import Tensor

/// The mean and standard deviation, per channel, that a model subtracts from and divides its inputs by.
/// Inputs themselves are always in [0, 1].
public struct Standardisation: Sendable, Hashable, Codable {
  /// One mean per channel.
  public var mean: [Float]
  /// One standard deviation per channel, above 0.
  public var deviation: [Float]

  /// Standardisation by the given values, one per channel.
  public init(mean: [Float], deviation: [Float]) {
    self.mean = mean
    self.deviation = deviation
  }

  /// None: inputs stay in [0, 1].
  public static func none(channels: Int) -> Standardisation {
    Standardisation(
      mean: [Float](repeating: 0, count: channels), deviation: [Float](repeating: 1, count: channels))
  }
}

/// A network with values.
public struct Model: Sendable {
  /// The layers.
  public let architecture: Architecture
  /// Parameters and running statistics by torchvision's names, all of `architecture.parameterShapes`.
  public let tensors: [String: Tensor]
  /// What is done to inputs first.
  public let standardisation: Standardisation

  /// A model of the given tensors. PyTorch's `num_batches_tracked` counters are left out.
  /// - Throws: `NetworkError` naming the parameter that is missing, unknown, of another shape, not finite, or a
  ///   variance below 0.
  public init(
    architecture: Architecture, tensors: [String: Tensor], standardisation: Standardisation
  ) throws {
    let channels = architecture.input.channels
    guard standardisation.mean.count == channels, standardisation.deviation.count == channels else {
      throw NetworkError(
        "standardisation has \(standardisation.mean.count) means and \(standardisation.deviation.count) "
          + "deviations; images of \(architecture.input) need \(channels) of each")
    }
    guard standardisation.deviation.allSatisfy({ $0 > 0 && $0.isFinite }),
      standardisation.mean.allSatisfy(\.isFinite)
    else { throw NetworkError("standardisation: deviations must be above 0, and all values finite") }
    let tensors = tensors.filter { !$0.key.hasSuffix("num_batches_tracked") }
    try architecture.requireParameters(tensors.mapValues(\.shape))
    for (name, _) in architecture.parameterShapes {
      if let wrong = tensors[name]!.firstNotFinite {
        throw NetworkError(
          "\(architecture.name): parameter '\(name)' has \(wrong.value) at \(wrong.index); a network with it "
            + "computes nothing but such values")
      }
    }
    for parameter in architecture.layers.parameters {
      guard case .variance = parameter.role, let smallest = tensors[parameter.name]!.values.min(),
        smallest < 0
      else { continue }
      throw NetworkError(
        "\(architecture.name): running variance '\(parameter.name)' has \(smallest); variances are at least 0"
      )
    }
    self.architecture = architecture
    self.tensors = tensors
    self.standardisation = standardisation
  }

  /// This model with other values of some of its tensors.
  public func replacing(_ others: [String: Tensor]) throws -> Model {
    try Model(
      architecture: architecture, tensors: tensors.merging(others) { $1 }, standardisation: standardisation)
  }

  /// The running statistics of a live copy that are no longer this model's.
  public func driftedStatistics(in parameters: ParameterSet) -> [String: Tensor] {
    let names = architecture.layers.parameters.filter { !$0.isTrained }.map(\.name)
    return Dictionary(
      uniqueKeysWithValues: names.map { ($0, parameters.tensor($0)) }.filter { $0.1 != tensors[$0.0] })
  }
}

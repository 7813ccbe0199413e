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
    let wanted = architecture.parameterShapes
    for (name, shape) in wanted {
      guard let tensor = tensors[name] else {
        throw NetworkError("\(architecture.name): parameter '\(name)' \(shape) is missing")
      }
      guard tensor.shape == shape else {
        throw NetworkError(
          "\(architecture.name): parameter '\(name)' has shape \(tensor.shape); it should be \(shape)")
      }
      if let wrong = tensor.firstNotFinite {
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
    if tensors.count > wanted.count {
      let names = Set(wanted.map(\.name))
      let extra = tensors.keys.filter { !names.contains($0) }.sorted()
      throw NetworkError(
        "\(architecture.name) has no parameter '\(extra[0])'"
          + (extra.count > 1 ? " (and \(extra.count - 1) others that aren't its own)" : "")
          + ". Is it another architecture?")
    }
    self.architecture = architecture
    self.tensors = tensors
    self.standardisation = standardisation
  }
}

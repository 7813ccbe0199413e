// Owns how fresh models get their values.

import Tensor

extension Model {
  /// A fresh model, as torchvision makes ResNets: convolutions normal with deviation √(2 / fan-out) (He et al.
  /// 2015, "Delving deep into rectifiers"), fan-out = outputs × kernel height × kernel width; batch norms' scales
  /// and variances 1, their shifts and means 0; the classifier's weight (classes × inputs) and bias (classes)
  /// uniform within ±1/√inputs. A function of architecture and seed.
  public static func initialised(
    architecture: Architecture, seed: UInt64, standardisation: Standardisation? = nil
  ) throws -> Model {
    var tensors: [String: Tensor] = [:]
    for (index, parameter) in architecture.layers.parameters.enumerated() {
      let random = Philox(seed: seed, purpose: .initialParameters, index: UInt32(index))
      tensors[parameter.name] = initial(parameter, random)
    }
    return try Model(
      architecture: architecture, tensors: tensors,
      standardisation: standardisation ?? .none(channels: architecture.input.channels))
  }

  private static func initial(_ parameter: ParameterDeclaration, _ random: Philox) -> Tensor {
    let shape = parameter.shape
    return Tensor(shape: shape) { values in
      switch parameter.role {
      case .scale, .variance: values.initialize(repeating: 1)
      case .shift, .mean: values.initialize(repeating: 0)
      case .linear(let inputs):
        let bound = 1 / Float(inputs).squareRoot()
        for i in values.indices {
          values.initializeElement(at: i, to: (2 * random.uniform(at: UInt64(i)) - 1) * bound)
        }
      case .normal(let deviation):
        for i in values.indices {
          values.initializeElement(at: i, to: Float(deviation * random.normal(at: UInt64(i))))
        }
      case .convolution:  // outputs × inputs × kernel height × kernel width
        let fanOut = shape[0] * shape[2...].reduce(1, *)
        let deviation = (2 / Double(fanOut)).squareRoot()
        for i in values.indices {
          values.initializeElement(at: i, to: Float(deviation * random.normal(at: UInt64(i))))
        }
      }
    }
  }
}

// Owns how fresh models get their values.

import Foundation
import Tensor

extension Model {
  /// A fresh model, as torchvision makes ResNets: convolutions by He's normal initialisation over the fan-out,
  /// batch norms 1 and 0, the classifier uniform within ±1/√inputs. A function of architecture and seed.
  public static func initialised(
    architecture: Architecture, seed: UInt64, standardisation: Standardisation? = nil
  ) throws -> Model {
    let random = Philox(seed: seed, purpose: "initialisation")
    var tensors: [String: Tensor] = [:]
    for (index, parameter) in architecture.layers.parameters.enumerated() {
      tensors[parameter.name] = initial(parameter, random, from: UInt64(index) << 32)
    }
    return try Model(
      architecture: architecture, tensors: tensors,
      standardisation: standardisation ?? .none(channels: architecture.input.channels))
  }

  private static func initial(
    _ parameter: ParameterDeclaration, _ random: Philox, from start: UInt64
  ) -> Tensor {
    let shape = parameter.shape
    return Tensor(shape: shape) { values in
      switch parameter.role {
      case .scale, .variance: values.initialize(repeating: 1)
      case .shift, .mean: values.initialize(repeating: 0)
      case .linear(let inputs):
        let bound = 1 / Float(inputs).squareRoot()
        for i in values.indices {
          values.initializeElement(at: i, to: (2 * random.uniform(at: start + UInt64(i)) - 1) * bound)
        }
      case .convolution:
        let fanOut = shape[0] * shape[2...].reduce(1, *)
        let deviation = (2 / Double(fanOut)).squareRoot()
        for i in values.indices {
          values.initializeElement(at: i, to: Float(deviation * normal(random, start + UInt64(i))))
        }
      }
    }
  }

  /// A standard normal value (Box and Muller), one for each counter.
  private static func normal(_ random: Philox, _ counter: UInt64) -> Double {
    let words = random.words(at: counter)
    let u = (Double(words[0]) + 1) * 0x1p-32  // in (0, 1]
    let v = Double(words[1]) * 0x1p-32
    return (-2 * log(u)).squareRoot() * cos(2 * Double.pi * v)
  }
}

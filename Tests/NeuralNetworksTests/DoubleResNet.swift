// Owns a plain ResNet-8 in Double, forward and backward with the batch's statistics, to hold a plan's gradients against.

import NeuralNetworks
import Tensor

/// The CIFAR ResNet of one block a stage, in loops that follow the definitions. Images are N × C × H × W.
struct DoubleResNet {
  private let parameters: [String: [Double]]
  private let width: Int
  /// The least distance of a ReLU's argument from its kink.
  private(set) var margin = Double.infinity
  private(set) var gradients: [String: [Double]] = [:]
  /// What each layer does with the gradient that comes from behind, in the order of the layers.
  private var backward: [(inout DoubleResNet, Images) -> Images] = []
  private var logits = Images(shape: [0, 0, 0, 0])

  struct Images {
    var shape: [Int]
    var values: [Double]

    init(shape: [Int], values: [Double]? = nil) {
      self.shape = shape
      self.values = values ?? [Double](repeating: 0, count: shape.reduce(1, *))
    }
  }

  init(_ tensors: [String: Tensor], width: Int, images: Tensor) {
    parameters = tensors.mapValues { $0.values.map(Double.init) }
    self.width = width
    var x = convolution("conv1", Images(shape: images.shape, values: images.values.map(Double.init)), width)
    x = relu(norm("bn1", x))
    for stage in 0..<3 {
      x = block("layer\(stage + 1).0", x, channels: width << stage, stride: stage > 0 ? 2 : 1)
    }
    logits = classifier(mean(x))
  }

  /// The gradients of the mean cross-entropy by all parameters, by name.
  mutating func differentiate(labels: [Int32]) -> [String: [Double]] {
    let classes = logits.shape[1]
    var gradient = Images(shape: logits.shape)
    for (row, label) in labels.enumerated() {
      let z = logits.values[(row * classes)..<((row + 1) * classes)]
      let total = z.reduce(0) { $0 + Elementary.exp($1 - z.max()!) }
      for c in 0..<classes {
        let share = Elementary.exp(z[row * classes + c] - z.max()!) / total
        gradient.values[row * classes + c] = (share - (c == Int(label) ? 1 : 0)) / Double(labels.count)
      }
    }
    run(backward, gradient)
    return gradients
  }

  @discardableResult
  private mutating func run(
    _ steps: [(inout DoubleResNet, Images) -> Images], _ gradient: Images
  ) -> Images {
    var gradient = gradient
    for step in steps.reversed() { gradient = step(&self, gradient) }
    return gradient
  }

  /// relu(norm(convolution(relu(norm(convolution(x))))) + shortcut(x))
  private mutating func block(_ name: String, _ x: Images, channels: Int, stride: Int) -> Images {
    let before = backward
    backward = []
    var y = relu(norm("\(name).bn1", convolution("\(name).conv1", x, channels, stride: stride)))
    y = norm("\(name).bn2", convolution("\(name).conv2", y, channels))
    let inner = backward
    backward = []
    var shortcut = x
    if stride != 1 {
      shortcut = norm(
        "\(name).downsample.1",
        convolution("\(name).downsample.0", x, channels, kernel: 1, stride: stride))
    }
    let outer = backward
    backward = before
    backward.append { network, gradient in
      var sum = network.run(inner, gradient)
      let other = network.run(outer, gradient)
      for i in sum.values.indices { sum.values[i] += other.values[i] }
      return sum
    }
    for i in y.values.indices { y.values[i] += shortcut.values[i] }
    return relu(y)
  }

  private mutating func relu(_ x: Images) -> Images {
    margin = min(margin, x.values.reduce(.infinity) { min($0, abs($1)) })
    backward.append { _, gradient in
      Images(shape: gradient.shape, values: zip(gradient.values, x.values).map { $1 > 0 ? $0 : 0 })
    }
    return Images(shape: x.shape, values: x.values.map { max($0, 0) })
  }

  private mutating func convolution(
    _ name: String, _ x: Images, _ outputs: Int, kernel: Int = 3, stride: Int = 1
  ) -> Images {
    let weight = parameters["\(name).weight"]!
    let (inputs, height, columns) = (x.shape[1], x.shape[2], x.shape[3])
    var y = Images(shape: [x.shape[0], outputs, height / stride, columns / stride])
    /// Calls back with the indices of y, x and weight of every product.
    func products(_ body: (Int, Int, Int) -> Void) {
      let padding = kernel / 2
      for image in 0..<x.shape[0] {
        for output in 0..<outputs {
          for row in 0..<(height / stride) {
            for column in 0..<(columns / stride) {
              let at = ((image * outputs + output) * (height / stride) + row) * (columns / stride) + column
              for input in 0..<inputs {
                for down in 0..<kernel {
                  let from = row * stride + down - padding
                  guard from >= 0, from < height else { continue }
                  for right in 0..<kernel {
                    let across = column * stride + right - padding
                    guard across >= 0, across < columns else { continue }
                    body(
                      at, ((image * inputs + input) * height + from) * columns + across,
                      ((output * inputs + input) * kernel + down) * kernel + right)
                  }
                }
              }
            }
          }
        }
      }
    }
    y.values.withUnsafeMutableBufferPointer { y in
      x.values.withUnsafeBufferPointer { x in
        weight.withUnsafeBufferPointer { w in products { y[$0] += x[$1] * w[$2] } }
      }
    }
    backward.append { network, gradient in
      var (dx, dw) = (Images(shape: x.shape), [Double](repeating: 0, count: weight.count))
      dx.values.withUnsafeMutableBufferPointer { dx in
        dw.withUnsafeMutableBufferPointer { dw in
          gradient.values.withUnsafeBufferPointer { g in
            x.values.withUnsafeBufferPointer { x in
              weight.withUnsafeBufferPointer { w in
                products {
                  dx[$1] += g[$0] * w[$2]
                  dw[$2] += g[$0] * x[$1]
                }
              }
            }
          }
        }
      }
      network.gradients["\(name).weight"] = dw
      return dx
    }
    return y
  }

  /// γ (x − μ)/√(σ² + ε) + β with the batch's mean and biased variance.
  private mutating func norm(_ name: String, _ x: Images) -> Images {
    let (scale, shift) = (parameters["\(name).weight"]!, parameters["\(name).bias"]!)
    let (images, channels, pixels) = (x.shape[0], x.shape[1], x.shape[2] * x.shape[3])
    let count = Double(images * pixels)
    func each(_ channel: Int, _ body: (Int) -> Void) {
      for image in 0..<images {
        let first = (image * channels + channel) * pixels
        for i in first..<(first + pixels) { body(i) }
      }
    }
    var (y, normal) = (x, x)
    var deviations: [Double] = []
    for channel in 0..<channels {
      var (mean, square) = (0.0, 0.0)
      each(channel) { mean += x.values[$0] / count }
      each(channel) { square += (x.values[$0] - mean) * (x.values[$0] - mean) / count }
      let deviation = (square + 1e-5).squareRoot()
      deviations.append(deviation)
      each(channel) {
        normal.values[$0] = (x.values[$0] - mean) / deviation
        y.values[$0] = scale[channel] * normal.values[$0] + shift[channel]
      }
    }
    backward.append { [normal] network, gradient in
      var dx = gradient
      var (dscale, dshift) = (
        [Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels)
      )
      for channel in 0..<channels {
        each(channel) {
          dscale[channel] += gradient.values[$0] * normal.values[$0]
          dshift[channel] += gradient.values[$0]
        }
        each(channel) {
          let centred =
            gradient.values[$0] - dshift[channel] / count - normal.values[$0] * dscale[channel] / count
          dx.values[$0] = scale[channel] / deviations[channel] * centred
        }
      }
      network.gradients["\(name).weight"] = dscale
      network.gradients["\(name).bias"] = dshift
      return dx
    }
    return y
  }

  /// The mean over space.
  private mutating func mean(_ x: Images) -> Images {
    let pixels = x.shape[2] * x.shape[3]
    let y = (0..<(x.shape[0] * x.shape[1])).map { plane in
      x.values[(plane * pixels)..<((plane + 1) * pixels)].reduce(0, +) / Double(pixels)
    }
    backward.append { _, gradient in
      Images(shape: x.shape, values: x.values.indices.map { gradient.values[$0 / pixels] / Double(pixels) })
    }
    return Images(shape: [x.shape[0], x.shape[1], 1, 1], values: y)
  }

  private mutating func classifier(_ x: Images) -> Images {
    let (weight, bias) = (parameters["fc.weight"]!, parameters["fc.bias"]!)
    let (images, inputs, classes) = (x.shape[0], x.shape[1], bias.count)
    var y = Images(shape: [images, classes, 1, 1])
    for image in 0..<images {
      for c in 0..<classes {
        y.values[image * classes + c] = (0..<inputs).reduce(bias[c]) {
          $0 + weight[c * inputs + $1] * x.values[image * inputs + $1]
        }
      }
    }
    backward.append { network, gradient in
      var dx = Images(shape: x.shape)
      var (dweight, dbias) = (
        [Double](repeating: 0, count: weight.count), [Double](repeating: 0, count: classes)
      )
      for image in 0..<images {
        for c in 0..<classes {
          let g = gradient.values[image * classes + c]
          dbias[c] += g
          for i in 0..<inputs {
            dweight[c * inputs + i] += g * x.values[image * inputs + i]
            dx.values[image * inputs + i] += g * weight[c * inputs + i]
          }
        }
      }
      network.gradients["fc.weight"] = dweight
      network.gradients["fc.bias"] = dbias
      return dx
    }
    return y
  }
}

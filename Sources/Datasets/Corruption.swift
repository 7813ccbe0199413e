// Owns making images worse by rules, for outliers and robustness: blur, contrast, permuted patches, noise.
import Foundation
import Tensor

/// What is done to images, in this order: blur, contrast, patches, noise; then they are clipped to [0, 1], and pixels
/// rounded to whole levels.
public struct Corruption: Sendable, Hashable {
  /// The standard deviation of a Gaussian blur, in pixels; 0: none. Beyond the border stands the border's pixel.
  public var blur: Double
  /// What differences from the image's mean are multiplied by; 1: as they are.
  public var contrast: Double
  /// The image is cut into so many by so many patches, which are permuted, anew for each image; 1: as they are.
  public var patches: Int
  /// The standard deviation of Gaussian noise, pixels being in [0, 1]; 0: none.
  public var noise: Double
  /// The share of images that this is done to, drawn by the seed.
  public var share: Double
  public var seed: UInt64

  public init(
    blur: Double = 0, contrast: Double = 1, patches: Int = 1, noise: Double = 0, share: Double = 1,
    seed: UInt64 = 0
  ) {
    self.blur = blur
    self.contrast = contrast
    self.patches = patches
    self.noise = noise
    self.share = share
    self.seed = seed
  }

  /// Whether it leaves images as they are.
  public var isNothing: Bool { (blur == 0 && contrast == 1 && patches == 1 && noise == 0) || share == 0 }
}

extension Half {
  /// The same half with images made worse. A shortcut stays over it: marks are painted later.
  public func corrupted(_ corruption: Corruption) throws -> Half {
    guard description.isImages else {
      throw DatasetError(
        "\(description.name) has samples of shape \(samples.sampleShape); only images can be corrupted")
    }
    if let problem = corruption.problem(withImagesOf: samples.sampleShape) {
      throw DatasetError("\(description.name): \(problem)")
    }
    let index: UInt32 = description.split == .train ? 0 : 1
    let chosen = Philox(seed: corruption.seed, purpose: .corruptedImages, index: index)
      .sample(Int((corruption.share * Double(samples.count)).rounded()), of: samples.count)
    var worker = CorruptionWorker(corruption, shape: samples.sampleShape, index: index)
    let size = samples.sampleSize
    let values: Samples.Values
    switch samples.values {
    case .bytes(let data):
      var out = Data(data)
      out.withUnsafeMutableBytes { pixels in
        for image in chosen {
          let own = UnsafeMutableRawBufferPointer(rebasing: pixels[(image * size)..<((image + 1) * size)])
          for i in 0..<size { worker.image[i] = Float(own[i]) / 255 }
          worker.corrupt(image)
          for i in 0..<size { own[i] = UInt8((worker.image[i] * 255).rounded()) }
        }
      }
      values = .bytes(out)
    case .floats(let tensor):
      values = .floats(
        Tensor(shape: tensor.shape) { out in
          tensor.withUnsafeValues { _ = out.initialize(from: $0) }
          for image in chosen {
            for i in 0..<size { worker.image[i] = out[image * size + i] }
            worker.corrupt(image)
            for i in 0..<size { out[image * size + i] = worker.image[i] }
          }
        })
    }
    var half = Half(
      of: description.dataset, description.split, classes: description.classes,
      classNames: description.classNames,
      samples: Samples(
        values: values, sampleShape: samples.sampleShape, count: samples.count, labels: samples.labels))
    half.description.shortcut = description.shortcut
    return half
  }
}

extension Corruption {
  /// What keeps it from being done to C × H × W images; nil: nothing.
  public func problem(withImagesOf shape: [Int]) -> String? {
    guard shape[1] % patches == 0, shape[2] % patches == 0 else {
      return "\(patches) by \(patches) patches don't divide images of \(shape[1])×\(shape[2]) evenly"
    }
    return nil
  }
}

/// The buffers of one image at a time.
private struct CorruptionWorker {
  let corruption: Corruption
  let (channels, height, width): (Int, Int, Int)
  /// C × H × W.
  var image: [Float]
  private var other: [Float]
  /// Weights of the blur at −r…r.
  private let kernel: [Float]
  private let noise: Philox
  private let patches: Philox

  init(_ corruption: Corruption, shape: [Int], index: UInt32) {
    self.corruption = corruption
    (channels, height, width) = (shape[0], shape[1], shape[2])
    image = [Float](repeating: 0, count: shape.reduce(1, *))
    other = image
    let sigma = corruption.blur
    let radius = Int((3 * sigma).rounded(.up))
    let weights = (-radius...radius).map { offset in
      sigma > 0 ? Elementary.exp(-Double(offset * offset) / (2 * sigma * sigma)) : 1
    }
    let sum = weights.reduce(0, +)
    kernel = weights.map { Float($0 / sum) }
    noise = Philox(seed: corruption.seed, purpose: .corruptionNoise, index: index)
    patches = Philox(seed: corruption.seed, purpose: .corruptionPatches, index: index)
  }

  /// Makes `image` worse; `number` is its index in the half.
  mutating func corrupt(_ number: Int) {
    if corruption.blur > 0 {
      blur(along: 1, length: width)
      blur(along: width, length: height)
    }
    if corruption.contrast != 1 {
      let mean = Float(image.reduce(0.0) { $0 + Double($1) } / Double(image.count))
      let factor = Float(corruption.contrast)
      for i in image.indices { image[i] = mean + factor * (image[i] - mean) }
    }
    if corruption.patches > 1 { permute(number) }
    if corruption.noise > 0 {
      let first = UInt64(number) * UInt64(image.count)
      for i in image.indices { image[i] += Float(corruption.noise * noise.normal(at: first + UInt64(i))) }
    }
    for i in image.indices { image[i] = min(1, max(0, image[i])) }
  }

  /// Blurs lines of `length` pixels that lie `step` apart.
  private mutating func blur(along step: Int, length: Int) {
    let radius = kernel.count / 2
    for i in image.indices {
      let place = i / step % length
      let line = i - place * step
      var sum: Float = 0
      for (tap, weight) in kernel.enumerated() {
        sum += weight * image[line + min(length - 1, max(0, place + tap - radius)) * step]
      }
      other[i] = sum
    }
    swap(&image, &other)
  }

  private mutating func permute(_ number: Int) {
    let side = corruption.patches
    let (rows, columns) = (height / side, width / side)
    var order = Array(0..<(side * side))
    // The counters of one image: as many as it has patches.
    for i in stride(from: order.count - 1, to: 0, by: -1) {
      order.swapAt(i, patches.integer(at: UInt64(number * order.count + i), below: i + 1))
    }
    for channel in 0..<channels {
      for (target, source) in order.enumerated() {
        for row in 0..<rows {
          let to = (channel * height + target / side * rows + row) * width + target % side * columns
          let from = (channel * height + source / side * rows + row) * width + source % side * columns
          for column in 0..<columns { other[to + column] = image[from + column] }
        }
      }
    }
    swap(&image, &other)
  }
}

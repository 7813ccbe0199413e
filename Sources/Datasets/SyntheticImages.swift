// Owns the built-in dataset: procedural images whose class is a kind of texture. Colour, contrast, phase, place
// and scale are drawn anew for every image, so that no pixel's mean tells the class and only features of
// neighbouring pixels do. Only exact operations (+ − × ÷ √) are used: every machine draws the same bytes.
import Foundation
import Tensor

/// Ten classes of 32 × 32 RGB textures, invariant to horizontal flips. The classes are balanced.
public struct SyntheticImages: Sendable, Hashable, Codable {
  public var train: Int
  public var test: Int
  public var seed: UInt64
  /// Scales noise, and how many images fade; 1 is meant for small networks, 0 has neither.
  public var difficulty: Double

  public init(train: Int = 4000, test: Int = 1000, seed: UInt64 = 0, difficulty: Double = 1) {
    self.train = train
    self.test = test
    self.seed = seed
    self.difficulty = difficulty
  }

  /// Draws the images. Training and test images come from two streams of one seed.
  public func dataset() -> Dataset {
    func samples(_ count: Int, _ stream: Philox) -> Samples? {
      guard count > 0 else { return nil }
      var pixels = Data(count: count * 3 * Self.side * Self.side)
      pixels.withUnsafeMutableBytes { raw in
        for image in 0..<count {
          let out = UnsafeMutableRawBufferPointer(rebasing: raw[(image * raw.count / count)...])
          draw(label: image % 10, stream: stream, image: image, into: out)
        }
      }
      return Samples(
        values: .bytes(pixels), sampleShape: [3, Self.side, Self.side], count: count,
        labels: (0..<count).map { Int32($0 % 10) })
    }
    return Dataset(
      name: "synthetic", classes: 10,
      train: samples(train, Philox(seed: seed, purpose: .syntheticTraining)),
      test: samples(test, Philox(seed: seed, purpose: .syntheticTest)))
  }

  static let side = 32

  private func draw(label: Int, stream: Philox, image: Int, into out: UnsafeMutableRawBufferPointer) {
    var draws = Draws(stream: stream, image: image)
    let texture = Texture(label: label, draws: &draws)
    // Sum and difference of two colours. The difference's sign is random: contrast alone tells nothing.
    // A quarter of the images fade, some to nothing: that keeps the best network from being always right.
    let fading = Float(0.25 * difficulty)
    let fade = draws.uniform(0, 1)
    let contrast = draws.uniform(0.4, 0.8) * (fade < fading ? fade / fading : 1)
    let middle = SIMD3(draws.uniform(0.35, 0.65), draws.uniform(0.35, 0.65), draws.uniform(0.35, 0.65))
    let difference =
      contrast * 0.35 * draws.sign()
      * SIMD3(draws.uniform(0.4, 1), draws.uniform(0.4, 1), draws.uniform(0.4, 1))
    let shade = SIMD2(draws.uniform(-0.2, 0.2), draws.uniform(-0.2, 0.2))
    let noise = Float(difficulty) * draws.uniform(0.025, 0.175)

    let side = Self.side
    for y in 0..<side {
      for x in 0..<side {
        let point = SIMD2(Float(x) + 0.5, Float(y) + 0.5) / Float(side) - 0.5
        let light = (shade * point).sum()
        let colour = middle + difference * texture.value(at: point) + light
        let grain = draws.grain()
        let pixel = (colour + noise * grain).clamped(
          lowerBound: SIMD3(repeating: 0), upperBound: SIMD3(repeating: 1))
        for channel in 0..<3 {
          out[(channel * side + y) * side + x] = UInt8((pixel[channel] * 255).rounded())
        }
      }
    }
  }
}

/// Draws in order within one image's own range of counters.
private struct Draws {
  let stream: Philox
  var counter: UInt64

  init(stream: Philox, image: Int) {
    self.stream = stream
    counter = UInt64(image) << 16
  }

  mutating func four() -> SIMD4<Float> {
    defer { counter += 1 }
    return SIMD4<Float>(stream.words(at: counter) &>> 8) * 0x1p-24
  }

  /// Three independent numbers, each the sum of two uniforms around 0, with standard deviation 1/√3.
  mutating func grain() -> SIMD3<Float> {
    let words = stream.words(at: counter)
    counter += 1
    let low = SIMD3<Float>(SIMD3(words[0] & 0xffff, words[1] & 0xffff, words[2] & 0xffff))
    let high = SIMD3<Float>(SIMD3(words[0] >> 16, words[1] >> 16, words[2] >> 16))
    return ((low + high) * 0x1p-16 - 1) * Float(2).squareRoot()
  }

  mutating func uniform(_ low: Float, _ high: Float) -> Float { low + (high - low) * four()[0] }

  mutating func sign() -> Float { four()[0] < 0.5 ? -1 : 1 }

  /// A unit vector at most `tilt` (a tangent of half the angle) off (1, 0).
  mutating func direction(tilt: Float) -> SIMD2<Float> {
    let t = uniform(-tilt, tilt)
    return SIMD2(1 - t * t, 2 * t) / (1 + t * t)
  }
}

/// A texture with values of about −1…1 at points of the unit square around 0.
private struct Texture {
  private let label: Int
  private let axis: SIMD2<Float>
  private let cycles: SIMD2<Float>
  private let phase: SIMD4<Float>
  private let centre: SIMD2<Float>
  private let hand: Float
  private let directions: [SIMD2<Float>]

  init(label: Int, draws: inout Draws) {
    self.label = label
    // About ±6° off the axis; the diagonals of classes 2 and 4 take it too.
    axis = draws.direction(tilt: 0.05)
    cycles = SIMD2(draws.uniform(2.5, 5), draws.uniform(2.5, 5))
    phase = draws.four()
    centre = SIMD2(draws.uniform(-0.3, 0.3), draws.uniform(-0.3, 0.3))
    hand = draws.sign()
    directions = (0..<4).map { _ in draws.direction(tilt: 1) }
  }

  func value(at point: SIMD2<Float>) -> Float {
    let across = (axis * point).sum()
    let down = axis[0] * point[1] - axis[1] * point[0]
    // Along the two diagonals.
    let rising = (across + down) * Float(0.5).squareRoot()
    let falling = (across - down) * Float(0.5).squareRoot()
    let from = point - centre
    let radius = (from * from).sum().squareRoot()
    let f = cycles[0]
    switch label {
    case 0: return wave(f * down + phase[0])  // horizontal stripes
    case 1: return wave(f * across + phase[0])  // vertical stripes
    case 2: return wave(f * (hand > 0 ? rising : falling) + phase[0])  // diagonal stripes, either way
    case 3: return 1.4 * wave(f * across + phase[0]) * wave(f * down + phase[1])  // checks
    case 4: return 1.4 * wave(f * rising + phase[0]) * wave(f * falling + phase[1])  // checks on a corner
    case 5: return wave(f * radius + phase[0])  // rings
    case 6: return spokes(from, radius, turn: phase[0])  // spokes
    case 7:  // a spiral of either hand: spokes whose turn grows outwards
      return spokes(from, radius, turn: phase[0] + hand * cycles[1] * radius)
    case 8:  // spots on a lattice
      let sum = wave(f * across + phase[0]) + wave(f * down + phase[1])
      return sum > 0.6 ? 1 : -0.6
    default:  // clouds: waves in four directions
      var sum: Float = 0
      for (index, direction) in directions.enumerated() {
        sum += wave(cycles[index & 1] * (direction * point).sum() + phase[index])
      }
      return 0.7 * sum
    }
  }

  /// cos(3θ + 2π·turn), from the third power of a unit vector.
  private func spokes(_ from: SIMD2<Float>, _ radius: Float, turn: Float) -> Float {
    let z = from / max(radius, 0.02)
    let square = SIMD2(z[0] * z[0] - z[1] * z[1], 2 * z[0] * z[1])
    let cube = SIMD2(square[0] * z[0] - square[1] * z[1], square[0] * z[1] + square[1] * z[0])
    return cube[0] * wave(turn + 0.25) - cube[1] * wave(turn)
  }
}

/// A wave of period 1 and amplitude 1 from parabolas: sin(2πt) to within 0.06.
private func wave(_ t: Float) -> Float {
  let f = t - t.rounded(.down)
  return f < 0.5 ? 16 * f * (0.5 - f) : -16 * (f - 0.5) * (1 - f)
}

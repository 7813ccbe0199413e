// Owns the shapes of what networks take and make, without the batch. It deliberately doesn't know layouts in memory.

/// The size of an image: channels × height × width.
public struct ImageShape: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The number of colour planes.
  public var channels: Int
  /// Pixels from top to bottom.
  public var height: Int
  /// Pixels from left to right.
  public var width: Int

  /// A shape of the given extents.
  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// The number of values in one image.
  public var count: Int { channels * height * width }
  /// `3×32×32`
  public var description: String { "\(channels)×\(height)×\(width)" }
}

/// The shape of activations of one example.
public enum ActivationShape: Sendable, Hashable, Codable, CustomStringConvertible {
  /// C × H × W.
  case image(ImageShape)
  /// T × D: so many tokens, each a vector of that width.
  case tokens(count: Int, width: Int)
  /// D.
  case vector(Int)

  /// The shape of an array with these extents, samples left out: three are an image's, two are tokens', one is a
  /// vector's; nil for any other number.
  public init?(extents: [Int]) {
    switch extents.count {
    case 3: self = .image(ImageShape(channels: extents[0], height: extents[1], width: extents[2]))
    case 2: self = .tokens(count: extents[0], width: extents[1])
    case 1: self = .vector(extents[0])
    default: return nil
    }
  }

  /// The extents of an array: C, H, W; T, D; or D.
  public var extents: [Int] {
    switch self {
    case .image(let shape): [shape.channels, shape.height, shape.width]
    case .tokens(let count, let width): [count, width]
    case .vector(let length): [length]
    }
  }

  /// The number of values.
  public var count: Int { extents.reduce(1, *) }

  /// What a 1×1 convolution or a linear map mixes: an image's channels, the width of tokens, a vector's length.
  public var features: Int {
    switch self {
    case .image(let shape): shape.channels
    case .tokens(_, let width): width
    case .vector(let length): length
    }
  }

  /// How many vectors of features there are: pixels, tokens, or one.
  public var positions: Int { count / max(features, 1) }

  /// Whether a position's features lie together: tokens are positions × features, images features × positions.
  public var featuresLast: Bool {
    if case .tokens = self { true } else { false }
  }

  /// `64×8×8`, `65 tokens × 192`, `512`
  public var description: String {
    switch self {
    case .image(let shape): shape.description
    case .tokens(let count, let width): "\(count) tokens × \(width)"
    case .vector(let length): "\(length)"
    }
  }

  /// Whether a stitching layer can map this to another shape.
  public func canBeMapped(to other: ActivationShape) -> Bool { atPositions(of: other) != nil }

  /// The rule of `canBeMapped`, for messages.
  public static let mapping =
    "a map takes images, tokens and vectors to vectors, and images and tokens to each other; tokens of another number "
    + "must be a class token and a square grid; a vector has no positions to give"
}

// Owns what a network looks like: its name, its cuts and its parameters' shapes. It deliberately doesn't
// know parameter values or how anything is computed.

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

/// Where a network can be cut (some papers say hook point).
public struct Cut: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The place's name, `stage1.0` for instance.
  public let name: String

  /// The cut of that name; whether an architecture has it shows only there.
  public init(_ name: String) { self.name = name }

  /// The name.
  public var description: String { name }
}

/// A network's layers, by name: `small_cnn`, or a CIFAR ResNet of depth 6n+2 (`resnet20`).
public struct Architecture: Sendable, Hashable, Codable {
  /// The name that chose the layers.
  public let name: String
  /// The images it takes, with values in [0, 1].
  public let input: ImageShape
  /// The number of logits.
  public let classes: Int
  /// Channels of the first layer; later ones are multiples of it.
  public let width: Int

  /// The architecture of that name.
  /// - Throws: `NetworkError` that lists the known names, or says which size can't be.
  public init(name: String, input: ImageShape, classes: Int, width: Int = 16) throws {
    guard Architecture.isKnown(name) else {
      throw NetworkError("unknown architecture '\(name)'. Known: \(Architecture.knownNames)")
    }
    guard classes >= 2 else { throw NetworkError("\(name): \(classes) classes; at least 2 are needed") }
    guard (1...1024).contains(width) else {
      throw NetworkError("\(name): width \(width) isn't between 1 and 1024")
    }
    guard input.channels >= 1, input.height >= 8, input.width >= 8 else {
      throw NetworkError("\(name): images of \(input) are too small; at least 1×8×8 is needed")
    }
    self.name = name
    self.input = input
    self.classes = classes
    self.width = width
  }

  /// Whether there is an architecture of that name.
  public static func isKnown(_ name: String) -> Bool { Family(name) != nil }

  /// The names that are usual.
  public static let usualNames = [
    "small_cnn", "resnet8", "resnet14", "resnet20", "resnet32", "resnet44", "resnet56",
  ]

  /// What `name` may be.
  public static let knownNames = usualNames.joined(separator: ", ") + " (any 6n+2)"

  /// Where it can be cut, from input to output; the last one comes before the classifier.
  public var cuts: [Cut] { layers.nodes.compactMap(\.cut) }

  /// The cut of that name.
  /// - Throws: `NetworkError` that lists the cuts there are.
  public func cut(named name: String) throws -> Cut {
    guard cuts.contains(Cut(name)) else {
      let known = cuts.map(\.name).joined(separator: ", ")
      throw NetworkError("\(self.name) has no cut '\(name)'. It has: \(known)")
    }
    return Cut(name)
  }

  /// The shape of the activations at a cut, C×H×W or a length, without the batch.
  /// - Throws: `NetworkError` that lists the cuts there are.
  public func shape(at cut: Cut) throws -> [Int] {
    _ = try self.cut(named: cut.name)
    return layers.nodes.first { $0.cut == cut }!.shape
  }

  /// Names (torchvision's) and shapes of everything a model of this architecture must have: parameters and
  /// running statistics, in the order of the layers.
  public var parameterShapes: [(name: String, shape: [Int])] {
    layers.parameters.map { ($0.name, $0.shape) }
  }

  /// Throws unless these are the shapes of the parameters and running statistics of a model of this architecture, all of
  /// them and no others. PyTorch's `num_batches_tracked` counters don't matter.
  public func requireParameters(_ shapes: [String: [Int]]) throws {
    let wanted = parameterShapes
    for (name, shape) in wanted {
      guard let found = shapes[name] else {
        throw NetworkError("\(self.name): parameter '\(name)' \(shape) is missing")
      }
      guard found == shape else {
        throw NetworkError("\(self.name): parameter '\(name)' has shape \(found); it should be \(shape)")
      }
    }
    let extra = Set(shapes.keys.filter { !$0.hasSuffix("num_batches_tracked") })
      .subtracting(wanted.map(\.name)).sorted()
    guard let first = extra.first else { return }
    throw NetworkError(
      "\(name) has no parameter '\(first)'"
        + (extra.count > 1 ? " (and \(extra.count - 1) others that aren't its own)" : "")
        + ". Is it another architecture?")
  }

  /// The layers from image to logits.
  var layers: LayerGraph {
    var graph = LayerGraph(input: [input.channels, input.height, input.width])
    switch Family(name)! {
    case .smallCNN: graph.appendSmallCNN(width: width, classes: classes)
    case .resNet(let blocks): graph.appendResNet(blocks: blocks, width: width, classes: classes)
    }
    return graph
  }
}

/// The families of architectures, as their names tell them.
private enum Family {
  case smallCNN
  case resNet(blocks: Int)

  init?(_ name: String) {
    if name == "small_cnn" {
      self = .smallCNN
    } else if name.hasPrefix("resnet"), let depth = Int(name.dropFirst(6)), depth >= 8, depth <= 1202,
      depth % 6 == 2, name == "resnet\(depth)"
    {
      self = .resNet(blocks: (depth - 2) / 6)
    } else {
      return nil
    }
  }
}

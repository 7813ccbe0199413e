// Owns how networks are put together from segments. It deliberately doesn't know how they are computed;
// that is compiled into plans.

/// How the batch norms of a segment get mean and variance.
public enum BatchNormStatistics: String, Sendable, Hashable, Codable, CaseIterable {
  /// The model's running statistics.
  case running
  /// Those of the batch.
  case batch
  /// Those of the batch, which also move the running ones (momentum 0.1).
  case batchAndUpdate = "batch_and_update"
}

/// A part of a network: layers with their live parameters.
public struct Segment {
  /// The live values; segments and plans may share them.
  public let parameters: ParameterSet
  /// Whether parameters get no gradients.
  public var frozen: Bool
  /// How batch norms get their statistics.
  public var statistics: BatchNormStatistics

  let layers: LayerGraph
  /// The nodes of `layers` behind which it starts and with which it ends; nil: its input, its output.
  let start: Int?
  let end: Int?
  let standardisation: Standardisation?
  let name: String

  /// The part of a model behind one cut (nil: from the image) up to another (nil: to the logits).
  /// - Parameter parameters: live values to share; nil makes a copy of the model's.
  /// - Throws: `NetworkError` where the architecture lacks a cut, or the second doesn't come after the first.
  public static func model(
    _ model: Model, after: Cut? = nil, through: Cut? = nil, frozen: Bool = true,
    statistics: BatchNormStatistics = .running, parameters: ParameterSet? = nil
  ) throws -> Segment {
    let layers = model.architecture.layers
    func node(_ cut: Cut?) throws -> Int? {
      guard let cut else { return nil }
      _ = try model.architecture.cut(named: cut.name)
      return layers.nodes.firstIndex { $0.cut == cut }
    }
    let start = try node(after)
    let end = try node(through)
    if let start, let end, start > end {
      throw NetworkError("\(model.architecture.name): cut '\(through!)' doesn't come after '\(after!)'")
    }
    return Segment(
      parameters: parameters ?? ParameterSet(model), frozen: frozen, statistics: statistics,
      layers: layers, start: start, end: end, standardisation: model.standardisation,
      name: model.architecture.name)
  }

  /// A stitching layer: a resize where sizes differ, then a 1×1 convolution; or a linear map of vectors.
  /// - Parameter parameters: live values to share; nil makes a copy of the map's.
  public static func map(
    _ map: StitchingLayer, frozen: Bool = false, parameters: ParameterSet? = nil
  ) -> Segment {
    Segment(
      parameters: parameters ?? ParameterSet(map), frozen: frozen, statistics: .running,
      layers: map.layers, start: nil, end: nil, standardisation: nil, name: "stitching layer")
  }

  /// What brings activations to the positions of others by itself, without parameters.
  /// - Throws: `NetworkError` where nothing says how.
  public static func positions(of input: ActivationShape, at other: ActivationShape) throws -> Segment {
    guard input.canBeMapped(to: other) else {
      throw NetworkError("\(input) at the positions of \(other): \(ActivationShape.mapping)")
    }
    var layers = LayerGraph(input: input.extents)
    _ = layers.appendPositions(of: other, layers.input)
    return Segment(
      parameters: ParameterSet.none, frozen: true, statistics: .running, layers: layers, start: nil, end: nil,
      standardisation: nil, name: "positions")
  }

  /// What it takes, without the batch.
  public var inputShape: ActivationShape { layers.activationShape(start ?? 0) }
  /// What it makes, without the batch.
  public var outputShape: ActivationShape { layers.activationShape(end ?? layers.nodes.count - 1) }
}

/// A value inside a network that a plan exposes, and where gradients may be added.
public struct TapPoint: Sendable, Hashable {
  /// The index of the segment.
  public var segment: Int
  /// A cut of that segment's model; nil: the segment's output.
  public var cut: Cut?

  /// The activations at a cut inside a segment.
  public static func cut(_ cut: Cut, segment: Int) -> TapPoint { TapPoint(segment: segment, cut: cut) }
  /// What a segment makes; of the last one, what the network makes.
  public static func output(segment: Int) -> TapPoint { TapPoint(segment: segment, cut: nil) }
}

/// Which gradients a plan computes.
public struct Wants: Sendable, Hashable {
  /// That of the network's input.
  public var input: Bool
  /// Those of all parameters of segments that aren't frozen.
  public var parameters: Bool

  /// The chosen gradients.
  public init(input: Bool = false, parameters: Bool = false) {
    self.input = input
    self.parameters = parameters
  }

  /// Forward only.
  public static let nothing = Wants()
}

/// Segments in a row, each fed by the one before.
public struct Network {
  /// The segments from input to output.
  public let segments: [Segment]

  /// A network of the given segments.
  /// - Throws: `NetworkError` where one doesn't take what the one before makes.
  public init(segments: [Segment]) throws {
    guard !segments.isEmpty else { throw NetworkError("a network needs at least one segment") }
    for (a, b) in zip(segments, segments.dropFirst()) where a.outputShape != b.inputShape {
      throw NetworkError(
        "\(a.name) makes \(a.outputShape), but \(b.name) behind it takes \(b.inputShape)")
    }
    self.segments = segments
  }

  /// The whole of one model.
  public init(
    _ model: Model, frozen: Bool = true, statistics: BatchNormStatistics = .running,
    parameters: ParameterSet? = nil
  ) throws {
    try self.init(segments: [
      .model(model, frozen: frozen, statistics: statistics, parameters: parameters)
    ])
  }

  /// The same network over the same live parameters, all frozen and with running statistics: what is
  /// evaluated and attacked.
  public var evaluating: Network { frozen(.running) }

  /// The same network over the same live parameters, all frozen and with the batch's statistics, which don't move the
  /// running ones.
  var withBatchStatistics: Network { frozen(.batch) }

  private func frozen(_ statistics: BatchNormStatistics) -> Network {
    var copies = segments
    for index in copies.indices {
      copies[index].frozen = true
      copies[index].statistics = statistics
    }
    return Network(checked: copies)
  }

  private init(checked segments: [Segment]) { self.segments = segments }

  /// What it takes, without the batch.
  public var inputShape: ActivationShape { segments[0].inputShape }
  /// What it makes, without the batch.
  public var outputShape: ActivationShape { segments.last!.outputShape }
  /// The tap of what it makes.
  public var output: TapPoint { .output(segment: segments.count - 1) }
}

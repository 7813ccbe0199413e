// Owns running a frozen model over images a few at a time, always as many, so that an image's values don't depend
// on which others are asked for. It deliberately doesn't keep anything.

/// A point of a model whose values are looked at.
public enum ModelPoint: Sendable, Hashable, CustomStringConvertible {
  /// The activations at a cut.
  case cut(Cut)
  /// What the whole model makes.
  case logits

  public var description: String {
    switch self {
    case .cut(let cut): cut.name
    case .logits: "logits"
    }
  }
}

extension Architecture {
  /// The point of that name: `logits`, or a cut.
  /// - Throws: `NetworkError` that lists the cuts there are.
  public func point(named name: String) throws -> ModelPoint {
    name == ModelPoint.logits.description ? .logits : .cut(try cut(named: name))
  }

  /// The shape of the values at a point, without the batch.
  /// - Throws: `NetworkError` that lists the cuts there are.
  public func shape(at point: ModelPoint) throws -> ActivationShape {
    switch point {
    case .cut(let cut): try shape(at: cut)
    case .logits: .vector(classes)
    }
  }
}

/// A model with running statistics, compiled as far as the last of the points that are wanted.
package final class FrozenNetwork {
  /// How many images are computed at a time. It decides no bit, but a plan of another batch might.
  package static let group = 64
  /// The wanted points.
  package let points: [ModelPoint]
  /// The values of one image at each point.
  package let sizes: [Int]
  private let plan: Plan
  private let taps: [TapPoint]
  private let imageSize: Int
  private let name: String

  package init(_ model: Model, at points: [ModelPoint]) throws {
    let cuts = model.architecture.cuts
    let depths = try points.map { point in
      guard case .cut(let cut) = point else { return cuts.count }
      return cuts.firstIndex(of: try model.architecture.cut(named: cut.name))!
    }
    let last = depths.max() ?? 0
    let network = try Network(segments: [.model(model, through: last < cuts.count ? cuts[last] : nil)])
    taps = points.map {
      if case .cut(let cut) = $0 { .cut(cut, segment: 0) } else { network.output }
    }
    plan = try network.compile(batch: Self.group, taps: taps)
    self.points = points
    sizes = try points.map { try model.architecture.shape(at: $0).count }
    imageSize = model.architecture.input.count
    name = model.architecture.name
  }

  /// Computes `count` images (count × C × H × W). `body` is given each one's number and its values at the points.
  /// - Throws: `NetworkError` naming the point and the image whose values aren't finite.
  package func compute(
    _ images: UnsafeBufferPointer<Float>, count: Int, number: (Int) -> Int = { $0 },
    body: (Int, [UnsafeBufferPointer<Float>]) throws -> Void
  ) throws {
    for start in stride(from: 0, to: count, by: Self.group) {
      let rows = min(Self.group, count - start)
      _ = plan.input.update(
        fromContentsOf: images[(start * imageSize)..<((start + rows) * imageSize)])
      try plan.forward()
      let values = taps.map { plan.value(of: $0) }
      for row in 0..<rows {
        let parts = zip(values, sizes).map {
          UnsafeBufferPointer(rebasing: $0[(row * $1)..<((row + 1) * $1)])
        }
        for (part, point) in zip(parts, points) {
          guard let wrong = firstNotFinite(part) else { continue }
          throw NetworkError(
            "\(name)'s value \(wrong) at '\(point)' for image \(number(start + row)) is \(part[wrong]), not a "
              + "finite number")
        }
        try body(start + row, parts)
      }
    }
  }
}

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

/// A point of a model, and whose positions its values are kept at.
package struct FrozenPoint: Hashable {
  package let point: ModelPoint
  /// The shape at whose positions the values are, one that `ActivationShape.atPositions` knows; nil: at their own.
  package let positions: ActivationShape?

  package init(_ point: ModelPoint, at positions: ActivationShape? = nil) {
    self.point = point
    self.positions = positions
  }

  /// The shape of the values of a model, without the batch.
  /// - Throws: `NetworkError` that lists the cuts there are.
  package func shape(in architecture: Architecture) throws -> ActivationShape {
    let own = try architecture.shape(at: point)
    return positions.map { own.atPositions(of: $0)! } ?? own
  }
}

/// A model with running statistics, compiled as far as the last of the points that are wanted.
package final class FrozenNetwork {
  /// How many images are computed at a time. It decides no bit, but a plan of another batch might.
  package static let group = 64
  /// The wanted points.
  package let points: [FrozenPoint]
  private let plan: Plan
  private let taps: [Tap]
  private let imageSize: Int
  private let name: String

  private struct Tap {
    let place: TapPoint
    let shape: ActivationShape
    /// Moves the values to other positions.
    let moving: (plan: Plan, from: Junction, to: Junction)?
  }

  package init(_ model: Model, at points: [FrozenPoint]) throws {
    let architecture = model.architecture
    let cuts = architecture.cuts
    let depths = try points.map { point in
      guard case .cut(let cut) = point.point else { return cuts.count }
      return cuts.firstIndex(of: try architecture.cut(named: cut.name))!
    }
    let last = depths.max() ?? 0
    let network = try Network(segments: [.model(model, through: last < cuts.count ? cuts[last] : nil)])
    var joints = PlanJoints()
    joints.keepsOrder = true
    taps = try points.map { point in
      let place =
        if case .cut(let cut) = point.point { TapPoint.cut(cut, segment: 0) } else { network.output }
      let (own, shape) = (try architecture.shape(at: point.point), try point.shape(in: architecture))
      guard own != shape else { return Tap(place: place, shape: shape, moving: nil) }
      var moving = PlanJoints()
      moving.room = joints.room
      moving.input = Junction(own, batch: Self.group, hasGradient: false)
      moving.output = Junction(shape, batch: Self.group, hasGradient: false)
      let plan = try Network(segments: [.positions(of: own, at: shape)]).compile(
        batch: Self.group, taps: [], joints: moving)
      return Tap(place: place, shape: shape, moving: (plan, moving.input!, moving.output!))
    }
    plan = try network.compile(batch: Self.group, taps: taps.map(\.place), joints: joints)
    self.points = points
    imageSize = architecture.input.count
    name = architecture.name
  }

  /// Computes `count` images (count × C × H × W). `body` is given each one's number and its values at the points, in the
  /// order of `KeptOrder`.
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
      let values = try taps.map { tap in
        guard let (plan, from, to) = tap.moving else { return plan.value(of: tap.place) }
        _ = from.values.update(fromContentsOf: self.plan.value(of: tap.place))
        try plan.forward()
        return UnsafeBufferPointer(to.values)
      }
      for row in 0..<rows {
        let parts = zip(values, taps).map { values, tap in
          UnsafeBufferPointer(rebasing: values[(row * tap.shape.count)..<((row + 1) * tap.shape.count)])
        }
        for (part, (point, tap)) in zip(parts, zip(points, taps)) {
          guard let wrong = firstNotFinite(part) else { continue }
          throw NetworkError(
            "\(name)'s value \(KeptOrder(tap.shape).rowMajor(wrong)) at '\(point.point)' for image "
              + "\(number(start + row)) is \(part[wrong]), not a finite number")
        }
        try body(start + row, parts)
      }
    }
  }
}

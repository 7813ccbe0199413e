// Owns the one pass over the samples of closed forms that makes the row statistics of many pairs of cuts: what a front's
// cut or an end's contributes is made once for all pairs, and each pair adds the products of its own.
//
// Where a front's image is smaller than the end's, U resizes it. A product of its rows with others is (UX)ᵀY = Xᵀ(UᵀY),
// since the resize is linear, and likewise (UX)ᵀ(UX) = Xᵀ(UᵀUX): so the sums are over the positions of the front. What a
// resize gives at one position adds up to one, so that U·1 = 1. All of it is in Double.
import CKernels
import NeuralNetworks
import Tensor

/// Row statistics of stitches of the same two networks, over the same images.
struct StatisticsPass {
  /// By stitch.
  let statistics: [RowStatistics]

  /// - Parameter indices: the images, in their order.
  init(
    _ stitches: [Stitch], over indices: [Int], of images: ActivationCache, isCancelled: () -> Bool
  ) throws {
    var fronts: [FrontSums] = []
    var ends: [EndSums] = []
    var pairs: [PairSums] = []
    func place<T>(_ all: inout [T], where holds: (T) -> Bool, make: () throws -> T) rethrows -> Int {
      if let known = all.firstIndex(where: holds) { return known }
      all.append(try make())
      return all.count - 1
    }
    let places = try stitches.map { stitch in
      let grows = stitch.inputGrows
      let point = FrozenPoint(
        .cut(stitch.from), at: grows || stitch.input == stitch.inputAtOutput ? nil : stitch.output)
      let resize = grows ? ImageGrowth(stitch.input, stitch.output) : nil
      let front = try place(&fronts, where: { $0.point == point && $0.growth == resize }) {
        FrontSums(point, try point.shape(in: stitch.front.architecture), resize)
      }
      let end = place(&ends, where: { $0.cut == stitch.to && $0.growth == resize }) {
        EndSums(stitch.to, stitch.output, resize)
      }
      return place(&pairs, where: { $0.front === fronts[front] && $0.end === ends[end] }) {
        PairSums(fronts[front], ends[end])
      }
    }
    let frontPoints = fronts.map(\.point).reduce(into: [FrozenPoint]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    let cuts = ends.map(\.cut).reduce(into: [Cut]()) { if !$0.contains($1) { $0.append($1) } }
    let wanted = [
      (model: stitches[0].front, points: frontPoints),
      (model: stitches[0].end, points: cuts.map { FrozenPoint(.cut($0)) }),
    ]
    for start in stride(from: 0, to: indices.count, by: FrozenNetwork.group) {
      if isCancelled() { throw CancellationError() }
      let group = Array(indices[start..<min(start + FrozenNetwork.group, indices.count)])
      let rows = try images.rows(of: wanted, for: group)
      for first in stride(from: 0, to: group.count, by: CutRows.images) {
        let part = first..<min(first + CutRows.images, group.count)
        let (fronts, ends, pairs) = (fronts, ends, pairs)
        Team.forEach(fronts.count + ends.count) { piece, _ in
          if piece < fronts.count {
            let front = fronts[piece]
            front.add(Array(rows[0][frontPoints.firstIndex(of: front.point)!][part]))
          } else {
            let end = ends[piece - fronts.count]
            end.add(Array(rows[1][cuts.firstIndex(of: end.cut)!][part]))
          }
        }
        Team.forEach(pairs.count) { piece, _ in pairs[piece].add() }
      }
    }
    let statistics = pairs.map { $0.statistics(images: indices.count) }
    self.statistics = places.map { statistics[$0] }
  }
}

/// Sizes that a resize goes from and to.
private struct ImageGrowth: Equatable {
  let from: (height: Int, width: Int)
  let to: (height: Int, width: Int)
  let rows: Interpolation
  let columns: Interpolation

  init(_ from: ActivationShape, _ to: ActivationShape) {
    guard case .image(let small) = from, case .image(let large) = to else {
      preconditionFailure("BUG: \(from) doesn't grow to \(to)")
    }
    self.from = (small.height, small.width)
    self.to = (large.height, large.width)
    rows = Interpolation(from: small.height, to: large.height)
    columns = Interpolation(from: small.width, to: large.width)
  }

  static func == (a: ImageGrowth, b: ImageGrowth) -> Bool { a.from == b.from && a.to == b.to }

  /// UᵀY of one plane; `half` has room for the target's height × the source's width.
  func adjoint(
    _ y: UnsafePointer<Double>, into x: UnsafeMutablePointer<Double>, _ half: UnsafeMutablePointer<Double>
  ) {
    half.update(repeating: 0, count: to.height * from.width)
    for i in 0..<to.height {
      for (j, tap) in columns.taps.enumerated() {
        let value = y[i * to.width + j]
        half[i * from.width + tap.index0] += Double(tap.weight0) * value
        half[i * from.width + tap.index1] += Double(tap.weight1) * value
      }
    }
    x.update(repeating: 0, count: from.height * from.width)
    for (i, tap) in rows.taps.enumerated() {
      for j in 0..<from.width {
        let value = half[i * from.width + j]
        x[tap.index0 * from.width + j] += Double(tap.weight0) * value
        x[tap.index1 * from.width + j] += Double(tap.weight1) * value
      }
    }
  }

  /// UX of one plane.
  func apply(
    _ x: UnsafePointer<Double>, into y: UnsafeMutablePointer<Double>, _ half: UnsafeMutablePointer<Double>
  ) {
    for (i, tap) in rows.taps.enumerated() {
      for j in 0..<from.width {
        half[i * from.width + j] =
          Double(tap.weight0) * x[tap.index0 * from.width + j]
          + Double(tap.weight1) * x[tap.index1 * from.width + j]
      }
    }
    for i in 0..<to.height {
      for (j, tap) in columns.taps.enumerated() {
        y[i * to.width + j] =
          Double(tap.weight0) * half[i * from.width + tap.index0]
          + Double(tap.weight1) * half[i * from.width + tap.index1]
      }
    }
  }
}

/// The rows of one cut for a few images: features × (images · positions) Doubles.
private final class CutRows {
  /// How many images at a time. It decides in which order sums are added.
  static let images = 16
  let features: Int
  let positions: Int
  let values: UnsafeMutablePointer<Double>
  /// Of the images that are there.
  var columns = 0

  init(features: Int, positions: Int) {
    self.features = features
    self.positions = positions
    values = .allocate(capacity: features * positions * Self.images)
    values.initialize(repeating: 0, count: features * positions * Self.images)
  }

  deinit { values.deallocate() }

  /// From one row to the next.
  var stride: Int { positions * Self.images }

  func plane(_ feature: Int, _ image: Int) -> UnsafeMutablePointer<Double> {
    values + feature * stride + image * positions
  }

  /// sums += the products of this one's rows with another's.
  func addProducts(with other: CutRows, to sums: inout [Double]) {
    sums.withUnsafeMutableBufferPointer {
      kernels_add_products(
        Int64(columns), Int64(features), values, Int64(stride), Int64(other.features), other.values,
        Int64(other.stride), $0.baseAddress!)
    }
  }

  /// Takes in images' values.
  func fill(_ rows: [FrozenRow], _ shape: ActivationShape, _ scratch: UnsafeMutablePointer<Float>) {
    let order = KeptOrder(shape)
    for (image, row) in rows.enumerated() {
      order.writeRowMajor(row.values, to: scratch)
      let (perFeature, perPosition) = shape.featuresLast ? (1, shape.features) : (shape.positions, 1)
      for feature in 0..<shape.features {
        let out = plane(feature, image)
        for i in 0..<shape.positions { out[i] = Double(scratch[feature * perFeature + i * perPosition]) }
      }
    }
    columns = rows.count * shape.positions
  }
}

/// What a front's cut contributes to all pairs: [X 1]ᵀ[X 1].
private final class FrontSums {
  let point: FrozenPoint
  let growth: ImageGrowth?
  let shape: ActivationShape
  /// [X 1].
  let rows: CutRows
  /// UᵀU[X 1], where images grow.
  private let grown: CutRows?
  private(set) var gram: [Double]
  private let scratch: UnsafeMutablePointer<Float>

  init(_ point: FrozenPoint, _ shape: ActivationShape, _ growth: ImageGrowth?) {
    self.point = point
    self.shape = shape
    self.growth = growth
    let features = shape.features + 1
    rows = CutRows(features: features, positions: shape.positions)
    grown = growth.map { _ in CutRows(features: features, positions: shape.positions) }
    gram = [Double](repeating: 0, count: features * features)
    scratch = .allocate(capacity: shape.count)
    let ones = rows.plane(shape.features, 0)
    for i in 0..<rows.stride { ones[i] = 1 }
  }

  deinit { scratch.deallocate() }

  func add(_ images: [FrozenRow]) {
    rows.fill(images, shape, scratch)
    if let growth, let grown {
      withUnsafeTemporaryAllocation(
        of: Double.self, capacity: growth.to.height * (growth.to.width + growth.from.width)
      ) { room in
        let large = room.baseAddress!
        let half = large + growth.to.height * growth.to.width
        for feature in 0..<rows.features {
          for image in images.indices {
            growth.apply(rows.plane(feature, image), into: large, half)
            growth.adjoint(large, into: grown.plane(feature, image), half)
          }
        }
      }
      grown.columns = rows.columns
    }
    rows.addProducts(with: grown ?? rows, to: &gram)
  }
}

/// What an end's cut contributes to all pairs: Y, and the squares of its columns.
private final class EndSums {
  let cut: Cut
  let growth: ImageGrowth?
  private let shape: ActivationShape
  /// Y, or UᵀY.
  let rows: CutRows
  private(set) var squares: [Double]
  private let large: CutRows?
  private let scratch: UnsafeMutablePointer<Float>

  init(_ cut: Cut, _ shape: ActivationShape, _ growth: ImageGrowth?) {
    self.cut = cut
    self.growth = growth
    self.shape = shape
    squares = [Double](repeating: 0, count: shape.features)
    large = growth.map { _ in CutRows(features: shape.features, positions: shape.positions) }
    rows = CutRows(
      features: shape.features, positions: growth.map { $0.from.height * $0.from.width } ?? shape.positions)
    scratch = .allocate(capacity: shape.count)
  }

  deinit { scratch.deallocate() }

  func add(_ images: [FrozenRow]) {
    let own = large ?? rows
    own.fill(images, shape, scratch)
    for feature in 0..<shape.features {
      kernels_add_products(
        Int64(own.columns), 1, own.plane(feature, 0), 0, 1, own.plane(feature, 0), 0, &squares[feature])
    }
    guard let growth else { return }
    withUnsafeTemporaryAllocation(of: Double.self, capacity: growth.to.height * growth.from.width) { half in
      for feature in 0..<shape.features {
        for image in images.indices {
          growth.adjoint(own.plane(feature, image), into: rows.plane(feature, image), half.baseAddress!)
        }
      }
    }
    rows.columns = images.count * rows.positions
  }
}

/// [X 1]ᵀY of a pair.
private final class PairSums {
  let front: FrontSums
  let end: EndSums
  private var cross: [Double]

  init(_ front: FrontSums, _ end: EndSums) {
    self.front = front
    self.end = end
    cross = [Double](repeating: 0, count: front.rows.features * end.rows.features)
  }

  func add() { front.rows.addProducts(with: end.rows, to: &cross) }

  func statistics(images: Int) -> RowStatistics {
    let (inputs, outputs) = (front.rows.features, end.rows.features)
    let positions = end.growth.map { $0.to.height * $0.to.width } ?? end.rows.positions
    return RowStatistics(
      gram: Matrix(inputs, inputs, values: front.gram), cross: Matrix(inputs, outputs, values: cross),
      outputSquares: end.squares, rows: images * positions)
  }
}

extension Stitch {
  /// The front's activations at the end's positions.
  fileprivate var inputAtOutput: ActivationShape { input.atPositions(of: output)! }

  /// Whether the front's images are smaller than the end's.
  fileprivate var inputGrows: Bool {
    guard case .image = input, case .image = output else { return false }
    return inputAtOutput.count > input.count
  }
}

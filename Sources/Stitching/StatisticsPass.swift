// Owns the one pass over the samples of closed forms that makes the row statistics of many pairs of cuts: what a front's
// cut or an end's contributes is made once for all pairs, and each pair adds the products of its own.
//
// Where a front's image is smaller than the end's, U resizes it. A product of its rows with others is (UX)ᵀY = Xᵀ(UᵀY),
// since the resize is linear, and likewise (UX)ᵀ(UX) = Xᵀ(UᵀUX): so the sums are over the positions of the front. With
// U·X = R·X·Cᵀ of rows and columns, UᵀU·X = (RᵀR)·X·(CᵀC), whose factors are as small as the front's image. What a resize
// gives at one position adds up to one, so that U·1 = 1. All of it is in Double.
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
    var points: [PointRows] = []
    var cuts: [PointRows] = []
    var fronts: [FrontSums] = []
    var ends: [EndSums] = []
    var pairs: [PairSums] = []
    func place<T>(_ all: inout [T], where holds: (T) -> Bool, make: () throws -> T) rethrows -> T {
      if let known = all.first(where: holds) { return known }
      all.append(try make())
      return all.last!
    }
    let places = try stitches.map { stitch in
      let grows = stitch.inputGrows
      let point = FrozenPoint(
        .cut(stitch.from), at: grows || stitch.input == stitch.inputAtOutput ? nil : stitch.output)
      let resize = grows ? ImageGrowth(stitch.input, stitch.output) : nil
      let x = try place(&points, where: { $0.point == point }) {
        PointRows(point, try point.shape(in: stitch.front.architecture), hasOnes: true)
      }
      let cut = FrozenPoint(.cut(stitch.to))
      let y = place(&cuts, where: { $0.point == cut }) { PointRows(cut, stitch.output, hasOnes: false) }
      let front = place(&fronts, where: { $0.source === x && $0.growth == resize }) { FrontSums(x, resize) }
      let end = place(&ends, where: { $0.source === y && $0.growth == resize }) { EndSums(y, resize) }
      let pair = place(&pairs, where: { $0.front === front && $0.end === end }) { PairSums(front, end) }
      return pairs.firstIndex { $0 === pair }!
    }
    let wanted = [
      (model: stitches[0].front, points: points.map(\.point)),
      (model: stitches[0].end, points: cuts.map(\.point)),
    ]
    for start in stride(from: 0, to: indices.count, by: FrozenNetwork.group) {
      if isCancelled() { throw CancellationError() }
      let group = Array(indices[start..<min(start + FrozenNetwork.group, indices.count)])
      let values = try images.rows(of: wanted, for: group)
      for first in stride(from: 0, to: group.count, by: CutRows.images) {
        let part = first..<min(first + CutRows.images, group.count)
        let (sources, made) = (points + cuts, values[0] + values[1])
        let (fronts, ends, pairs) = (fronts, ends, pairs)
        Team.forEach(sources.count) { piece, _ in sources[piece].fill(made[piece][part]) }
        Team.forEach(fronts.count + ends.count) { piece, _ in
          if piece < fronts.count { fronts[piece].add() } else { ends[piece - fronts.count].add() }
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
  private let rows: Interpolation
  private let columns: Interpolation
  /// RᵀR and CᵀC.
  private let products: (rows: Band, columns: Band)

  init(_ from: ActivationShape, _ to: ActivationShape) {
    guard case .image(let small) = from, case .image(let large) = to else {
      preconditionFailure("BUG: \(from) doesn't grow to \(to)")
    }
    self.from = (small.height, small.width)
    self.to = (large.height, large.width)
    rows = Interpolation(from: small.height, to: large.height)
    columns = Interpolation(from: small.width, to: large.width)
    products = (Band(rows, of: small.height), Band(columns, of: small.width))
  }

  static func == (a: ImageGrowth, b: ImageGrowth) -> Bool { a.from == b.from && a.to == b.to }

  /// How many values `half` has room for.
  var room: Int { from.height * max(from.width, to.width) }

  /// UᵀY of one plane.
  func adjoint(
    _ y: UnsafePointer<Double>, into x: UnsafeMutablePointer<Double>, _ half: UnsafeMutablePointer<Double>
  ) {
    half.update(repeating: 0, count: from.height * to.width)
    for (i, tap) in rows.taps.enumerated() {
      let from = y + i * to.width
      addRow(from, scaled: Double(tap.weight0), to: half + tap.index0 * to.width, count: to.width)
      addRow(from, scaled: Double(tap.weight1), to: half + tap.index1 * to.width, count: to.width)
    }
    x.update(repeating: 0, count: from.height * from.width)
    for (j, tap) in columns.taps.enumerated() {
      let (weight0, weight1) = (Double(tap.weight0), Double(tap.weight1))
      for i in 0..<from.height {
        let value = half[i * to.width + j]
        x[i * from.width + tap.index0] += weight0 * value
        x[i * from.width + tap.index1] += weight1 * value
      }
    }
  }

  /// UᵀU·X of one plane.
  func applyProduct(
    _ x: UnsafePointer<Double>, into y: UnsafeMutablePointer<Double>, _ half: UnsafeMutablePointer<Double>
  ) {
    let width = from.width
    half.update(repeating: 0, count: from.height * width)
    for i in 0..<from.height {
      for k in products.rows.places[i] {
        addRow(x + k * width, scaled: products.rows[i, k], to: half + i * width, count: width)
      }
    }
    for j in 0..<width {
      let places = products.columns.places[j]
      for i in 0..<from.height {
        var sum = 0.0
        for k in places { sum += half[i * width + k] * products.columns[k, j] }
        y[i * width + j] = sum
      }
    }
  }
}

/// MᵀM of an interpolation M, which is zero but around its diagonal.
private struct Band {
  /// By row, the columns between which all that isn't zero lies.
  let places: [Range<Int>]
  private let values: [Double]
  private let size: Int

  init(_ matrix: Interpolation, of size: Int) {
    var values = [Double](repeating: 0, count: size * size)
    var places = [Range<Int>](repeating: 0..<0, count: size)
    for tap in matrix.taps {
      let entries = [(tap.index0, Double(tap.weight0)), (tap.index1, Double(tap.weight1))]
      for (i, a) in entries {
        for (k, b) in entries {
          values[i * size + k] += a * b
          let known = places[i].isEmpty ? k..<(k + 1) : places[i]
          places[i] = min(known.lowerBound, k)..<max(known.upperBound, k + 1)
        }
      }
    }
    (self.values, self.places, self.size) = (values, places, size)
  }

  subscript(i: Int, k: Int) -> Double { values[i * size + k] }
}

private func addRow(
  _ row: UnsafePointer<Double>, scaled factor: Double, to sums: UnsafeMutablePointer<Double>, count: Int
) {
  for j in 0..<count { sums[j] += factor * row[j] }
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
}

/// What a network makes at a point, as rows, for all that is summed of it.
private final class PointRows {
  let point: FrozenPoint
  let shape: ActivationShape
  /// X or Y; where it has ones, [X 1].
  let rows: CutRows
  /// How many images there are at the moment.
  private(set) var images = 0
  private let scratch: UnsafeMutablePointer<Float>

  init(_ point: FrozenPoint, _ shape: ActivationShape, hasOnes: Bool) {
    self.point = point
    self.shape = shape
    rows = CutRows(features: shape.features + (hasOnes ? 1 : 0), positions: shape.positions)
    scratch = .allocate(capacity: shape.count)
    if hasOnes { rows.plane(shape.features, 0).update(repeating: 1, count: rows.stride) }
  }

  deinit { scratch.deallocate() }

  /// Takes in images' values.
  func fill(_ values: ArraySlice<FrozenRow>) {
    let order = KeptOrder(shape)
    let (features, positions) = (shape.features, shape.positions)
    let (perFeature, perPosition) = shape.featuresLast ? (1, features) : (positions, 1)
    for (image, row) in values.enumerated() {
      order.writeRowMajor(row.values, to: scratch)
      for feature in 0..<features {
        let out = rows.plane(feature, image)
        for i in 0..<positions { out[i] = Double(scratch[feature * perFeature + i * perPosition]) }
      }
    }
    images = values.count
    rows.columns = images * positions
  }
}

/// What a front's cut contributes to all pairs: [X 1]ᵀ[X 1].
private final class FrontSums {
  let source: PointRows
  let growth: ImageGrowth?
  /// UᵀU[X 1], where images grow.
  private let grown: CutRows?
  private(set) var gram: [Double]
  let eigen = SharedEigen()

  init(_ source: PointRows, _ growth: ImageGrowth?) {
    self.source = source
    self.growth = growth
    let rows = source.rows
    grown = growth.map { _ in CutRows(features: rows.features, positions: source.shape.positions) }
    gram = [Double](repeating: 0, count: rows.features * rows.features)
  }

  func add() {
    let rows = source.rows
    if let growth, let grown {
      withUnsafeTemporaryAllocation(of: Double.self, capacity: growth.room) { half in
        for feature in 0..<rows.features {
          for image in 0..<source.images {
            growth.applyProduct(
              rows.plane(feature, image), into: grown.plane(feature, image), half.baseAddress!)
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
  let source: PointRows
  let growth: ImageGrowth?
  /// Y, or UᵀY.
  let rows: CutRows
  private(set) var squares: [Double]

  init(_ source: PointRows, _ growth: ImageGrowth?) {
    self.source = source
    self.growth = growth
    rows =
      growth.map { CutRows(features: source.shape.features, positions: $0.from.height * $0.from.width) }
      ?? source.rows
    squares = [Double](repeating: 0, count: source.shape.features)
  }

  func add() {
    let own = source.rows
    for feature in squares.indices {
      kernels_add_products(
        Int64(own.columns), 1, own.plane(feature, 0), 0, 1, own.plane(feature, 0), 0, &squares[feature])
    }
    guard let growth else { return }
    withUnsafeTemporaryAllocation(of: Double.self, capacity: growth.room) { half in
      for feature in squares.indices {
        for image in 0..<source.images {
          growth.adjoint(own.plane(feature, image), into: rows.plane(feature, image), half.baseAddress!)
        }
      }
    }
    rows.columns = source.images * growth.from.height * growth.from.width
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
    cross = [Double](repeating: 0, count: front.source.rows.features * end.rows.features)
  }

  func add() { front.source.rows.addProducts(with: end.rows, to: &cross) }

  func statistics(images: Int) -> RowStatistics {
    let (inputs, outputs) = (front.source.rows.features, end.rows.features)
    return RowStatistics(
      gram: Matrix(inputs, inputs, values: front.gram), front.eigen,
      cross: Matrix(inputs, outputs, values: cross), outputSquares: end.squares,
      rows: images * end.source.shape.positions)
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

// Owns a representation that is ready for measures: checked, with its column means, and read in blocks as centred
// Double matrices, since the whole in Double may not fit memory. What measures share of it is on its shelf.
import Tensor

/// A representation X, n × p, with what measures share of it.
public struct Prepared {
  /// What messages call it.
  public let name: String
  private let tensor: Tensor
  /// Of the columns, p.
  let means: [Double]
  /// ‖X‖²_F, centred.
  let squaredNorm: Double
  private let place: Place

  var n: Int { tensor.shape[0] }
  var p: Int { tensor.shape[1] }

  /// Where a representation's values are kept; they go when it does.
  private final class Place {
    let shelf: Shelf
    let owner: Shelf.Owner

    init(_ shelf: Shelf) {
      self.shelf = shelf
      owner = shelf.newOwner()
    }

    deinit { shelf.forget(owner) }
  }

  /// Refuses what measures would answer with NaN.
  /// - Parameter shelf: the same for representations that are compared.
  public init(_ source: Representation, on shelf: Shelf) throws {
    guard source.n >= 2, source.p >= 1 else {
      throw SimilarityError("\(source.name) is \(source.n) × \(source.p); a comparison needs two samples")
    }
    name = source.name
    tensor = source.tensor
    place = Place(shelf)
    let (n, p) = (source.n, source.p)
    var sums = [Double](repeating: 0, count: p)
    var raw = 0.0
    try source.tensor.withUnsafeValues { values in
      sums.withUnsafeMutableBufferPointer { sums in
        for row in 0..<n {
          for column in 0..<p {
            let value = Double(values[row * p + column])
            sums[column] += value
            raw += value * value
          }
        }
      }
      guard raw.isFinite else {
        let wrong = values.firstIndex { !$0.isFinite }!
        throw SimilarityError(
          "\(source.name) has \(values[wrong]) at sample \(wrong / p), feature \(wrong % p)")
      }
    }
    let means = sums.map { $0 / Double(n) }
    self.means = means
    squaredNorm = source.tensor.withUnsafeValues { values in
      means.withUnsafeBufferPointer { means in
        var sum = 0.0
        for row in 0..<n {
          for column in 0..<p {
            let value = Double(values[row * p + column]) - means[column]
            sum += value * value
          }
        }
        return sum
      }
    }
    // Constant columns leave rounding only, of about 1e-32 of the raw squares.
    guard squaredNorm > raw * 1e-24 else {
      throw SimilarityError("\(source.name) is the same for all \(n) samples; it has nothing to compare")
    }
  }

  /// The same, called otherwise in messages.
  public func named(_ name: String) -> Prepared { Prepared(self, name) }

  private init(_ other: Prepared, _ name: String) {
    self.name = name
    tensor = other.tensor
    means = other.means
    squaredNorm = other.squaredNorm
    place = other.place
  }

  /// A value that measures share, computed when it is first asked for.
  /// - Parameters:
  ///   - name: one for each value, with all that it depends on besides the representation.
  ///   - doubles: how large it is.
  func shared<T>(_ name: String, doubles: Int = 1, _ make: () throws -> T) rethrows -> T {
    try place.shelf.value(name, of: [place.owner], doubles: doubles, make)
  }

  /// The same of this representation and another, in this order.
  func shared<T>(
    _ name: String, with other: Prepared, doubles: Int = 1, _ make: () throws -> T
  ) rethrows -> T {
    try place.shelf.value(name, of: [place.owner, other.place.owner], doubles: doubles, make)
  }

  /// The raw values, row-major.
  func withRawValues<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    try tensor.withUnsafeValues(body)
  }

  // MARK: Blocks

  /// The centred rows `range`, |range| × p.
  func rows(_ range: Range<Int>) -> Matrix { block(rows: range, columns: 0..<p) }

  /// All rows of the centred columns `range`, n × |range|.
  func columns(_ range: Range<Int>) -> Matrix { block(rows: 0..<n, columns: range) }

  /// Ranges of columns, or of rows, that are read at a time.
  var columnBlocks: [Range<Int>] { blocks(of: p, size: max(1, 1 << 22 / n)) }
  func rowBlocks(beside width: Int = 0) -> [Range<Int>] {
    blocks(of: n, size: max(1, 1 << 22 / max(p, width)))
  }

  private func block(rows: Range<Int>, columns: Range<Int>) -> Matrix {
    let values = [Double](unsafeUninitializedCapacity: rows.count * columns.count) { out, count in
      tensor.withUnsafeValues { values in
        means.withUnsafeBufferPointer { means in
          var position = 0
          for row in rows {
            for column in columns {
              out.initializeElement(at: position, to: Double(values[row * p + column]) - means[column])
              position += 1
            }
          }
          count = position
        }
      }
    }
    return Matrix(rows.count, columns.count, values: values)
  }

  /// A fixed partition of 0..<count, so that sums have one order.
  private func blocks(of count: Int, size: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: size).map { $0..<min(count, $0 + size) }
  }
}

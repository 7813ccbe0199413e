// Owns what a measure is given: two representations of the same samples.

/// Two representations with as many rows each, X: n × p and Y: n × q.
public struct Comparison {
  let x: Prepared
  let y: Prepared

  var n: Int { x.n }

  /// - Throws: `SimilarityError` where they can't be of the same samples.
  public init(_ x: Prepared, _ y: Prepared) throws {
    try Comparison.requireSameRows(x.name, x.n, y.name, y.n)
    self.x = x
    self.y = y
  }

  static func requireSameRows(_ x: String, _ n: Int, _ y: String, _ m: Int) throws {
    guard n != m else { return }
    throw SimilarityError("\(x) has \(n) samples, \(y) has \(m); they must be the same ones")
  }

  /// A value of the pair that measures share, computed when it is first asked for.
  func shared<T>(_ name: String, doubles: Int = 1, _ make: () throws -> T) rethrows -> T {
    try x.shared(name, with: y, doubles: doubles, make)
  }
}

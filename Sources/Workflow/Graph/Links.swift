// Owns edges: the neighbours of every instance, in one array.

/// For each instance the indices of others, ascending.
public struct Links: RandomAccessCollection, Sendable {
  /// Where those of each instance end.
  private let ends: [UInt32]
  private let others: [UInt32]

  /// The others of one instance.
  public struct Neighbours: RandomAccessCollection, Sendable {
    fileprivate let others: [UInt32]
    fileprivate let range: Range<Int>

    public var startIndex: Int { 0 }
    public var endIndex: Int { range.count }
    public subscript(n: Int) -> Int { Int(others[range.lowerBound + n]) }
  }

  init(ends: [UInt32], others: [UInt32]) {
    self.ends = ends
    self.others = others
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { ends.count }

  public subscript(i: Int) -> Neighbours {
    Neighbours(others: others, range: (i == 0 ? 0 : Int(ends[i - 1]))..<Int(ends[i]))
  }

  /// The same edges, seen from their other ends.
  func reversed() -> Links {
    var next = [UInt32](repeating: 0, count: ends.count)
    for other in others { next[Int(other)] += 1 }
    var sum: UInt32 = 0
    for i in next.indices {
      sum += next[i]
      next[i] = sum - next[i]
    }
    var back = [UInt32](repeating: 0, count: others.count)
    var start = 0
    for (i, end) in ends.enumerated() {
      for n in start..<Int(end) {
        let other = Int(others[n])
        back[Int(next[other])] = UInt32(i)
        next[other] += 1
      }
      start = Int(end)
    }
    // Each place has moved on to the end of its instance.
    return Links(ends: next, others: back)
  }
}

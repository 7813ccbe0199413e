// Owns the set of instances that a run or a plan concerns: a bit for each.

/// Some of a graph's instances. As a sequence it is ascending.
struct Scope: Sequence, Sendable {
  private var words: [UInt64]
  let count: Int

  /// The targets (nil: all instances) and everything they read.
  init(_ graph: Graph, targets: [Int]?) {
    let all = graph.instances.count
    guard let targets else {
      words = Array(repeating: .max, count: (all + 63) / 64)
      if all % 64 != 0 { words[words.count - 1] = (1 << UInt64(all % 64)) - 1 }
      count = all
      return
    }
    words = Array(repeating: 0, count: (all + 63) / 64)
    var count = 0
    var stack = targets
    while let i = stack.popLast() {
      if words[i / 64] >> UInt64(i % 64) & 1 == 1 { continue }
      words[i / 64] |= 1 << UInt64(i % 64)
      count += 1
      stack += graph.dependencies[i]
    }
    self.count = count
  }

  var underestimatedCount: Int { count }

  func contains(_ i: Int) -> Bool { words[i / 64] >> UInt64(i % 64) & 1 == 1 }

  /// It is sorted already.
  func sorted() -> [Int] { Array(self) }

  func makeIterator() -> Iterator { Iterator(words: words) }

  struct Iterator: IteratorProtocol {
    private let words: [UInt64]
    private var position = 0
    private var rest: UInt64

    fileprivate init(words: [UInt64]) {
      self.words = words
      rest = words.first ?? 0
    }

    mutating func next() -> Int? {
      while rest == 0 {
        position += 1
        guard position < words.count else { return nil }
        rest = words[position]
      }
      defer { rest &= rest - 1 }
      return position * 64 + rest.trailingZeroBitCount
    }
  }
}

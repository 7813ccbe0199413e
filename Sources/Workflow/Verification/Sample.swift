// Owns which instances stand for all of them: drawn by digests, so that a seed names a sample, on every machine and
// whatever else the file has.

import Canonical

extension Graph {
  /// Draws up to `count` of `candidates`, one of each class in turn. Classes, and the instances of each, come in the
  /// order of SHA-256 of the seed and their names.
  /// - Parameters:
  ///   - candidates: indices into the graph.
  ///   - classes: what an instance is one of, such as its stage.
  /// - Returns: those drawn, ascending.
  public func sample(
    _ count: Int, of candidates: [Int], seed: Int, by classes: (Int) -> String
  ) -> [Int] {
    func rank(_ name: String) -> Digest { .of("\(seed)\n\(name)".utf8) }
    var lots = Dictionary(grouping: candidates, by: classes).map { name, members in
      (
        rank: rank(name),
        members: members.map { (rank: rank(instances[$0].name), instance: $0) }
          .sorted { $0.rank > $1.rank }.map(\.instance)
      )
    }.sorted { $0.rank < $1.rank }
    var drawn: [Int] = []
    while drawn.count < count, !lots.isEmpty {
      for n in lots.indices where drawn.count < count { drawn.append(lots[n].members.removeLast()) }
      lots.removeAll { $0.members.isEmpty }
    }
    return drawn.sorted()
  }
}

// Owns the order in which threads may compute a plan's steps: what each tile does by itself, and where all tiles must
// be done before anything goes on.

/// Steps between two points where all threads wait for each other.
enum Region {
  /// Steps that every tile goes through in their order, whatever other tiles do.
  case tiles([Step])
  /// Chains of steps that are computed once for all tiles; no chain waits for another.
  case shared([[Step]])

  var steps: [Step] {
    switch self {
    case .tiles(let steps): steps
    case .shared(let chains): chains.flatMap { $0 }
    }
  }

  /// Groups chains of steps, each all of tiles or all shared, in their order. Shared chains that touch the same
  /// buffer come one after the other.
  static func regions(_ chains: [[Step]]) -> [Region] {
    var regions: [Region] = []
    var touched = Set<ObjectIdentifier>()
    for chain in chains where !chain.isEmpty {
      switch (chain[0].isShared, regions.last) {
      case (false, .tiles(let steps)?): regions[regions.count - 1] = .tiles(steps + chain)
      case (false, _): regions.append(.tiles(chain))
      case (true, let last):
        let buffers = Set(chain.flatMap(\.memories).map { ObjectIdentifier($0.buffer) })
        if case .shared(let others)? = last, touched.isDisjoint(with: buffers) {
          regions[regions.count - 1] = .shared(others + [chain])
          touched.formUnion(buffers)
        } else {
          regions.append(.shared([chain]))
          touched = buffers
        }
      }
    }
    return regions
  }
}

// Owns the measurement of a plan: what each step computes, what it touches and how long it takes.

/// One step of a plan, as it was measured.
public struct StepProfile: Sendable, Hashable {
  /// When a step is computed.
  public enum Phase: String, Sendable, Hashable {
    /// When parameters have changed.
    case preparation
    case forward, backward
  }
  /// When it is computed.
  public let phase: Phase
  /// What it computes: `weight gradient of convolution layer1.0.conv1`.
  public let name: String
  /// oneDNN's name of what computes it (`jit:avx512_core`), or `own loop`.
  public let implementation: String
  /// The shapes of what it reads and writes, of one tile.
  public let shapes: [[Int]]
  /// The bytes of what it reads and writes in one pass, each memory once.
  public let bytes: Int
  /// The multiplications and additions of one pass, where they are counted (convolutions, linear maps); else 0.
  public let operations: Int
  /// The time of one pass on one thread, the shortest that was measured.
  public let seconds: Double
}

extension Plan {
  /// Measures every step on the calling thread alone, over so many passes.
  ///
  /// The input and the gradients at `gradientPoints` are taken as they are.
  /// - Throws: what the passes throw.
  public func profile(passes: Int) throws -> [StepProfile] {
    var phases: [(StepProfile.Phase, [Region])] = [
      (.preparation, [.shared(preparationChains)]), (.forward, forwardRegions),
    ]
    if !backwardRegions.isEmpty { phases.append((.backward, backwardRegions)) }
    var shortest: [ObjectIdentifier: Double] = [:]
    for _ in 0..<passes {
      for (_, regions) in phases {
        for region in regions {
          for (step, seconds) in try program.time(region) {
            shortest[step] = min(shortest[step] ?? .infinity, seconds)
          }
        }
      }
    }
    return phases.flatMap { phase, regions in
      regions.flatMap(\.steps).map { step in
        let times = step.isShared ? 1 : tiles
        return StepProfile(
          phase: phase, name: step.name, implementation: step.implementation,
          shapes: step.memories.map(\.shape),
          bytes: step.memories.reduce(0) { $0 + $1.layout.byteCount } * times,
          operations: step.operations * times, seconds: shortest[ObjectIdentifier(step)] ?? 0)
      }
    }
  }
}

extension Program {
  /// Runs a region on the calling thread and returns the seconds that each of its steps took, over all tiles.
  fileprivate func time(_ region: Region) throws -> [ObjectIdentifier: Double] {
    var taken: [ObjectIdentifier: Double] = [:]
    let clock = ContinuousClock()
    func time(_ steps: [Step], _ place: Place) throws {
      for step in steps {
        let seconds = try clock.measure { try step.run(place) } / .seconds(1)
        taken[ObjectIdentifier(step), default: 0] += seconds
      }
    }
    switch region {
    case .tiles(let steps): try alone(pieces: tiles) { try time(steps, $0) }
    case .shared(let chains): try alone(pieces: 1) { try time(chains.flatMap { $0 }, $0) }
    }
    return taken
  }
}

import Foundation
import Synchronization
import Tensor
import Testing

/// Other suites may compute at the same time; what holds must hold in any company.
@Suite(.serialized)
struct TeamTests {
  @Test(arguments: [0, 1, 2, 7, 1000]) func everyPieceIsComputedOnce(_ count: Int) throws {
    let before = Team.limit
    defer { Team.limit = before }
    Team.limit = 4
    let seen = Mutex([Int](repeating: 0, count: count))
    try Team.run(count) { piece, thread in
      #expect(thread >= 0 && thread < Team.most)
      seen.withLock { $0[piece] += 1 }
    }
    #expect(seen.withLock { $0.allSatisfy { $0 == 1 } })
  }

  @Test func threadsMayComeAndGoWhilePiecesAreComputed() throws {
    let before = Team.limit
    defer { Team.limit = before }
    let total = Atomic(0)
    for round in 0..<200 {
      Team.limit = round % 5 + 1
      try Team.run(50) { piece, _ in
        if piece == 20 { Team.limit = (round + piece) % 4 + 1 }
        total.wrappingAdd(piece, ordering: .relaxed)
      }
    }
    #expect(total.load(ordering: .relaxed) == 200 * 49 * 50 / 2)
  }

  @Test func piecesOfAPieceAreComputedOnItsThread() throws {
    let before = Team.limit
    defer { Team.limit = before }
    Team.limit = 3
    let total = Atomic(0)
    try Team.run(8) { _, _ in
      try Team.run(8) { piece, thread in
        #expect(thread == 0)
        total.wrappingAdd(piece, ordering: .relaxed)
      }
    }
    #expect(total.load(ordering: .relaxed) == 8 * 28)
  }

  @Test func whatAPieceThrowsIsThrown() throws {
    struct Failed: Error { let piece: Int }
    let before = Team.limit
    defer { Team.limit = before }
    for limit in [1, 4] {
      Team.limit = limit
      let error = #expect(throws: Failed.self) {
        try Team.run(100) { piece, _ in if piece == 40 { throw Failed(piece: piece) } }
      }
      #expect(error?.piece == 40)
      try Team.run(10) { _, _ in }
    }
  }
}

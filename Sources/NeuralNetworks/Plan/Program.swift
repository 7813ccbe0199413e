// Owns the running of regions: which thread computes which tile is chance, and everything that a thread alone may touch
// is here. It deliberately doesn't know what is computed.

import COneDNN
import Tensor

/// A plan's memories as its threads use them.
final class Program {
  /// What one thread has of its own.
  private struct Desk {
    let stream: OpaquePointer
    let scratch: UnsafeMutableRawPointer
  }

  private let memories: [Memory]
  let tiles: Int
  private let scratchByteCount: Int
  private let engine: OpaquePointer
  private let room: PlanRoom
  private var desks: [Desk] = []

  init(_ memories: [Memory], tiles: Int, scratchByteCount: Int, in room: PlanRoom, _ engine: OpaquePointer)
    throws
  {
    self.room = room
    self.memories = memories
    self.tiles = tiles
    self.scratchByteCount = scratchByteCount
    self.engine = engine
    for memory in memories { try memory.attach(tiles: tiles, engine) }
  }

  deinit {
    for desk in desks { onednn_stream_destroy(desk.stream) }
  }

  /// Runs one region and returns when all of it is done.
  func run(_ region: Region) throws {
    switch region {
    case .tiles(let steps):
      try spread(over: tiles) { _, place in
        for step in steps { try step.run(place) }
      }
    case .shared(let chains):
      try spread(over: chains.count) { chain, place in
        for step in chains[chain] { try step.run(place) }
      }
    }
  }

  /// Computes pieces one after another on the calling thread.
  func alone(pieces: Int, _ body: (Place) throws -> Void) throws {
    try furnish(1)
    try Engine.computing {
      for piece in 0..<pieces {
        try body(Place(tile: piece, thread: 0, stream: desks[0].stream, scratch: desks[0].scratch))
      }
    }
  }

  private func spread(over pieces: Int, _ body: @escaping (Int, Place) throws -> Void) throws {
    guard pieces > 0 else { return }
    try furnish(min(Team.limit, pieces))
    let desks = desks
    try Team.run(pieces, threads: desks.count) { piece, thread in
      try Engine.computing {
        try body(
          piece,
          Place(tile: piece, thread: thread, stream: desks[thread].stream, scratch: desks[thread].scratch))
      }
    }
  }

  /// Makes what so many threads need.
  private func furnish(_ threads: Int) throws {
    while desks.count < threads {
      var stream: OpaquePointer?
      try check(onednn_stream_create(&stream, engine), "stream")
      let scratch = room.scratch(scratchByteCount, thread: desks.count)
      for memory in memories { try memory.attach(scratch: scratch, engine) }
      desks.append(Desk(stream: stream!, scratch: scratch))
    }
  }
}

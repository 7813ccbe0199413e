// Owns where a plan's buffers lie: those that aren't in use at the same time share memory, and what only one tile's
// steps in a row touch lies in the memory of the thread that computes them, where it stays in cache. It deliberately
// doesn't know what they hold.

/// The memory of one plan's buffers.
final class Arena {
  /// The bytes that all tiles' shared buffers take together.
  let byteCount: Int
  /// The bytes that each thread needs of its own.
  let scratchByteCount: Int
  /// Where each buffer lies, in the order of their first use.
  let offsets: [Int]
  private let room: PlanRoom
  private let pinned: [UnsafeMutableRawPointer]

  /// Places every buffer that the regions' steps use (in their order) and that has no place yet.
  init(_ regions: [Region], tiles: Int, alsoPinned extra: [Buffer], in room: PlanRoom) {
    self.room = room
    // In the order of the steps, so that the same plan lies the same way in every process.
    var lives: [Life] = []
    var known: [ObjectIdentifier: Int] = [:]
    var pinnedBuffers: [Buffer] = []
    var seen = Set<ObjectIdentifier>()
    for buffer in extra where !buffer.isPlaced && seen.insert(ObjectIdentifier(buffer)).inserted {
      pinnedBuffers.append(buffer)
    }
    var time = 0
    for (number, region) in regions.enumerated() {
      for step in region.steps {
        time += 1
        for buffer in step.memories.map(\.buffer) where !buffer.isPlaced {
          let id = ObjectIdentifier(buffer)
          if let index = known[id] {
            lives[index].steps = lives[index].steps.lowerBound...time
            lives[index].regions = lives[index].regions.lowerBound...number
          } else if seen.insert(id).inserted {
            guard !buffer.isPinned else {
              pinnedBuffers.append(buffer)
              continue
            }
            known[id] = lives.count
            lives.append(Life(buffer: buffer, steps: time...time, regions: number...number))
          }
        }
      }
    }
    pinned = pinnedBuffers.map { buffer in
      let address = allocateBytes(buffer.byteCount(tiles: tiles))
      buffer.place(at: address)
      return address
    }

    // Tiles of one region are at different steps at the same time.
    let isScratch = lives.map { $0.regions.count == 1 && $0.buffer.isPerTile }
    let scratch = lives.indices.filter { isScratch[$0] }
    let kept = lives.indices.filter { !isScratch[$0] }
    var offsets = [Int](repeating: 0, count: lives.count)
    scratchByteCount = place(scratch, { lives[$0].buffer.byteCount }, { lives[$0].steps }, &offsets)
    byteCount = place(
      kept, { lives[$0].buffer.byteCount(tiles: tiles) }, { lives[$0].regions }, &offsets)
    let base = room.place(byteCount)
    for index in scratch { lives[index].buffer.place(inScratchAt: offsets[index]) }
    for index in kept { lives[index].buffer.place(at: base + offsets[index]) }
    self.offsets = offsets
  }

  deinit {
    for address in pinned { address.deallocate() }
  }

  /// When a buffer's content matters.
  private struct Life {
    let buffer: Buffer
    var steps: ClosedRange<Int>
    var regions: ClosedRange<Int>
  }
}

/// First fit, largest first: each at the lowest place where nothing of the same time lies. Returns where all end.
private func place(
  _ items: [Int], _ size: (Int) -> Int, _ life: (Int) -> ClosedRange<Int>, _ offsets: inout [Int]
) -> Int {
  var placed: [(life: ClosedRange<Int>, range: Range<Int>)] = []
  var end = 0
  for index in items.sorted(by: { (size($0), $1) > (size($1), $0) }) {
    let bytes = (size(index) + 63) & ~63
    var offset = 0
    let concurrent = placed.filter { $0.life.overlaps(life(index)) }.map(\.range)
    for range in concurrent.sorted(by: { $0.lowerBound < $1.lowerBound })
    where range.lowerBound < offset + bytes && offset < range.upperBound {
      offset = range.upperBound
    }
    placed.append((life(index), offset..<(offset + bytes)))
    offsets[index] = offset
    end = max(end, offset + bytes)
  }
  return end
}

/// Zeroed bytes on a 64-byte boundary.
func allocateBytes(_ count: Int) -> UnsafeMutableRawPointer {
  let address = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
  // Blocked layouts rely on zero padding.
  address.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
  return address
}

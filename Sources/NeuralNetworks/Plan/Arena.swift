// Owns where a plan's buffers lie: those that aren't in use at the same time share memory. It deliberately
// doesn't know what they hold.

/// The memory of one plan's buffers.
final class Arena {
  private let base: UnsafeMutableRawPointer
  /// The bytes that all shared buffers take together.
  let byteCount: Int
  /// Where each shared buffer lies, in the order of their first use.
  let offsets: [Int]
  private let pinned: [UnsafeMutableRawPointer]

  /// Places every buffer that the steps use (in their order) and that has no place yet.
  init(_ steps: [Step], alsoPinned extra: [Buffer]) {
    // In the order of the steps, so that the same plan lies the same way in every process.
    var lives: [Life] = []
    var known: [ObjectIdentifier: Int] = [:]
    var pinnedBuffers: [Buffer] = []
    var seen = Set<ObjectIdentifier>()
    for buffer in extra where buffer.address == nil && seen.insert(ObjectIdentifier(buffer)).inserted {
      pinnedBuffers.append(buffer)
    }
    for (time, step) in steps.enumerated() {
      for buffer in step.buffers where buffer.address == nil {
        let id = ObjectIdentifier(buffer)
        if let index = known[id] {
          lives[index].last = time
        } else if seen.insert(id).inserted {
          guard !buffer.isPinned else {
            pinnedBuffers.append(buffer)
            continue
          }
          known[id] = lives.count
          lives.append(Life(buffer: buffer, first: time, last: time))
        }
      }
    }
    pinned = pinnedBuffers.map { buffer in
      let address = allocateBytes(buffer.byteCount)
      buffer.place(at: address)
      return address
    }
    // First fit, largest first: each at the lowest place where nothing of the same time lies.
    let order = lives.indices.sorted {
      (lives[$0].buffer.byteCount, $1) > (lives[$1].buffer.byteCount, $0)
    }
    var placed: [(life: Life, range: Range<Int>)] = []
    var offsets = [Int](repeating: 0, count: lives.count)
    var end = 0
    for index in order {
      let life = lives[index]
      let size = (life.buffer.byteCount + 63) & ~63
      var offset = 0
      let concurrent = placed.filter { $0.life.overlaps(life) }.map(\.range)
      for range in concurrent.sorted(by: { $0.lowerBound < $1.lowerBound })
      where range.lowerBound < offset + size && offset < range.upperBound {
        offset = range.upperBound
      }
      placed.append((life, offset..<(offset + size)))
      offsets[index] = offset
      end = max(end, offset + size)
    }
    byteCount = end
    self.offsets = offsets
    base = allocateBytes(end)
    for (life, range) in placed { life.buffer.place(at: base + range.lowerBound) }
  }

  deinit {
    base.deallocate()
    for address in pinned { address.deallocate() }
  }

  /// The steps between which a buffer's content matters.
  private struct Life {
    let buffer: Buffer
    let first: Int
    var last: Int
    func overlaps(_ other: Life) -> Bool { first <= other.last && other.first <= last }
  }
}

private func allocateBytes(_ count: Int) -> UnsafeMutableRawPointer {
  let address = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
  // Blocked layouts rely on zero padding.
  address.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
  return address
}

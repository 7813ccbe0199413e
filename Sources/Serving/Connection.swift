// Owns one connection's bytes: reading and sending with an end to every wait, so that a slow client costs its own thread
// and nothing else. It knows nothing of what they mean beyond where a head ends.

import ContentStore
import Foundation

/// A connected socket, closed with the value.
final class Connection {
  enum Broken: Error {
    /// The other side has closed it, or the network has.
    case gone
    /// It took too long.
    case late
  }

  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private(set) var sent = 0
  private(set) var received = 0

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(descriptor) }

  /// The next head, from its first line to the empty one; nil when the client has nothing more to ask.
  /// - Parameters:
  ///   - idle: how long the client may take to begin, in seconds.
  ///   - patience: how long it may take then.
  /// - Throws: `Refusal` for what can't become one; `Broken`.
  func head(idle: Double, patience: Double) throws -> [UInt8]? {
    var deadline = ContinuousClock.now + .seconds(buffer.isEmpty ? idle : patience)
    var scanned = 0
    while true {
      // An empty line before a request is left over from the one before.
      if buffer.starts(with: [13, 10]) { buffer.removeFirst(2) }
      while scanned < buffer.count {
        if buffer[scanned] == UInt8(ascii: "\n") {
          guard scanned > 0, buffer[scanned - 1] == UInt8(ascii: "\r") else {
            throw Refusal(400, "lines end with CR LF")
          }
          if scanned >= 3, buffer[scanned - 2] == UInt8(ascii: "\n") {
            let head = Array(buffer[...scanned])
            buffer.removeFirst(scanned + 1)
            return head
          }
        }
        scanned += 1
      }
      guard buffer.count < RequestHead.longest else { throw Refusal(431, "the head is too long") }
      let isFirst = buffer.isEmpty
      guard try fill(until: deadline) else {
        if isFirst { return nil }
        throw Broken.gone
      }
      if isFirst { deadline = ContinuousClock.now + .seconds(patience) }
      scanned = min(scanned, buffer.count)
    }
  }

  /// Reads a body's next bytes.
  func read(into out: UnsafeMutableRawBufferPointer, until deadline: ContinuousClock.Instant) throws -> Int {
    if buffer.isEmpty {
      let n = try receive(out, until: deadline)
      guard n > 0 else { throw Broken.gone }
      return n
    }
    let n = min(out.count, buffer.count)
    out.copyBytes(from: buffer[..<n])
    buffer.removeFirst(n)
    return n
  }

  /// Whether more has come; false when the other side is done.
  private func fill(until deadline: ContinuousClock.Instant) throws -> Bool {
    try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { bytes in
      let n = try receive(bytes, until: deadline)
      buffer.append(contentsOf: bytes[..<n])
      return n > 0
    }
  }

  private func receive(_ out: UnsafeMutableRawBufferPointer, until deadline: ContinuousClock.Instant) throws
    -> Int
  {
    while true {
      let n = recv(descriptor, out.baseAddress, out.count, 0)
      if n >= 0 {
        received += n
        return n
      }
      try wait(for: POLLIN, until: deadline)
    }
  }

  /// Sends bytes; with `more`, others follow at once.
  func send(_ bytes: [UInt8], more: Bool = false, until deadline: ContinuousClock.Instant) throws {
    var done = 0
    while done < bytes.count {
      let n = bytes.withUnsafeBytes {
        Foundation.send(
          descriptor, $0.baseAddress! + done, $0.count - done,
          Int32(MSG_NOSIGNAL) | (more ? Int32(MSG_MORE) : 0))
      }
      if n >= 0 {
        done += n
        sent += n
      } else {
        try wait(for: POLLOUT, until: deadline)
      }
    }
  }

  /// Sends part of a file without copying it.
  func send(_ file: OfferedFile, from first: Int, count: Int, until deadline: ContinuousClock.Instant) throws
  {
    var offset = off_t(first)
    let end = first + count
    while Int(offset) < end {
      let n = sendfile(descriptor, file.descriptor, &offset, min(end - Int(offset), 8 << 20))
      if n > 0 {
        sent += n
      } else if n == 0 {
        // The file became shorter: what was promised can't be kept.
        throw Broken.gone
      } else {
        try wait(for: POLLOUT, until: deadline)
      }
    }
  }

  /// Waits after a call that would have waited. - Throws: `Broken`.
  private func wait(for events: Int32, until deadline: ContinuousClock.Instant) throws {
    switch errno {
    case EINTR: return
    case EAGAIN: break
    default: throw Broken.gone
    }
    let left = deadline - ContinuousClock.now
    guard left > .zero else { throw Broken.late }
    let milliseconds =
      left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
    var asked = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    let n = poll(&asked, 1, Int32(clamping: milliseconds))
    if n == 0 { throw Broken.late }
    if n < 0, errno != EINTR { throw Broken.gone }
  }

  /// Ends it so that what was sent still arrives, though the other side may be sending: closing with bytes unread would
  /// take it back.
  func linger(_ seconds: Double) {
    shutdown(descriptor, Int32(SHUT_WR))
    let deadline = ContinuousClock.now + .seconds(seconds)
    var left = 4 << 20
    withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { bytes in
      while left > 0, let n = try? receive(bytes, until: deadline), n > 0 { left -= n }
    }
  }
}

// Owns reading a file from its beginning to its end, gzip-compressed or plain, a block at a time: whatever its size, it
// takes little memory.
import CZlib
import Foundation

/// The bytes of a file; where they begin with gzip's magic they are decompressed (RFC 1952).
final class UnpackingStream {
  private let file: String
  private let handle: FileHandle
  private var packed: Data
  /// Where in `packed` the next byte is.
  private var position = 0
  private var isCompressed = false
  private var stream = z_stream()
  private var isInMember = false

  init(_ url: URL) throws {
    file = url.path
    do {
      handle = try FileHandle(forReadingFrom: url)
      packed = try handle.read(upToCount: UnpackingStream.block) ?? Data()
    } catch {
      throw FormatError(file: url.path, "can't be read: \(reason(error))")
    }
    guard packed.prefix(2).elementsEqual([0x1f, 0x8b]) else { return }
    guard
      inflateInit2_(
        &stream, Deflated.gzip.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw FormatError(file: file, "compressed data can't be read: zlib doesn't start") }
    isCompressed = true
    isInMember = true
  }

  deinit {
    if isCompressed { inflateEnd(&stream) }
    try? handle.close()
  }

  private static let block = 1 << 18

  /// Fills the buffer; fewer bytes only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var count = 0
    while count < buffer.count {
      let n = try some(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
      if n == 0 { break }
      count += n
    }
    return count
  }

  /// At least one byte, 0 at the end.
  private func some(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      if position == packed.count, try !refill() {
        guard !isInMember else {
          throw FormatError(file: file, "compressed data are damaged: they end early")
        }
        return 0
      }
      guard isCompressed else {
        let n = min(buffer.count, packed.count - position)
        packed.withUnsafeBytes {
          buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<(position + n)]))
        }
        position += n
        return n
      }
      // Another member follows.
      if !isInMember {
        inflateReset(&stream)
        isInMember = true
      }
      let n = try inflateSome(into: buffer)
      if n > 0 { return n }
    }
  }

  private func inflateSome(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let room = min(buffer.count, 1 << 30)
    let status = packed.withUnsafeBytes { raw in
      stream.next_in = UnsafeMutablePointer(
        mutating: raw.baseAddress!.advanced(by: position).assumingMemoryBound(to: UInt8.self))
      stream.avail_in = UInt32(raw.count - position)
      stream.next_out = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
      stream.avail_out = UInt32(room)
      return CZlib.inflate(&stream, Z_NO_FLUSH)
    }
    position = packed.count - Int(stream.avail_in)
    guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
      let what = stream.msg.map { String(cString: $0) } ?? "zlib error \(status)"
      throw FormatError(file: file, "compressed data are damaged: \(what)")
    }
    if status == Z_STREAM_END { isInMember = false }
    return room - Int(stream.avail_out)
  }

  private func refill() throws -> Bool {
    do {
      packed = try handle.read(upToCount: UnpackingStream.block) ?? Data()
    } catch {
      throw FormatError(file: file, "can't be read: \(reason(error))")
    }
    position = 0
    return !packed.isEmpty
  }
}

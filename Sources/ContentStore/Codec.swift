// Owns how a blob's bytes are stored: the codecs, which one suits some content, and their streaming forms.
// An address never depends on a codec; a codec depends on the content alone, so equal blobs are stored equally.

import Canonical
import CZstd
import Foundation

/// How a blob's bytes are stored.
public enum Codec: String, Sendable, CaseIterable {
  /// As they are.
  case raw
  /// One zstd frame (RFC 8878).
  case zstd
  /// One zstd frame, before which the bytes of each block of 256 KiB were sorted by their place in a 4-byte word:
  /// exponents of floating-point numbers compress well beside each other. A block's last 0–3 bytes stay put.
  case shuffledZstd = "shuffle4+zstd"

  /// What a stored file's name ends with, so that a file tells how to read it.
  var suffix: String {
    switch self {
    case .raw: ""
    case .zstd: ".zst"
    case .shuffledZstd: ".shuffle4.zst"
    }
  }

  static let level: Int32 = 1
  static let block = 256 << 10
  /// The gain below which bytes are stored raw: 5%.
  private static let worthwhile = 0.95
  private static let samplePiece = 64 << 10

  /// The codec that stores `size` bytes best, judged from four samples of 64 KiB. Each is the middle of a quarter: what
  /// stands at the ends, a header or labels behind the images, is not like the rest.
  static func best(size: Int, read: (UnsafeMutableRawBufferPointer, _ offset: Int) throws -> Int) rethrows
    -> Codec
  {
    guard size > 256 else { return .raw }
    let pieces =
      size <= 4 * samplePiece
      ? [(0, size)]
      : (0..<4).map { (((2 * $0 + 1) * (size / 8) - samplePiece / 2) & ~3, samplePiece) }
    var plain = 0
    var shuffled = 0
    var total = 0
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: pieces[0].1, alignment: 16)
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: pieces[0].1, alignment: 16)
    let out = UnsafeMutableRawBufferPointer.allocate(
      byteCount: ZSTD_compressBound(pieces[0].1), alignment: 16)
    defer {
      bytes.deallocate()
      scratch.deallocate()
      out.deallocate()
    }
    for (offset, length) in pieces {
      let n = try read(UnsafeMutableRawBufferPointer(rebasing: bytes[..<length]), offset)
      guard n > 0 else { continue }
      total += n
      plain += ZSTD_compress(out.baseAddress, out.count, bytes.baseAddress, n, level)
      shuffle(UnsafeRawBufferPointer(rebasing: bytes[..<n]), into: scratch)
      shuffled += ZSTD_compress(out.baseAddress, out.count, scratch.baseAddress, n, level)
    }
    let limit = Double(total) * worthwhile
    if Double(min(plain, shuffled)) > limit { return .raw }
    return shuffled < plain ? .shuffledZstd : .zstd
  }
}

/// Reads `size` bytes from `source`, hands their stored form to `sink`, and returns the content's digest.
/// Throws `StoreError.source` when there are more or fewer bytes.
func encode(_ codec: Codec, size: Int, path: String, from source: ByteSource, to sink: ByteSink) throws
  -> Digest
{
  // One byte more than there are to be, to see those.
  let block = UnsafeMutableRawBufferPointer.allocate(byteCount: min(Codec.block, size + 1), alignment: 64)
  let shuffled = UnsafeMutableRawBufferPointer.allocate(
    byteCount: codec == .shuffledZstd ? block.count : 0, alignment: 64)
  let out = UnsafeMutableRawBufferPointer.allocate(
    byteCount: codec == .raw ? 0 : ZSTD_CStreamOutSize(), alignment: 64)
  let context = codec == .raw ? nil : ZSTD_createCCtx()
  defer {
    block.deallocate()
    shuffled.deallocate()
    out.deallocate()
    ZSTD_freeCCtx(context)
  }
  if let context {
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Codec.level)
    ZSTD_CCtx_setPledgedSrcSize(context, UInt64(size))
  }
  var hasher = Hasher256()
  var total = 0
  while true {
    let n = try source(block)
    total += n
    let last = n == 0 || total >= size
    guard total <= size, !(last && total < size) else {
      throw StoreError.source(path: path, reason: "changed while it was read")
    }
    let bytes = UnsafeRawBufferPointer(rebasing: block[..<n])
    hasher.update(bytes)
    if codec == .raw {
      try sink(bytes)
    } else {
      if codec == .shuffledZstd { shuffle(bytes, into: shuffled) }
      let start = codec == .shuffledZstd ? shuffled.baseAddress : block.baseAddress
      var input = ZSTD_inBuffer(src: start, size: n, pos: 0)
      var remaining = 0
      repeat {
        var output = ZSTD_outBuffer(dst: out.baseAddress, size: out.count, pos: 0)
        remaining = ZSTD_compressStream2(context, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue)
        if ZSTD_isError(remaining) != 0 {
          preconditionFailure("BUG: zstd: \(String(cString: ZSTD_getErrorName(remaining)))")
        }
        if output.pos > 0 { try sink(UnsafeRawBufferPointer(rebasing: out[..<output.pos])) }
      } while input.pos < input.size || (last && remaining > 0)
    }
    if last { return hasher.finish() }
  }
}

/// Stored bytes that don't decode to what was promised.
struct Undecodable: Error {
  let reason: String
  /// The file that was read, or the bytes from the index.
  var file: FileIdentity?
  var inline: Data?
  /// Whether the bytes couldn't even be read.
  var isUnreadable = false

  init(_ reason: String) { self.reason = reason }
}

/// Decodes exactly `size` bytes and returns their digest. Never hands on more than that, whatever the stored
/// bytes say, nor uses more memory than a few blocks; throws `Undecodable` for anything wrong.
func decode(_ codec: Codec, size: Int, from source: ByteSource, to sink: ByteSink) throws -> Digest {
  let input = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
  let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
  let plain = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
  let context = ZSTD_createDCtx()
  defer {
    input.deallocate()
    block.deallocate()
    plain.deallocate()
    ZSTD_freeDCtx(context)
  }
  // A frame may ask for a window of gigabytes; what is written here needs 512 KiB.
  ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 23)
  var hasher = Hasher256()
  var total = 0
  func deliver(_ bytes: UnsafeRawBufferPointer) throws {
    total += bytes.count
    guard total <= size else { throw Undecodable("longer than the \(size) bytes recorded") }
    hasher.update(bytes)
    try sink(bytes)
  }
  var filled = 0
  func flush() throws {
    let bytes = UnsafeRawBufferPointer(rebasing: block[..<filled])
    filled = 0
    guard codec == .shuffledZstd else { return try deliver(bytes) }
    unshuffle(bytes, into: plain)
    try deliver(UnsafeRawBufferPointer(rebasing: plain[..<bytes.count]))
  }
  var ended = codec == .raw
  while true {
    let n = try source(input)
    if n == 0 { break }
    if codec == .raw {
      try deliver(UnsafeRawBufferPointer(rebasing: input[..<n]))
      continue
    }
    var pending = ZSTD_inBuffer(src: input.baseAddress, size: n, pos: 0)
    var full = false
    while pending.pos < pending.size || full {
      if ended { throw Undecodable("bytes after the end") }
      var output = ZSTD_outBuffer(dst: block.baseAddress, size: block.count, pos: filled)
      let code = ZSTD_decompressStream(context, &output, &pending)
      if ZSTD_isError(code) != 0 {
        throw Undecodable("zstd: \(String(cString: ZSTD_getErrorName(code)))")
      }
      filled = output.pos
      full = filled == block.count
      ended = code == 0
      if full || ended { try flush() }
      if ended { full = false }
    }
  }
  guard ended else { throw Undecodable("ends early") }
  guard total == size else { throw Undecodable("\(total) bytes instead of \(size)") }
  return hasher.finish()
}

/// 4-byte words to four planes of bytes; the last 0–3 bytes stay at the end.
private func shuffle(_ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer) {
  let n = bytes.count / 4
  for i in 0..<n {
    let word = bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
    out[i] = UInt8(truncatingIfNeeded: word)
    out[n + i] = UInt8(truncatingIfNeeded: word >> 8)
    out[2 * n + i] = UInt8(truncatingIfNeeded: word >> 16)
    out[3 * n + i] = UInt8(truncatingIfNeeded: word >> 24)
  }
  for i in 4 * n..<bytes.count { out[i] = bytes[i] }
}

private func unshuffle(_ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer) {
  let n = bytes.count / 4
  for i in 0..<n {
    let word =
      UInt32(bytes[i]) | UInt32(bytes[n + i]) << 8 | UInt32(bytes[2 * n + i]) << 16
      | UInt32(bytes[3 * n + i]) << 24
    out.storeBytes(of: word, toByteOffset: 4 * i, as: UInt32.self)
  }
  for i in 4 * n..<bytes.count { out[i] = bytes[i] }
}

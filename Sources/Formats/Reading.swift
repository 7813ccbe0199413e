// Owns reading a whole file, gzip-compressed or plain, and the words for what kept it from being read.
import CZlib
import Foundation

/// The most bytes that compressed data may unpack to, 4 GiB: a few kilobytes can claim to be any number of them, and
/// unpacked data lie in memory. Plain files are mapped and may be of any size.
public let largestUnpacked = 1 << 32

/// How many bytes a file has in all, by its own header.
public struct DeclaredSize {
  let header: Int
  let size: (Data) throws -> Int

  /// `size` is given the first `header` bytes or more.
  public init(header: Int, size: @escaping (Data) throws -> Int) {
    self.header = header
    self.size = size
  }
}

/// The bytes of a file; where they begin with gzip's magic they are decompressed (RFC 1952), no further than
/// `declared` and `largestUnpacked` say.
public func readDecompressed(_ url: URL, declared: DeclaredSize? = nil) throws -> Data {
  let data: Data
  do {
    data = try Data(contentsOf: url, options: .mappedIfSafe)
  } catch {
    throw FormatError(file: url.path, "can't be read: \(reason(error))")
  }
  guard data.prefix(2).elementsEqual([0x1f, 0x8b]) else { return data }
  return try inflate(data, as: .gzip, declared: declared, file: url.path)
}

/// The first bytes of a file, decompressed where it begins with gzip's magic; fewer where there are no more. For
/// headers: the rest isn't read.
public func readBeginning(_ url: URL, bytes: Int) throws -> Data {
  let data: Data
  do {
    let handle = try FileHandle(forReadingFrom: url)
    defer { try? handle.close() }
    // What deflate makes of incompressible data is hardly longer, and names before it are short.
    data = try handle.read(upToCount: bytes + 65_536) ?? Data()
  } catch {
    throw FormatError(file: url.path, "can't be read: \(reason(error))")
  }
  guard data.prefix(2).elementsEqual([0x1f, 0x8b]) else { return data.prefix(bytes) }
  return try inflateBeginning(data, as: .gzip, bytes: bytes, file: url.path)
}

/// What the beginning of compressed data decompresses to, at most so many bytes.
func inflateBeginning(_ data: Data, as format: Deflated, bytes: Int, file: String) throws -> Data {
  var stream = z_stream()
  guard
    inflateInit2_(&stream, format.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
  else { throw FormatError(file: file, "compressed data can't be read: zlib doesn't start") }
  defer { inflateEnd(&stream) }
  var out = [UInt8](repeating: 0, count: bytes)
  let status = data.withUnsafeBytes { raw in
    out.withUnsafeMutableBufferPointer { buffer in
      stream.next_in = UnsafeMutablePointer(
        mutating: raw.baseAddress?.assumingMemoryBound(to: UInt8.self))
      stream.avail_in = UInt32(clamping: raw.count)
      stream.next_out = buffer.baseAddress
      stream.avail_out = UInt32(clamping: buffer.count)
      return CZlib.inflate(&stream, Z_SYNC_FLUSH)
    }
  }
  guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
    throw FormatError(file: file, "compressed data are damaged: zlib error \(status)")
  }
  return Data(out.prefix(bytes - Int(stream.avail_out)))
}

enum Deflated: Int32 {
  /// One or more gzip members, with their checksums.
  case gzip = 31
  /// A deflate stream with its checksum (RFC 1950), as .mat files hold it.
  case zlib = 15
  /// A bare deflate stream (RFC 1951), as zip files hold it.
  case bare = -15
}

/// Decompresses all of `data`. A stream that ends early or is damaged is an error; so is one that gives more bytes than
/// are declared, or than `largestUnpacked`.
func inflate(_ data: Data, as format: Deflated, declared: DeclaredSize?, file: String) throws -> Data {
  func damaged(_ what: String) -> FormatError {
    FormatError(file: file, "compressed data are damaged: \(what)")
  }
  var stream = z_stream()
  guard
    inflateInit2_(&stream, format.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
  else { throw damaged("zlib doesn't start") }
  defer { inflateEnd(&stream) }

  var out = Data()
  var size: Int?
  var chunk = [UInt8](repeating: 0, count: 1 << 18)
  try data.withUnsafeBytes { raw in
    var offset = 0
    var status = Z_OK
    repeat {
      if stream.avail_in == 0 {
        let piece = min(raw.count - offset, 1 << 30)
        guard piece > 0 else { throw damaged("they end early, after \(raw.count) bytes") }
        stream.next_in = UnsafeMutablePointer(
          mutating: raw.baseAddress!.advanced(by: offset).assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(piece)
        offset += piece
      }
      status = chunk.withUnsafeMutableBufferPointer { buffer in
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(buffer.count)
        return CZlib.inflate(&stream, Z_NO_FLUSH)
      }
      guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
        throw damaged(stream.msg.map { String(cString: $0) } ?? "zlib error \(status)")
      }
      out.append(contentsOf: chunk[0..<(chunk.count - Int(stream.avail_out))])
      if size == nil, let declared, out.count >= declared.header {
        size = try declared.size(out)
        // Growing by doubling would take twice the room.
        if let size, size <= largestUnpacked { out.reserveCapacity(size) }
      }
      if let size, out.count > size {
        throw damaged("they give more than the \(size) bytes that are declared")
      }
      guard max(out.count, size ?? 0) <= largestUnpacked else {
        throw FormatError(
          file: file,
          "unpacks to more than \(largestUnpacked >> 30) GiB; unpack it first, plain files may be of any size"
        )
      }
      if status == Z_STREAM_END, format == .gzip, Int(stream.avail_in) + raw.count - offset > 0 {
        // Another member follows.
        inflateReset(&stream)
        status = Z_OK
      }
    } while status != Z_STREAM_END
  }
  return out
}

/// Why the system refused, in a few words.
func reason(_ error: any Error) -> String {
  let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
  if let posix = underlying, posix.domain == NSPOSIXErrorDomain {
    return String(cString: strerror(Int32(posix.code)))
  }
  switch (error as? CocoaError)?.code {
  case .fileReadNoSuchFile?, .fileNoSuchFile?: return "no such file"
  case .fileReadNoPermission?, .fileWriteNoPermission?: return "permission denied"
  case .fileWriteOutOfSpace?: return "no space left"
  default: return (error as NSError).localizedDescription
  }
}

// Owns the file that a download grows in: locked against other processes, and hashed as a whole.

import Canonical
import Foundation

/// A file with the first bytes of another.
final class PartialFile {
  private let descriptor: Int32
  private let path: String
  private(set) var size: Int

  /// Opens or makes it, and waits until no other process has it.
  init(_ url: URL) throws {
    path = url.path
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw PartialFile.failed("be opened", url.path) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else {
        let error = PartialFile.failed("be locked", url.path)
        close(descriptor)
        throw error
      }
    }
    size = Int(lseek(descriptor, 0, SEEK_END))
  }

  deinit { close(descriptor) }

  private static func failed(_ what: String, _ path: String) -> POSIXError {
    POSIXError(
      POSIXErrorCode(rawValue: errno) ?? .EIO,
      userInfo: [NSLocalizedDescriptionKey: "\(path) can't \(what): \(String(cString: strerror(errno)))"])
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let n = pwrite(descriptor, rest.baseAddress!, rest.count, off_t(size))
      if n < 0 {
        if errno == EINTR { continue }
        throw PartialFile.failed("be written", path)
      }
      size += n
      rest = UnsafeRawBufferPointer(rebasing: rest[n...])
    }
  }

  func empty() throws {
    guard ftruncate(descriptor, 0) == 0 else { throw PartialFile.failed("be emptied", path) }
    size = 0
  }

  func digest() throws -> Digest {
    var hasher = Hasher256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var offset = 0
    while true {
      let n = pread(descriptor, buffer.baseAddress!, buffer.count, off_t(offset))
      if n < 0 {
        if errno == EINTR { continue }
        throw PartialFile.failed("be read", path)
      }
      if n == 0 { return hasher.finish() }
      hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
      offset += n
    }
  }
}

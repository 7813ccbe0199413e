// Owns plain files as descriptors: reading, writing and syncing with errors that name the path. It knows nothing
// of blobs.

import Foundation

/// Fills the buffer from the front; returns how many bytes it put there, 0 at the end.
public typealias ByteSource = (UnsafeMutableRawBufferPointer) throws -> Int
/// Takes the next bytes; they are valid during the call only.
public typealias ByteSink = (UnsafeRawBufferPointer) throws -> Void

/// An open file, closed when it goes out of scope.
struct OpenFile: ~Copyable {
  let descriptor: Int32
  let path: String

  /// Opens for reading; nil when there is no such file.
  static func reading(_ path: String) throws -> OpenFile? {
    // A pipe would make its reader wait for a writer; plain files don't care.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 {
      let reason = String(cString: strerror(errno))
      switch errno {
      case ENOENT, ENOTDIR: return nil
      // This process's trouble, not the file's.
      case EMFILE, ENFILE, ENOMEM:
        throw StoreError.system(operation: "open the file", path: path, reason: reason)
      default: throw StoreError.unreadable(path: path, reason: reason)
      }
    }
    return OpenFile(descriptor: descriptor, path: path)
  }

  /// Creates a file that wasn't there.
  static func creating(_ path: String) throws -> OpenFile {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw StoreError.failed(to: "create the file", path) }
    return OpenFile(descriptor: descriptor, path: path)
  }

  deinit { close(descriptor) }

  func status() throws -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw StoreError.failed(to: "examine the file", path) }
    return status
  }

  /// Reads on, or at an offset, until the buffer is full or the file ends.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int? = nil) throws -> Int {
    var filled = 0
    while filled < buffer.count {
      let (start, count) = (buffer.baseAddress! + filled, buffer.count - filled)
      let n =
        offset.map { pread(descriptor, start, count, off_t($0 + filled)) }
        ?? Foundation.read(descriptor, start, count)
      if n < 0 {
        if errno == EINTR { continue }
        throw StoreError.unreadable(path: path, reason: String(cString: strerror(errno)))
      }
      if n == 0 { break }
      filled += n
    }
    return filled
  }

  /// The whole file, refused when it is longer than `limit`.
  func contents(limit: Int) throws -> [UInt8] {
    let size = Int(try status().st_size)
    guard size <= limit else {
      throw StoreError.source(path: path, reason: "\(size) bytes, more than the \(limit) allowed")
    }
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = try read(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  /// The first `count` bytes, or all there are.
  func start(_ count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let n = Foundation.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if n < 0 {
        if errno == EINTR { continue }
        throw StoreError.failed(to: "write", path)
      }
      done += n
    }
  }

  /// Waits until the bytes are on the disk.
  func sync() throws {
    guard fsync(descriptor) == 0 else { throw StoreError.failed(to: "sync", path) }
  }

  /// From now on nobody may write this file.
  func makeReadOnly(_ mode: mode_t = 0o444) throws {
    guard fchmod(descriptor, mode) == 0 else { throw StoreError.failed(to: "make read-only", path) }
  }
}

/// Makes a folder and those above it; it may be there already.
public func makeDirectory(_ path: String) throws {
  if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
  guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
    throw StoreError.failed(to: "create the folder", path)
  }
  try makeDirectory(String(path[..<slash]))
  guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
    throw StoreError.failed(to: "create the folder", path)
  }
}

/// Waits until a folder's entries are on the disk; on a network filesystem, until others can see them.
func syncDirectory(_ path: String) throws {
  let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw StoreError.failed(to: "open the folder", path) }
  defer { close(descriptor) }
  // Some network filesystems can't sync a folder and say EINVAL; there is nothing more to do there.
  if fsync(descriptor) != 0, errno != EINVAL { throw StoreError.failed(to: "sync the folder", path) }
}

/// The names in a folder, unsorted; empty when there is no such folder.
func names(in directory: String) -> [String] {
  (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
}

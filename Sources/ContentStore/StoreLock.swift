// Owns the locks of a store: files on its disk that processes lock while they work, so that the system takes a dead
// process's locks back.

import Foundation

/// The store's own lock, held shared while a store is open. Who wants a store for himself (a change of its layout) takes
/// it exclusively.
final class StoreLock: Sendable {
  private let descriptor: Int32

  /// Waits while somebody holds the store exclusively. Where nothing can be written, there is nobody to keep out.
  init(_ path: String) throws {
    var descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    if descriptor < 0 { descriptor = open(path, O_RDONLY | O_CLOEXEC) }
    self.descriptor = descriptor
    guard descriptor >= 0 else { return }
    for _ in 0..<600 {
      if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return }
      usleep(100_000)
    }
    throw StoreError.index(path: path, reason: "another process has kept the store for itself for a minute")
  }

  deinit { if descriptor >= 0 { close(descriptor) } }
}

/// Runs `body` alone among the processes and threads that lock this file; with `LOCK_SH`, beside others that do so too.
func locked<T>(_ path: String, _ how: Int32 = LOCK_EX, _ body: () throws -> T) throws -> T {
  let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
  guard descriptor >= 0 else { throw StoreError.failed(to: "lock", path) }
  defer { close(descriptor) }
  while flock(descriptor, how) != 0 {
    guard errno == EINTR else { throw StoreError.failed(to: "lock", path) }
  }
  return try body()
}

// Owns what runs in progress use, so that nobody frees it beneath them: each record, blob and state that a run looks for
// or is about to write is marked in the run's file under `running/` first. Who frees something holds `free.lock` alone
// while he reads the marks and removes what has none; who marks holds it with others. So it is files and locks that
// decide, and no clock: what was marked before stays, and what is looked for afterwards is found to be gone.

import Canonical
import Foundation
import Synchronization

/// Something that a run uses, or is about to.
enum Use: Hashable, Sendable {
  /// A key's record, with everything that can be reached from it.
  case record(Digest)
  /// A blob that is being written, or was and has no record yet.
  case blob(Digest)
  /// A state of work under way, by its key.
  case state(Digest)

  private static let length = 33

  private var mark: (letter: UInt8, digest: Digest) {
    switch self {
    case .record(let key): (UInt8(ascii: "r"), key)
    case .blob(let digest): (UInt8(ascii: "b"), digest)
    case .state(let key): (UInt8(ascii: "s"), key)
    }
  }

  /// Marks have one length each, and are appended whole: drivers and workers make them side by side.
  static func marks(_ uses: some Collection<Use>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(uses.count * length)
    for use in uses {
      let (letter, digest) = use.mark
      bytes.append(letter)
      digest.withBytes { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// Reads what `marks` wrote; nil when anything of it isn't whole.
  static func read(_ bytes: [UInt8]) -> Set<Use>? {
    guard bytes.count.isMultiple(of: length) else { return nil }
    var uses = Set<Use>()
    for start in stride(from: 0, to: bytes.count, by: length) {
      let digest = bytes.withUnsafeBytes {
        Digest(bytes: UnsafeRawBufferPointer(rebasing: $0[start + 1..<start + length]))!
      }
      switch bytes[start] {
      case UInt8(ascii: "r"): uses.insert(.record(digest))
      case UInt8(ascii: "b"): uses.insert(.blob(digest))
      case UInt8(ascii: "s"): uses.insert(.state(digest))
      default: return nil
      }
    }
    return uses
  }
}

extension Layout {
  /// A run's file: locked while the run lives, with its marks.
  func running(_ run: RunID) -> String { "\(running)/\(run)" }

  /// Marks a blob that a worker is about to write for a run. From then on it stays, also one that was there already.
  /// Of a run that has ended nobody wants to know.
  func mark(_ blob: Digest, for run: RunID) throws {
    try locked(freeLock, LOCK_SH) {
      let file = Foundation.open(running(run), O_WRONLY | O_APPEND | O_CLOEXEC)
      guard file >= 0 else { return }
      defer { close(file) }
      guard append(Use.marks([.blob(blob)]), to: file) else {
        throw StoreError.failed(to: "write", running(run))
      }
    }
  }
}

/// Whether all of it could be written.
private func append(_ bytes: [UInt8], to file: Int32) -> Bool {
  while true {
    let n = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    if n < 0, errno == EINTR { continue }
    if n >= 0, n < bytes.count { errno = ENOSPC }
    return n == bytes.count
  }
}

extension Store {
  /// Has the runs of this process say what they are about to look for. Where they can't, nothing is freed before they
  /// have ended.
  func mark(_ uses: some Collection<Use>) throws {
    let files = runLocks.withLock { Array($0.values) }
    guard !files.isEmpty, !uses.isEmpty else { return }
    let bytes = Use.marks(uses)
    let lock = try FreeLock(layout, LOCK_SH)
    let isMarked = files.map { append(bytes, to: $0) }.allSatisfy { $0 }
    if !isMarked { unmarked.withLock { $0 = lock } }
  }

  /// Puts bytes into the store for the run of this process.
  package var writer: BlobWriter { BlobWriter(store: directory, run: runLocks.withLock { $0.keys.first }) }

  /// The numbers of the runs in progress.
  func runsInProgress() -> [RunID] {
    names(in: layout.running).compactMap { name in
      Int(name).flatMap { name == "\($0)" && isAlive(RunID($0)) ? RunID($0) : nil }
    }
  }

  /// What a run in progress uses, from a place in its marks on; and where they end. To be asked while `free.lock` is held
  /// alone.
  /// - Throws: `.unreadable` when the run couldn't say it whole.
  func uses(of run: RunID, from start: Int) throws -> (uses: Set<Use>, end: Int) {
    let path = layout.running(run)
    // It may have ended since.
    guard let file = try OpenFile.reading(path) else { return ([], start) }
    let end = Int(try file.status().st_size)
    guard end > start else { return ([], start) }
    let bytes = try [UInt8](unsafeUninitializedCapacity: end - start) { buffer, count in
      count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: start)
    }
    guard let uses = Use.read(bytes) else {
      throw StoreError.unreadable(
        path: path, reason: "what run \(run) uses isn't written whole; nothing is freed before it has ended")
    }
    return (uses, end)
  }
}

/// The lock under which things are marked (`LOCK_SH`) or freed (`LOCK_EX`), held as long as this lives.
final class FreeLock: Sendable {
  private let descriptor: Int32

  init(_ layout: Layout, _ how: Int32) throws {
    descriptor = open(layout.freeLock, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw StoreError.failed(to: "lock", layout.freeLock) }
    // Marking takes no time; freeing alone may have to wait long, for a run that couldn't mark.
    for attempt in 0... {
      if flock(descriptor, how == LOCK_SH ? LOCK_SH : LOCK_EX | LOCK_NB) == 0 { return }
      guard errno == EINTR || errno == EWOULDBLOCK else {
        throw StoreError.failed(to: "lock", layout.freeLock)
      }
      guard attempt < FreeLock.patience else {
        throw StoreError.index(
          path: layout.root,
          reason: "a run in progress couldn't say what it uses (is the disk full?), so nothing can be freed "
            + "before it has ended")
      }
      usleep(2000)
    }
  }

  /// So many times 2 ms.
  private static let patience = 5000

  deinit { if descriptor >= 0 { close(descriptor) } }
}

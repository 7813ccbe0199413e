// Owns what can go wrong in the store, its remotes and the files it reads, said with place and cure.

import Canonical
import Foundation

/// Why the store could not do what was asked.
public enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The store's path holds something else.
  case notADirectory(path: String)
  /// A folder that isn't empty and holds no store, or no place at all: a mistake rather than a wish.
  case notAStore(path: String, reason: String)
  /// The store, or a file in it, can't be created or changed.
  case cannotWrite(path: String, reason: String)
  /// A later version of the program wrote this store.
  case newer(path: String, found: Int, supported: Int)
  /// The disk, the quota or the file size limit is exhausted. Nothing was published.
  case full(path: String)
  /// A blob isn't here, nor on the attached remote.
  case missing(Digest)
  /// A blob's bytes were not what its digest says. It has been dropped, so from now on it is missing.
  case damaged(Digest, reason: String)
  /// Something is there and couldn't be read, for a reason that may pass.
  case unreadable(path: String, reason: String)
  /// A file or folder outside the store can't be read as asked.
  case source(path: String, reason: String)
  /// A record's text isn't one, or lies about itself.
  case record(reason: String)
  /// A record of a format that this version doesn't know. It is not wrong, and never replaced.
  case newerRecord(format: Int)
  /// The index (SQLite) failed.
  case index(path: String, reason: String)
  /// A remote failed.
  case remote(name: String, reason: String)
  /// A remote isn't there at all: its folder is gone, or the filesystem that holds it isn't mounted.
  case remoteAbsent(name: String, reason: String)
  /// The operating system refused an operation.
  case system(operation: String, path: String, reason: String)

  public var description: String {
    switch self {
    case .notADirectory(let path):
      "\(path): the store is a directory, but this is a file. Choose another place with --store."
    case .notAStore(let path, let reason):
      "\(path.isEmpty ? "''" : path): no place for a store (\(reason)). Name a new or empty folder with --store."
    case .cannotWrite(let path, let reason):
      "\(path): can't be written (\(reason)). Mend its permissions, or choose another place with --store."
    case .newer(let path, let found, let supported):
      "\(path): written by a later version of bobbin (store version \(found); this one knows \(supported)). "
        + "Update bobbin, or choose another place with --store."
    case .full(let path):
      "\(path): no room left on the disk (or a quota or file size limit is reached). Nothing was published. "
        + "Free some space and run again; what had finished is kept."
    case .missing(let digest):
      "blob \(digest) is not in the store. Run the stage that writes it again."
    case .damaged(let digest, let reason):
      "blob \(digest) was damaged (\(reason)) and has been dropped. Run the stage that writes it again."
    case .unreadable(let path, let reason): "\(path): can't be read (\(reason))"
    case .source(let path, let reason): "\(path): \(reason)"
    case .record(let reason): "not a valid record: \(reason)"
    case .newerRecord(let format):
      "a record written by a newer bobbin (format \(format); this one knows \(Record.format)). Update Bobbin."
    case .index(let path, let reason): "\(path): \(reason)"
    case .remote(let name, let reason): "remote \(name): \(reason)"
    case .remoteAbsent(let name, let reason): "remote \(name) is not there: \(reason)"
    case .system(let operation, let path, let reason): "\(path): can't \(operation) (\(reason))"
    }
  }

  /// Whom an error concerns, and so what is to be done about it.
  public enum Concern: Hashable, Sendable {
    /// A blob's bytes are gone: running its producer again brings them back.
    case lostBlob(Digest)
    /// One file or blob couldn't be read or written. Another try may succeed; else it is the affair of who needs it.
    case item
    /// There is no room. Nothing will succeed before there is some.
    case space
    /// A remote failed; the store itself is well.
    case remote
    /// The store as a whole can't be used.
    case store
  }

  public var concern: Concern {
    switch self {
    case .missing(let digest), .damaged(let digest, _): .lostBlob(digest)
    case .unreadable, .source, .record, .newerRecord, .system: .item
    case .full: .space
    case .remote, .remoteAbsent: .remote
    case .notADirectory, .notAStore, .cannotWrite, .newer, .index: .store
    }
  }

  /// Whether a remote failed, or isn't there, the store itself being well.
  package var isOfRemote: Bool { concern == .remote }

  /// The error for `errno` after a failed system call.
  static func failed(to operation: String, _ path: String, _ code: Int32 = errno) -> StoreError {
    let reason = String(cString: strerror(code))
    switch code {
    case ENOSPC, EDQUOT, EFBIG: return .full(path: path)
    case EROFS, EACCES, EPERM: return .cannotWrite(path: path, reason: reason)
    default: return .system(operation: operation, path: path, reason: reason)
    }
  }
}

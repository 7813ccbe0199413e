// Owns what can go wrong in the store, its remotes and the files it reads, said with place and cure.

import Canonical
import Foundation

/// Why the store could not do what was asked.
public enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The store's path holds something else.
  case notADirectory(path: String)
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
  /// A file or folder outside the store can't be read as asked.
  case source(path: String, reason: String)
  /// A record's text isn't one, or lies about itself.
  case record(reason: String)
  /// The index (SQLite) failed.
  case index(path: String, reason: String)
  /// A remote failed.
  case remote(name: String, reason: String)
  /// The operating system refused an operation.
  case system(operation: String, path: String, reason: String)

  public var description: String {
    switch self {
    case .notADirectory(let path):
      "\(path): the store is a directory, but this is a file. Choose another place with --store."
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
    case .source(let path, let reason): "\(path): \(reason)"
    case .record(let reason): "not a valid record: \(reason)"
    case .index(let path, let reason): "\(path): \(reason)"
    case .remote(let name, let reason): "remote \(name): \(reason)"
    case .system(let operation, let path, let reason): "\(path): can't \(operation) (\(reason))"
    }
  }

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

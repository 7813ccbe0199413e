// Owns files while they are being written: unique names across hosts and restarts, and atomic publication. What dead
// processes left behind is OwnFolder's to remove.

import Foundation

/// A file under a unique temporary name, removed when it goes out of scope unless it was published.
struct Temporary: ~Copyable {
  let file: OpenFile
  var path: String { file.path }

  /// Creates an empty file in `directory`, which is created if need be.
  init(in directory: String) throws {
    let path = "\(directory)/\(OwnName().text)"
    do {
      file = try OpenFile.creating(path)
    } catch StoreError.system {
      try makeDirectory(directory)
      file = try OpenFile.creating(path)
    }
  }

  deinit { unlink(file.path) }

  func write(_ bytes: UnsafeRawBufferPointer) throws { try file.write(bytes) }

  /// Syncs the file, makes it read-only and gives it its name, unless that is taken (then false).
  func publish(as path: String, group: gid_t? = nil, mode: mode_t = 0o444) throws -> Bool {
    if let group { _ = fchown(file.descriptor, uid_t.max, group) }
    try file.makeReadOnly(mode)
    try file.sync()
    var madeFolder = false
    while true {
      if link(file.path, path) == 0 { return true }
      switch errno {
      case EEXIST: return false
      case ENOENT:
        // Only the folder can be missing, and another process may be making it too; a second ENOENT is an error.
        if madeFolder { throw StoreError.failed(to: "publish", path, ENOENT) }
        madeFolder = true
        try makeDirectory((path as NSString).deletingLastPathComponent)
      case EPERM, EOPNOTSUPP, EMLINK:
        // A filesystem without hard links: a rename is as atomic, and the loser's bytes are as good.
        if access(path, F_OK) == 0 { return false }
        try replace(path)
        return true
      default: throw StoreError.failed(to: "publish", path)
      }
    }
  }

  /// Gives the file its name even where one was.
  func replace(_ path: String) throws {
    guard rename(file.path, path) == 0 else { throw StoreError.failed(to: "publish", path) }
  }
}

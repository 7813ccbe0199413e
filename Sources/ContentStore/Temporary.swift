// Owns files while they are being written: unique names across hosts and restarts, atomic publication, and the
// removal of what dead processes left behind.

import Foundation

/// A file under a unique temporary name, removed when it goes out of scope unless it was published.
struct Temporary: ~Copyable {
  let file: OpenFile
  var path: String { file.path }

  /// Creates an empty file in `directory`, which is created if need be. `label` ends its name, for debugging.
  init(in directory: String) throws {
    let random = String(UInt64.random(in: .min ... .max), radix: 16)
    let path = "\(directory)/\(Temporary.owner)-\(getpid())-\(random)"
    do {
      file = try OpenFile.creating(path)
    } catch StoreError.system {
      try makeDirectory(directory)
      file = try OpenFile.creating(path)
    }
  }

  deinit { unlink(file.path) }

  func write(_ bytes: UnsafeRawBufferPointer) throws { try file.write(bytes) }

  /// Syncs the file, makes it read-only and gives it its name, unless somebody else was first (then false).
  func publish(as path: String) throws -> Bool {
    try file.makeReadOnly()
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

  /// Host, boot and process namespace: where a process id means something.
  private static let owner: String = {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, 255)
    let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      .filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") }
    let boot = (bootIdentity ?? "boot").prefix(8)
    let namespace = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
    return "\(host)-\(boot)-\(namespace.filter(\.isNumber))"
  }()

  /// Changes whenever the machine starts; nil where the system doesn't tell.
  static let bootIdentity: String? = {
    guard let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8) else {
      return nil
    }
    return text.filter { $0.isHexDigit }
  }()

  /// Removes the files of processes that are certainly dead: of this host, boot and process namespace with no
  /// such process; and of others after a week.
  static func removeStale(in directory: String) {
    for name in names(in: directory) {
      let path = "\(directory)/\(name)"
      if name.hasPrefix(owner + "-") {
        let rest = name.dropFirst(owner.count + 1)
        guard let process = pid_t(rest.prefix { $0 != "-" }) else { continue }
        if kill(process, 0) != 0, errno == ESRCH { unlink(path) }
      } else {
        var status = stat()
        if stat(path, &status) == 0, time(nil) - status.st_mtim.tv_sec > 7 * 24 * 3600 { unlink(path) }
      }
    }
  }
}

// Owns removing what dead processes left behind, and nothing else: folders are opened without following links, and
// only names of Bobbin's own form are touched. It knows nothing of what lies in the folders.

import Foundation

/// A name that no other process, host or start of the machine gives: host, boot and process namespace (where a process
/// id means something), process id, a random number.
public struct OwnName: Hashable, Sendable {
  public let text: String
  private let owner: Substring
  private let process: pid_t

  /// A new name of this process.
  public init() {
    self.init(OwnName.owner + "-\(getpid())-" + String(UInt64.random(in: .min ... .max), radix: 16))!
  }

  /// Reads a name; nil for any that wasn't made here.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    func isHex(_ part: Substring) -> Bool {
      !part.isEmpty && part.count <= 16 && part.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }
    guard parts.count == 5, parts[0].utf8.allSatisfy({ isWord($0) || $0 == UInt8(ascii: ".") }),
      parts[1] == "boot" || (parts[1].utf8.count == 8 && isHex(parts[1])),
      parts[2].utf8.allSatisfy({ isWord($0) && $0 <= UInt8(ascii: "9") }),
      let process = pid_t(parts[3]), process > 0, parts[3] == "\(process)", isHex(parts[4])
    else { return nil }
    self.text = text
    owner = text[..<parts[2].endIndex]
    self.process = process
  }

  /// The id that its process has, or had, where it was given.
  public var processID: Int { Int(process) }

  /// Whether its process is certainly dead; nil where that can't be known from here.
  public var isDead: Bool? {
    guard owner == OwnName.owner else { return nil }
    return kill(process, 0) != 0 && errno == ESRCH
  }

  /// Whether it was given on this machine, so that locks of its maker can be seen here whatever the filesystem.
  public var isOfThisHost: Bool { text.prefix { $0 != "-" } == OwnName.owner.prefix { $0 != "-" } }

  private static let owner: String = {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, 255)
    let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      .filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") }
    let namespace = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
    return "\(host.prefix(64))-\(bootIdentity.prefix(8))-\(namespace.filter(\.isNumber))"
  }()

  /// Changes whenever the machine starts.
  private static let bootIdentity: String = {
    let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    return text.map { $0.filter { $0.isHexDigit } } ?? "boot"
  }()
}

private func isWord(_ c: UInt8) -> Bool {
  (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(c) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(c)
    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(c)
}

/// An open folder. What is done to its entries can't be led elsewhere by links.
public struct OwnFolder: ~Copyable {
  private let descriptor: Int32
  /// Of the folder itself, as it was opened.
  private let status: stat

  /// Opens a folder; nil where there is none, or a link to one.
  public init?(_ path: String) { self.init(at: AT_FDCWD, path) }

  private init?(at parent: Int32, _ name: UnsafePointer<CChar>) {
    descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else { return nil }
    self.status = status
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The entries whose names are of Bobbin's own form.
  public var ownNames: [OwnName] {
    textNames.compactMap { OwnName($0) }
  }

  /// The names that are text.
  private var textNames: [String] {
    entries.compactMap { entry in
      String(validating: entry.name.lazy.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// The names as the system has them, with the NUL at their ends: one may be anything but UTF-8. With each, whether it
  /// may be a folder's.
  private var entries: [(name: [CChar], mayBeFolder: Bool)] {
    // The stream takes the descriptor it is given, and its position.
    guard let stream = fdopendir(openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) else {
      return []
    }
    defer { closedir(stream) }
    var entries: [(name: [CChar], mayBeFolder: Bool)] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
      }
      let type = Int(entry.pointee.d_type)
      let mayBeFolder = type == Int(DT_DIR) || type == Int(DT_UNKNOWN)
      if strcmp(name, ".") != 0, strcmp(name, "..") != 0 { entries.append((name, mayBeFolder)) }
    }
    return entries
  }

  /// Removes the files of processes that are certainly dead, and those of processes that can't be asked after a week.
  public func removeStaleFiles() {
    for name in ownNames {
      guard let status = status(of: name.text), status.st_mode & S_IFMT == S_IFREG else { continue }
      let isOld = time(nil) - status.st_mtim.tv_sec > 7 * 24 * 3600
      if name.isDead ?? isOld { unlinkat(descriptor, name.text, 0) }
    }
  }

  /// Removes folders that are called `prefix` and a name of Bobbin's own form, of processes that are certainly dead,
  /// or that can't be asked after a week.
  public func removeStaleTrees(prefix: String) {
    for name in textNames where name.hasPrefix(prefix) {
      guard let own = OwnName(String(name.dropFirst(prefix.count))), let status = status(of: name),
        status.st_mode & S_IFMT == S_IFDIR
      else { continue }
      if own.isDead ?? (time(nil) - status.st_mtim.tv_sec > 7 * 24 * 3600) { removeTree(name) }
    }
  }

  /// A descriptor of a folder in here that nobody else has locked; locked until it is closed or the process ends.
  public func lock(_ name: OwnName) -> Int32? {
    let folder = openat(descriptor, name.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard folder >= 0 else { return nil }
    if flock(folder, LOCK_EX | LOCK_NB) == 0 { return folder }
    close(folder)
    return nil
  }

  /// Removes an entry with all below it, read-only folders too. Links are removed, never followed, and what another
  /// filesystem holds stays. What can't be removed stays.
  public func removeTree(_ name: String) { name.withCString { removeTree($0) } }

  private func removeTree(_ name: UnsafePointer<CChar>) {
    guard let status = status(of: name), status.st_dev == self.status.st_dev else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      if status.st_mode & 0o700 != 0o700 { fchmodat(descriptor, name, 0o700, 0) }
      if let folder = OwnFolder(at: descriptor, name) {
        for below in folder.entries {
          // A file needs no look: a folder that has taken its place meanwhile stays.
          if below.mayBeFolder {
            folder.removeTree(below.name)
          } else {
            unlinkat(folder.descriptor, below.name, 0)
          }
        }
      }
      unlinkat(descriptor, name, AT_REMOVEDIR)
    } else {
      unlinkat(descriptor, name, 0)
    }
  }

  /// Removes all that is in a folder in here but the folders `kept`, by their paths in it; those are emptied as well.
  /// - Returns: whether it and what is left of them are as if they had just been made in here: empty, with the same
  ///   permissions and owners. What once had many entries isn't either: it takes as long to read as it did then.
  public func empty(_ name: String, keeping kept: Set<String>) -> Bool {
    name.withCString { empty($0, at: "", keeping: kept) }
  }

  private func empty(_ name: UnsafePointer<CChar>, at place: String, keeping kept: Set<String>) -> Bool {
    guard let folder = OwnFolder(at: descriptor, name), folder.isAsMade(in: self) else { return false }
    for below in folder.entries {
      let path = place + String(decoding: below.name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if below.mayBeFolder, kept.contains(path) {
        guard folder.empty(below.name, at: path + "/", keeping: kept) else { return false }
      } else {
        folder.removeTree(below.name)
        guard folder.status(of: below.name) == nil else { return false }
      }
    }
    return true
  }

  private func isAsMade(in parent: borrowing OwnFolder) -> Bool {
    status.st_dev == parent.status.st_dev && status.st_mode == parent.status.st_mode
      && status.st_uid == parent.status.st_uid && status.st_gid == parent.status.st_gid
      && status.st_size <= OwnFolder.smallFolder
  }

  /// The bytes of a folder that few entries have ever been in, whatever the filesystem.
  private static let smallFolder: off_t = 16 << 10

  private func status(of name: UnsafePointer<CChar>) -> stat? {
    var status = stat()
    return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
  }
}

// Owns a user's signing keys: files with one private key each, which nobody else may read, in a folder of the user's own.

import Foundation

/// `bobbin/keys` under `XDG_CONFIG_HOME` or `~/.config`.
public struct KeyFolder: Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  /// The names of the keys, sorted.
  public var names: [String] {
    ContentStore.names(in: path).filter { KeyFolder.isName($0) && Layout.sizeOfFile("\(path)/\($0)") != nil }
      .sorted()
  }

  /// Whether a key may be called so: letters, digits, `.`, `_`, `-` and `@`, the first no `.` and no `-`.
  public static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= 64 else { return false }
    return first != UInt8(ascii: ".") && first != UInt8(ascii: "-")
      && name.unicodeScalars.allSatisfy { c in
        c.isASCII
          && (c.properties.isAlphabetic || ("0"..."9").contains(c) || "._-@".unicodeScalars.contains(c))
      }
  }

  /// Makes a key and keeps it under a name.
  /// - Throws: `.source` where there is one of this name.
  public func create(_ name: String) throws -> PrivateKey {
    precondition(KeyFolder.isName(name))
    try makeDirectory((path as NSString).deletingLastPathComponent)
    // Nobody else needs to know how the keys are called either.
    if mkdir(path, 0o700) != 0, errno != EEXIST { throw StoreError.failed(to: "create the folder", path) }
    let key = PrivateKey()
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      if errno == EEXIST {
        throw StoreError.source(
          path: file, reason: "there is a key of this name; it is kept. Choose another name")
      }
      throw StoreError.failed(to: "create the file", file)
    }
    defer { close(descriptor) }
    let text = Array(key.fileText.utf8)
    guard write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
      let error = StoreError.failed(to: "write", file)
      unlink(file)
      throw error
    }
    return key
  }

  /// The key of this name.
  /// - Throws: `.source` when there is none, others may read it, or the file holds something else, which isn't told.
  public func key(_ name: String) throws -> PrivateKey {
    let file = "\(path)/\(name)"
    guard KeyFolder.isName(name), let open = try OpenFile.reading(file) else {
      throw StoreError.source(
        path: file, reason: "there is no key of this name. `bobbin key new \(name)` makes one")
    }
    let status = try open.status()
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw StoreError.source(path: file, reason: "not a file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw StoreError.source(
        path: file, reason: "others may read this private key. If nobody has: chmod 600; else make another")
    }
    guard let key = PrivateKey(fileText: String(decoding: try open.start(200), as: UTF8.self)) else {
      throw StoreError.source(path: file, reason: "it doesn't hold a private key of bobbin's")
    }
    return key
  }
}

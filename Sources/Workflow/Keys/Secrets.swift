// Owns what stands in keys for the values of secret variables: a digest that nobody can compute without a key of the
// user's own, so that a short password can't be guessed from a record.

import Canonical
import Foundation

/// Makes keyed digests of secrets (HMAC-SHA-256, RFC 2104).
package struct SecretKey: Sendable {
  private let inner: [UInt8]
  private let outer: [UInt8]

  package init(_ key: [UInt8]) {
    var block = key.count > 64 ? Digest.of(key).bytes : key
    block += [UInt8](repeating: 0, count: 64 - block.count)
    inner = block.map { $0 ^ 0x36 }
    outer = block.map { $0 ^ 0x5C }
  }

  /// The user's own key, `bobbin/secret-key` under `XDG_CONFIG_HOME` or `~/.config`, made at random when there is none.
  /// - Throws: `SecretKeyProblem`.
  init(environment: [String: String]) throws {
    let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 }
    guard
      let folder = environment["XDG_CONFIG_HOME"].flatMap({ $0.hasPrefix("/") ? $0 : nil })
        ?? home.map({ $0 + "/.config" })
    else {
      throw SecretKeyProblem(
        "neither XDG_CONFIG_HOME nor HOME is set, where the key for digests of secrets is kept")
    }
    let path = folder + "/bobbin/secret-key"
    if let known = FileManager.default.contents(atPath: path) {
      guard known.count == 32 else {
        throw SecretKeyProblem("\(path) isn't 32 bytes long. Remove it to get a new one")
      }
      self.init(Array(known))
      return
    }
    do {
      try FileManager.default.createDirectory(
        atPath: folder + "/bobbin", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw SecretKeyProblem("\(folder)/bobbin can't be made, where the key for digests of secrets is kept")
    }
    var generator = SystemRandomNumberGenerator()
    let fresh = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    // Whoever comes second takes the key of whoever came first.
    let temporary = path + ".\(getpid())"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    defer { unlink(temporary) }
    guard file >= 0, write(file, fresh, 32) == 32, close(file) == 0,
      link(temporary, path) == 0 || errno == EEXIST, let made = FileManager.default.contents(atPath: path),
      made.count == 32
    else { throw SecretKeyProblem("\(path) can't be written: \(String(cString: strerror(errno)))") }
    self.init(Array(made))
  }

  /// The digest of a secret value, of one variable: equal values of two variables don't show.
  func digest(of value: String, in variable: String) -> Digest {
    mac(Array("\(variable)\0\(value)".utf8))
  }

  package func mac(_ message: [UInt8]) -> Digest { .of(outer + Digest.of(inner + message).bytes) }
}

struct SecretKeyProblem: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

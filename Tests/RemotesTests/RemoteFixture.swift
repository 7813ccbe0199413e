// Owns the sorts of remotes that are tested, each at a new and empty place that goes with the test.

import Canonical
import ContentStore
import Foundation
import LoopbackServer
import RealServices
import Remotes
import Testing

/// A sort of remote under test. Another sort is one more line in `all`: it then has to pass everything here.
struct RemoteFixture: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// How large a blob is tried that has to go through little memory; zeros, which cost the server nothing where it is
  /// the tests' own.
  var vast: Int
  /// Makes an empty one in a folder of such a name; nil where its service isn't installed.
  var start: @Sendable (_ folder: String) throws -> Station?

  static let all = [directory, http, nginx, s3, sftp]

  static let directory = RemoteFixture(testDescription: "directory", vast: 128 << 20) { folder in
    let scratch = try Scratch()
    return Station(place: scratch[folder].path, serving: scratch)
  }

  static let http = RemoteFixture(testDescription: "http", vast: 2 << 30) { folder in
    let server = try CacheServer()
    let name = folder.addingPercentEncoding(withAllowedCharacters: .alphanumerics)!
    return Station(place: server.url(name), serving: server)
  }

  // Those on a real service share it, each test in a place of its own.

  static let nginx = RemoteFixture(testDescription: "nginx", vast: 128 << 20) { folder in
    guard let service = Service.nginx else { return nil }
    return Station(place: "\(service["URL"])/\(UUID().uuidString)/\(escaped(folder))", serving: service)
  }

  static let s3 = RemoteFixture(testDescription: "S3", vast: 128 << 20) { folder in
    guard let service = Service.s3 else { return nil }
    let who = [service["KEY_ID"], service["SECRET"]].map(escaped).joined(separator: ":")
    return Station(
      place: "s3://\(who)@team/\(UUID().uuidString)/\(escaped(folder))?endpoint=\(service["ENDPOINT"])",
      serving: service)
  }

  static let sftp = RemoteFixture(testDescription: "SFTP", vast: 128 << 20) { folder in
    guard let service = Service.sshd else { return nil }
    let place = "\(service["URL"])/\(UUID().uuidString)/\(escaped(folder))"
    return Station(
      place: "\(place)?key=\(service["KEY"])&known_hosts=\(service["KNOWN_HOSTS"])", serving: service)
  }

  private static func escaped(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics)!
  }
}

/// Where a remote is while a test runs.
struct Station {
  var place: String
  /// What ends with the test.
  var serving: AnyObject

  /// Opens it, as another process would.
  func open() throws -> any Remote {
    try openRemote(place, relativeTo: URL(fileURLWithPath: "/"), kinds: remoteKinds())
  }
}

/// A new empty directory, removed with the value.
final class Scratch: Sendable {
  let url = FileManager.default.temporaryDirectory.appending(path: "bobbin-remotes-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }

  subscript(path: String) -> URL { url.appending(path: path) }
}

/// Bytes that don't compress, from a seed.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  var bytes = [UInt8](repeating: 0, count: count)
  bytes.withUnsafeMutableBytes { buffer in
    for i in stride(from: 0, to: count, by: 8) {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      withUnsafeBytes(of: state) { word in
        for j in 0..<min(8, count - i) { buffer[i + j] = word[j] }
      }
    }
  }
  return bytes
}

/// A source of bytes in memory, in small pieces: one may give fewer bytes than there is room for.
func pieces(_ bytes: [UInt8], of size: Int = 10_000) -> ByteSource {
  var left = bytes[...]
  return { buffer in
    let n = min(left.count, buffer.count, size)
    buffer.copyBytes(from: left.prefix(n))
    left = left.dropFirst(n)
    return n
  }
}

extension Remote {
  func put(_ bytes: [UInt8], as stored: Digest? = nil) throws {
    try putBlob(stored ?? Digest.of(bytes), size: bytes.count, from: pieces(bytes))
  }

  func get(_ stored: Digest, limit: Int) throws -> [UInt8]? {
    var bytes: [UInt8] = []
    return try blob(stored, limit: limit) { bytes.append(contentsOf: $0) } ? bytes : nil
  }
}

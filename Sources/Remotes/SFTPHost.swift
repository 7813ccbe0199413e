// Owns how a host is asked for files by SFTP: connections, keys, and what libcurl's codes mean. A host is believed by its
// key in a file of known hosts, and by nothing else.

import CCurl
import ContentStore
import Foundation
import Synchronization

/// Somebody's login on a host.
final class SFTPHost: Sendable {
  private let remote: String
  private let settings: SSHSettings
  private let client: Client
  private let name: String
  private let port: Int
  /// Which of the keys is let in; nil: nobody has asked yet.
  private let key = Mutex<Int?>(nil)

  /// Seconds until somebody has to be there, and until he has let us in: that takes calculations on both sides.
  private static let reaching = 1.8
  private static let entering = 20.0
  /// sshd refuses further connections at random from 10 on that haven't logged in yet (MaxStartups).
  private static let connections = 8

  init(_ address: RemoteAddress) throws {
    remote = RemoteAddress.shown(address.url.absoluteString)
    guard let host = address.url.host(percentEncoded: false), !host.isEmpty else {
      throw StoreError.remote(name: remote, reason: "it names no host; write sftp://user@host/path")
    }
    name = host.contains(":") ? "[\(host)]" : host
    port = address.url.port ?? 22
    settings = try SSHSettings(address)
    var manners = Client.Settings()
    (manners.protocols, manners.connecting, manners.width) = ("sftp", SFTPHost.entering, SFTPHost.connections)
    client = Client(manners)
  }

  /// A request for a file; one for a folder ends with a slash.
  func request(_ method: Request.Method, _ path: String) -> Request {
    request(method, path, key: key.withLock { $0 })
  }

  private func request(_ method: Request.Method, _ path: String, key: Int?) -> Request {
    let place = path.hasPrefix("/") ? path : "/~/" + path
    var request = Request(
      method, "sftp://\(name):\(port)" + Signature.escaped(place, keepingSlashes: true))
    var means = settings.hasAgent ? 1 << 4 : 0  // CURLSSH_AUTH_AGENT
    request.options = [
      .text(CURLOPT_USERNAME, settings.user), .text(CURLOPT_SSH_KNOWNHOSTS, settings.knownHosts),
    ]
    if let key, settings.keys.indices.contains(key) {
      means |= 1 << 0  // CURLSSH_AUTH_PUBLICKEY
      request.options.append(.text(CURLOPT_SSH_PRIVATE_KEYFILE, settings.keys[key]))
    }
    if let password = settings.password {
      means |= 1 << 1  // CURLSSH_AUTH_PASSWORD
      request.options.append(.text(CURLOPT_PASSWORD, password))
    }
    request.options.append(.number(CURLOPT_SSH_AUTH_TYPES, means))
    return request
  }

  /// A request that does things by name and fetches nothing.
  func commands(_ lines: [String], in folder: String) -> Request {
    var request = request(.head, folder)
    request.options.append(.list(CURLOPT_QUOTE, lines))
    return request
  }

  // What stands behind an asterisk may fail.
  func make(_ folder: String) -> String { "*mkdir \(quoted(folder))" }
  func remove(_ file: String) -> String { "*rm \(quoted(file))" }
  /// Fails where there is a file of that name.
  func rename(_ file: String, _ name: String) -> String { "rename \(quoted(file)) \(quoted(name))" }

  private func quoted(_ path: String) -> String {
    "\"" + path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  /// Sends requests, once somebody has let us in; see `Client.send`.
  func send(
    _ count: Int, _ request: (_ position: Int) throws -> Request,
    ended: (_ position: Int, Result<Answer, Failure>) throws -> Request?
  ) throws {
    do { try enter() } catch {
      for i in 0..<count { _ = try ended(i, .failure(error)) }
      return
    }
    try client.send(count, request, ended: ended)
  }

  /// nil: there is no such file.
  func answer(of request: Request) throws -> Answer? {
    var outcome: Result<Answer, Failure>?
    try send(1, { _ in request }) {
      outcome = $1
      return nil
    }
    return try answer(outcome!)
  }

  /// nil: there is no such file.
  func answer(_ outcome: Result<Answer, Failure>) throws -> Answer? {
    do { return try outcome.get() } catch {
      switch error.code {
      case _ where error.sort == .own || error.sort == .away: throw error.thrown(by: remote)
      case CURLE_REMOTE_FILE_NOT_FOUND: return nil
      case CURLE_LOGIN_DENIED:
        throw refusal("it doesn't let '\(settings.user)' in; \(settings.cure)")
      case CURLE_PEER_FAILED_VERIFICATION:
        let scan = "ssh-keyscan\(port == 22 ? "" : " -p \(port)") \(name)"
        throw refusal(
          "its key isn't in \(settings.knownHosts), or is another there. If it is new, and its fingerprint is the "
            + "host's: \(scan) >> \(settings.knownHosts)")
      case CURLE_REMOTE_ACCESS_DENIED:
        throw refusal("'\(settings.user)' may not do that there: permission denied")
      case CURLE_REMOTE_DISK_FULL: throw refusal("there is no room left")
      // Whatever else the protocol breaks off for, with the same code.
      case CURLE_SSH: throw Passing(error: refusal("cut off: \(error.reason)"))
      default: throw error.thrown(by: remote)
      }
    }
  }

  func refusal(_ reason: String) -> StoreError { .remote(name: remote, reason: reason) }

  /// Finds out, once, whether somebody is there, and which key he takes.
  private func enter() throws(Failure) {
    if key.withLock({ $0 }) != nil { return }
    // An absent host is to cost less than it takes to be let in by one that is busy: so it is only connected to first.
    var reaching = Client.Settings()
    reaching.connecting = SFTPHost.reaching
    var knock = Request(.head, "http://\(name):\(port)/")
    knock.options = [.number(CURLOPT_CONNECT_ONLY, 1), .text(CURLOPT_NOPROXY, "*")]
    do { _ = try Client(reaching).send(knock) } catch let failure as Failure { throw failure } catch {
      preconditionFailure("BUG: nothing else is thrown")
    }
    var i = 0
    while true {
      do {
        _ = try client.send(request(.head, "/", key: i))
        break
      } catch let failure as Failure {
        i += 1
        guard failure.code == CURLE_LOGIN_DENIED, i < settings.keys.count else { throw failure }
      } catch { preconditionFailure("BUG: nothing else is thrown") }
    }
    key.withLock { $0 = i }
  }
}

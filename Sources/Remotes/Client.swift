// Owns sending many requests at once over libcurl: which are under way, which connections stay open. It doesn't know
// what is asked, nor does it try anything twice.

import CCurl
import CCurlMulti
import Foundation
import Synchronization

/// Something that sends requests. Calls block, and may come from several threads: each has transfers of its own.
package final class Client: Sendable {
  package struct Settings: Sendable {
    /// The URL schemes that are taken: `http,https` or `sftp`.
    var protocols = "http,https"
    /// How long a connection may take, in seconds, name and TLS included. One lost packet is sent again after a second.
    package var connecting = 1.8
    /// How long hardly anything may arrive (under 100 bytes/s) before a transfer is given up, in seconds.
    package var stall = 30
    /// Bytes a second that a transfer has to come to in all, after a minute.
    var slowest = 10_000
    /// How many requests are under way at once.
    package var width = 32
    /// A file of the certificates that are believed (PEM); nil: the system's.
    var certificates: String?

    package init() {}
  }

  let settings: Settings
  private let idle = Mutex<[Lines]>([])

  init(_ settings: Settings = Settings()) { self.settings = settings }

  /// Why there are no transfers; nil where libcurl could be loaded.
  private static let problem: String? = bobbin_multi_load().map { String(cString: $0) }

  /// Sends one request.
  /// - Throws: `Failure`.
  func send(_ request: Request) throws -> Answer {
    var result: Result<Answer, Failure>?
    try send(1, { _ in request }) { _, outcome in
      result = outcome
      return nil
    }
    return try result!.get()
  }

  /// Sends `count` requests, `width` at a time (nil: `settings.width`). Each is made when its turn comes, and `ended` is called once
  /// it has ended, in any order, on the calling thread: what that returns is sent next in the same place (a PUT after a
  /// HEAD). When nobody is there to be connected to, what is left fails at once in the same way.
  ///
  /// Throws what `request` and `ended` throw, and then leaves what is under way.
  func send(
    _ count: Int, width: Int? = nil, _ request: (_ position: Int) throws -> Request,
    ended: (_ position: Int, Result<Answer, Failure>) throws -> Request?
  ) throws {
    guard Client.problem == nil, let lines = take() else {
      let reason = "libcurl can't be used: \(Client.problem ?? "it has no memory")"
      let failure = Failure(sort: .refused, code: CURLE_FAILED_INIT, reason: reason)
      for i in 0..<count { _ = try ended(i, .failure(failure)) }
      return
    }
    defer { give(lines) }
    var settings = settings
    settings.width = width ?? settings.width
    try lines.send(count, settings, request, ended: ended)
  }

  private func take() -> Lines? { idle.withLock { $0.popLast() } ?? Lines() }

  private func give(_ lines: Lines) {
    lines.clear()
    idle.withLock { $0.append(lines) }
  }
}

/// The transfers of one thread, with the connections that they left open.
private final class Lines: @unchecked Sendable {
  private let multi: UnsafeMutableRawPointer
  private let room = Room()
  private var idle: [Exchange] = []
  private var underway: [UnsafeMutableRawPointer: (exchange: Exchange, position: Int)] = [:]

  /// How many connections may fail in a row before nobody is there any more.
  private static let patience = 3
  /// How often everything that is under way may fail, with nothing getting through, before the rest isn't tried.
  private static let rounds = 2

  init?() {
    guard let multi = bobbin_multi_begin(64) else { return nil }
    self.multi = multi
  }

  deinit {
    clear()
    idle = []
    bobbin_multi_end(multi)
  }

  /// Leaves what is under way.
  func clear() {
    for (handle, transfer) in underway {
      bobbin_multi_remove(multi, handle)
      transfer.exchange.end()
      idle.append(transfer.exchange)
    }
    underway = [:]
  }

  func send(
    _ count: Int, _ settings: Client.Settings, _ request: (Int) throws -> Request,
    ended: (Int, Result<Answer, Failure>) throws -> Request?
  ) throws {
    var next = 0
    // Connections that failed since something was last heard, and whatever failed since something got through.
    var refusals = 0
    var failures = 0
    var hasAnswered = false
    var away: Failure?
    func start(_ request: Request, _ position: Int) throws {
      var request: Request? = request
      while let wish = request {
        let failure = away ?? begin(wish, position, settings)
        request = try failure.flatMap { try ended(position, .failure($0)) }
      }
    }
    while true {
      while next < count, underway.count < settings.width {
        next += 1
        try start(request(next - 1), next - 1)
      }
      guard !underway.isEmpty else { return }
      check(bobbin_multi_perform(multi))
      var isIdle = true
      var code = CURLE_OK
      while let handle = bobbin_multi_ended(multi, &code) {
        isIdle = false
        guard let (exchange, position) = underway.removeValue(forKey: handle) else {
          preconditionFailure("BUG: a transfer ended that wasn't begun")
        }
        bobbin_multi_remove(multi, handle)
        var outcome = exchange.outcome(code)
        if exchange.isAnswered { (hasAnswered, refusals) = (true, 0) }
        exchange.end()
        idle.append(exchange)
        switch outcome {
        case .success: (hasAnswered, refusals, failures) = (true, 0, 0)
        case .failure(var failure):
          if failure.sort == .away {
            refusals += 1
            if hasAnswered, refusals < Lines.patience {
              // Others are served: a server that is busy.
              failure.sort = .passing
              outcome = .failure(failure)
            } else {
              away = failure
            }
          }
          if failure.sort == .passing {
            failures += 1
            if failures >= Lines.rounds * settings.width {
              failure.sort = .away
              away = failure
            }
          }
        }
        if let follower = try ended(position, outcome) { try start(follower, position) }
      }
      // Whoever is still connecting isn't waited for.
      if let failure = away { try abandon(failure, ended: ended) }
      if isIdle { check(bobbin_multi_poll(multi, 1000)) }
    }
  }

  /// Fails what is under way without an answer.
  private func abandon(
    _ failure: Failure, ended: (Int, Result<Answer, Failure>) throws -> Request?
  ) throws {
    for (handle, (exchange, position)) in underway where !exchange.isAnswered {
      underway[handle] = nil
      bobbin_multi_remove(multi, handle)
      exchange.end()
      idle.append(exchange)
      // Who has something else to ask of nobody is told so again.
      while try ended(position, .failure(failure)) != nil {}
    }
  }

  private func begin(_ request: Request, _ position: Int, _ settings: Client.Settings) -> Failure? {
    guard let exchange = idle.popLast() ?? Exchange(room) else {
      return Failure(sort: .own, code: CURLE_OUT_OF_MEMORY, reason: "no memory for another transfer")
    }
    if let failure = exchange.begin(request, settings) {
      exchange.end()
      idle.append(exchange)
      return failure
    }
    check(bobbin_multi_add(multi, exchange.handle))
    underway[exchange.handle] = (exchange, position)
    return nil
  }

  private func check(_ code: CURLMcode) {
    guard code == CURLM_OK else {
      preconditionFailure("BUG: libcurl: \(String(cString: bobbin_multi_text_of(code)))")
    }
  }
}

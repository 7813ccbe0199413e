// Owns the server as a whole: its address, its threads, how many there may be, and its end.

import Canonical
import ContentStore
import Foundation
import Synchronization

/// What a server was asked, and what that came to.
public struct Served: Sendable {
  public var peer: String
  public var method: String
  /// Without a query; cut where it is long.
  public var path: String
  public var status: Int
  /// Bytes of this request and of its answer, heads included.
  public var received: Int
  public var sent: Int
  public var seconds: Double
}

/// What a server did in all.
public struct ServedTotals: Hashable, Sendable {
  public var requests = 0
  /// Answered with 400 and above, but for 404 and 412, which are answers like others.
  public var refused = 0
  public var connections = 0
  public var received = 0
  public var sent = 0
}

/// Bounds of a server, in seconds where they are times.
public struct ServerLimits: Sendable {
  /// Connections at a time; more are told to come again.
  public var connections = 256
  /// How long a connection may stay without a request.
  public var idle = 60.0
  /// How long a head may take, and a body or an answer beyond what its size takes.
  public var patience = 20.0
  /// Nobody has to be waited for who is slower, in bytes a second.
  public var slowest = 32_768.0

  public init() {}
}

/// Serves a store over HTTP, each connection on a thread of its own.
public final class CacheServer: Sendable {
  /// The port that it has, also where any was asked for.
  public let port: Int
  private let listener: Int32
  private let responder: Responder
  private let limits: ServerLimits
  private let observe: (@Sendable (Served) -> Void)?
  private let state = Mutex(State())

  private struct State {
    var open: Set<Int32> = []
    /// Those that wait for a request.
    var idle: Set<Int32> = []
    var isEnding = false
    var totals = ServedTotals()
  }

  /// Listens from now on; answers once it runs.
  /// - Parameters:
  ///   - address: in numbers, such as 127.0.0.1, ::1 or 0.0.0.0.
  ///   - port: 0 for any that is free.
  ///   - room: the bytes that entries of other programs may have.
  /// - Throws: `ServerProblem`, `StoreError`.
  public init(
    _ store: Store, address: String, port: Int, isWritable: Bool = false, room: Int = 20 << 30,
    tokens: Tokens? = nil, limits: ServerLimits = ServerLimits(), observe: (@Sendable (Served) -> Void)? = nil
  ) throws {
    try store.prepareOffering()
    responder = Responder(
      store: store, entries: ForeignEntries(store, bound: room), isWritable: isWritable, tokens: tokens)
    self.limits = limits
    self.observe = observe
    (listener, self.port) = try CacheServer.listen(address, port)
  }

  deinit { close(listener) }

  private static func listen(_ address: String, _ port: Int) throws -> (Int32, Int) {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address, "\(port)", &hints, &found) == 0, let place = found else {
      throw ServerProblem("\(address) is no address in numbers, such as 127.0.0.1 or ::1")
    }
    defer { freeaddrinfo(found) }
    let listener = socket(
      place.pointee.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    func problem() -> ServerProblem {
      let reason = String(cString: strerror(errno))
      close(listener)
      return ServerProblem("can't listen at \(address), port \(port): \(reason). Another --port?")
    }
    var on: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard listener >= 0, bind(listener, place.pointee.ai_addr, place.pointee.ai_addrlen) == 0,
      Foundation.listen(listener, 128) == 0
    else { throw problem() }
    var name = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let isKnown = withUnsafeMutablePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) == 0 }
    }
    guard isKnown else { throw problem() }
    // The port stands at the same place for both families.
    let own = withUnsafeBytes(of: name) {
      UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    }
    return (listener, Int(own))
  }

  /// Answers until `end` is called; then what goes on may still finish for a moment.
  public func run() -> ServedTotals {
    while true {
      let connection = accept(listener, nil, nil)
      if state.withLock({ $0.isEnding }) {
        if connection >= 0 { close(connection) }
        break
      }
      guard connection >= 0 else {
        // Too many files are open, or the other side has gone again.
        if errno != EINTR, errno != ECONNABORTED { usleep(50_000) }
        continue
      }
      _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
      let isTaken = state.withLock { state in
        if state.open.count >= limits.connections { return false }
        state.open.insert(connection)
        state.totals.connections += 1
        return true
      }
      guard isTaken else {
        turnAway(connection)
        continue
      }
      let thread = Thread { [self] in serve(connection) }
      thread.stackSize = 2 << 20
      thread.start()
    }
    return finish()
  }

  /// Has `run` return. May be called from any thread, and more than once.
  public func end() {
    state.withLock { state in
      state.isEnding = true
      // Those that wait for a request get none any more.
      for connection in state.idle { shutdown(connection, Int32(SHUT_RD)) }
    }
    shutdown(listener, Int32(SHUT_RDWR))
  }

  private func finish() -> ServedTotals {
    for step in 0..<300 {
      if state.withLock({ $0.open.isEmpty }) { break }
      // Whoever isn't done after two seconds is cut off.
      if step == 200 {
        state.withLock { for connection in $0.open { shutdown(connection, Int32(SHUT_RDWR)) } }
      }
      usleep(10_000)
    }
    return state.withLock { $0.totals }
  }

  private func turnAway(_ connection: Int32) {
    let text = "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    _ = fcntl(connection, F_SETFL, O_NONBLOCK)
    _ = text.withCString { Foundation.send(connection, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
    close(connection)
  }

  /// Answers all requests of a connection, which it closes.
  package func serve(_ descriptor: Int32) {
    let peer = CacheServer.peer(of: descriptor)
    do {
      let connection = Connection(descriptor)
      while let isGoing = try? next(on: connection, descriptor, peer: peer), isGoing {}
      // The number may be another's as soon as it is closed.
      state.withLock { state in
        state.open.remove(descriptor)
        state.idle.remove(descriptor)
      }
    }
  }

  /// Answers the next request; false when it was the last.
  private func next(on connection: Connection, _ descriptor: Int32, peer: String) throws -> Bool {
    let isEnding = state.withLock { state in
      state.idle.insert(descriptor)
      return state.isEnding
    }
    if isEnding { return false }
    let (sent, received) = (connection.sent, connection.received)
    var head: RequestHead?
    var answer: Answer
    var start = ContinuousClock.now
    do {
      guard let bytes = try connection.head(idle: limits.idle, patience: limits.patience) else {
        return false
      }
      start = ContinuousClock.now
      state.withLock { _ = $0.idle.remove(descriptor) }
      head = try RequestHead(parsing: bytes)
      answer = try self.answer(head!, connection)
    } catch let refusal as Refusal {
      answer = Answer(refusal)
      answer.isInStep = false
    }
    let isLast = head?.isLast ?? true || !answer.isInStep || state.withLock { $0.isEnding }
    defer {
      let served = Served(
        peer: peer, method: head?.method ?? "?", path: String((head?.path ?? "?").prefix(100)),
        status: answer.status, received: connection.received - received, sent: connection.sent - sent,
        seconds: (ContinuousClock.now - start) / .seconds(1))
      state.withLock { state in
        state.totals.requests += 1
        if answer.status >= 400, answer.status != 404, answer.status != 412 { state.totals.refused += 1 }
        state.totals.received += served.received
        state.totals.sent += served.sent
      }
      observe?(served)
    }
    try send(answer, isLast: isLast, withContent: head?.method != "HEAD", on: connection)
    if !answer.isInStep { connection.linger(1) }
    return !isLast
  }

  private func answer(_ head: RequestHead, _ connection: Connection) throws -> Answer {
    let length = head.length ?? 0
    if var answer = responder.objection(to: head) {
      answer.isInStep = length == 0
      return answer
    }
    let deadline = self.deadline(length)
    if head.expectsContinue, length > 0 {
      try connection.send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8), until: deadline)
    }
    var left = length
    let body = Body(size: length) { buffer in
      if left == 0 { return 0 }
      let n = try connection.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)]), until: deadline)
      left -= n
      return n
    }
    var answer = try responder.answer(head, body)
    answer.isInStep = left == 0
    return answer
  }

  private func send(_ answer: Answer, isLast: Bool, withContent: Bool, on connection: Connection) throws {
    let part = answer.part ?? 0..<answer.content.size
    var text = "HTTP/1.1 \(answer.status) \(CacheServer.words[answer.status] ?? "Answer")\r\n"
    text += "Date: \(CacheServer.date())\r\nContent-Length: \(part.count)\r\n"
    for (name, value) in answer.fields { text += "\(name): \(value)\r\n" }
    if isLast { text += "Connection: close\r\n" }
    text += "\r\n"
    let deadline = self.deadline(part.count)
    let sendsContent = withContent && !part.isEmpty
    switch answer.content {
    case .bytes(let bytes):
      try connection.send(Array(text.utf8) + (sendsContent ? bytes[part] : []), until: deadline)
    case .file(let file):
      try connection.send(Array(text.utf8), more: sendsContent, until: deadline)
      if sendsContent { try connection.send(file, from: part.lowerBound, count: part.count, until: deadline) }
    }
  }

  private func deadline(_ size: Int) -> ContinuousClock.Instant {
    .now + .seconds(limits.patience + Double(size) / limits.slowest)
  }

  private static let words = [
    200: "OK", 201: "Created", 206: "Partial Content", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 411: "Length Required",
    412: "Precondition Failed", 413: "Content Too Large", 416: "Range Not Satisfiable",
    417: "Expectation Failed", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 505: "HTTP Version Not Supported", 507: "Insufficient Storage",
  ]

  /// Now, as HTTP writes it.
  private static func date() -> String {
    var now = time(nil)
    var parts = tm()
    gmtime_r(&now, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + "\(number)" }
    return
      "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
  }

  /// The address of the other side, in numbers.
  private static func peer(of descriptor: Int32) -> String {
    var name = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var host = [CChar](repeating: 0, count: 64)
    let isKnown = withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getpeername(descriptor, $0, &length) == 0
          && getnameinfo($0, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST) == 0
      }
    }
    return isKnown
      ? String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "?"
  }
}

/// Why a server can't begin.
public struct ServerProblem: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

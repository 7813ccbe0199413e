// A web server that keeps what is put there and gives it back, for tests of remotes: it does so well, or as badly as a
// test says. What is larger than `mostKept` has to be zeros, of which it keeps the number alone.

import Foundation

public final class CacheServer: @unchecked Sendable {
  public struct Request: Sendable {
    public var method: String
    /// As it was sent, with the slash before it.
    public var path: String
    /// Names in small letters.
    public var headers: [String: String]
    /// From 0, in the order of arrival.
    public var number: Int
  }

  /// What is done with a request.
  public enum Manner: Sendable {
    case well
    /// This answer, whatever was asked.
    case answers(Int, headers: [String: String] = [:], body: [UInt8] = [])
    /// So many bytes of the answer's body, and the connection is closed.
    case cuts(after: Int)
    /// So many bytes of the answer's body, and then nothing until the server ends.
    case hangs(after: Int)
    /// Takes so much of what is put, and has no room for more.
    case fills(after: Int)
    /// What is there, with a byte changed.
    case alters
    /// A body that doesn't end.
    case floods
    /// Headers that don't end.
    case chatters
    /// Closes the connection without a word.
    case vanishes
    /// Says nothing until the server ends.
    case ignores
  }

  public let port: Int
  private let tls: TLSContext?
  private let listener: Int32
  private let lock = NSLock()
  private var connections: Set<Int32> = []
  private var seen: [Request] = []
  private var objects: [String: Object] = [:]
  private var accepted = 0
  private let knowsConditions: Bool
  private let manner: @Sendable (Request) -> Manner

  private enum Object {
    case bytes([UInt8])
    case zeros(Int)

    var size: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .zeros(let count): count
      }
    }
  }

  private static let mostKept = 64 << 20

  /// - Parameters:
  ///   - tls: what it proves to be who it is with; nil: nothing is encrypted.
  ///   - knowsConditions: whether `If-None-Match: *` keeps what is there.
  public init(
    tls: TLSContext? = nil, knowsConditions: Bool = false,
    _ manner: @escaping @Sendable (Request) -> Manner = { _ in .well }
  ) throws {
    (self.tls, self.knowsConditions, self.manner) = (tls, knowsConditions, manner)
    (listener, port) = try CacheServer.listen()
    let listener = listener
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0, let self else {
          if connection >= 0 { close(connection) }
          break
        }
        self.lock.withLock {
          self.accepted += 1
          self.connections.insert(connection)
        }
        Thread.detachNewThread { self.serve(connection) }
      }
      close(listener)
    }
  }

  deinit { end() }

  /// A listening socket on a free port.
  private static func listen() throws -> (Int32, Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && Glibc.listen(descriptor, 128) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }

  /// A port at which nobody listens.
  public static func unusedPort() throws -> Int {
    let (descriptor, port) = try listen()
    close(descriptor)
    return port
  }

  /// Closes it and all connections; from then on nobody is there.
  public func end() {
    lock.withLock {
      for connection in connections { shutdown(connection, Int32(SHUT_RDWR)) }
      shutdown(listener, Int32(SHUT_RDWR))
    }
  }

  /// - Parameter user: `user:password@`, or nothing.
  public func url(_ path: String = "", user: String = "") -> String {
    "\(tls == nil ? "http" : "https")://\(user)127.0.0.1:\(port)/\(path)"
  }

  /// What was asked so far.
  public var requests: [Request] { lock.withLock { seen } }
  /// How many connections there were so far.
  public var connectionCount: Int { lock.withLock { accepted } }
  /// The paths under which something is.
  public var paths: [String] { lock.withLock { objects.keys.sorted() } }

  /// What is under a path.
  public subscript(path: String) -> [UInt8]? {
    get {
      lock.withLock {
        guard case .bytes(let bytes)? = objects[path] else { return nil }
        return bytes
      }
    }
    set { lock.withLock { objects[path] = newValue.map { .bytes($0) } } }
  }

  private func serve(_ descriptor: Int32) {
    defer {
      lock.withLock { _ = connections.remove(descriptor) }
      close(descriptor)
    }
    guard let connection = Connection(descriptor, tls) else { return }
    while let head = connection.head() {
      let lines = head.components(separatedBy: "\r\n")
      let words = lines[0].split(separator: " ")
      guard words.count == 3 else { return }
      var headers: [String: String] = [:]
      for line in lines.dropFirst() {
        guard let colon = line.firstIndex(of: ":") else { continue }
        headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
          in: .whitespaces)
      }
      let request = lock.withLock {
        let request = Request(
          method: String(words[0]), path: String(words[1]), headers: headers, number: seen.count)
        seen.append(request)
        return request
      }
      guard answer(request, connection) else { return }
    }
  }

  /// False where the connection is to be closed.
  private func answer(_ request: Request, _ connection: Connection) -> Bool {
    let manner = manner(request)
    let size = Int(request.headers["content-length"] ?? "0") ?? 0
    var taken = size
    switch manner {
    case .vanishes: return false
    case .ignores:
      connection.wait()
      return false
    case .fills(let bytes): taken = min(size, bytes)
    case .answers where request.headers["expect"] != nil: taken = 0
    default: break
    }
    var body = Object.bytes([])
    if taken > 0 {
      if request.headers["expect"] != nil, !connection.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) {
        return false
      }
      guard let whole = take(taken, from: connection) else { return false }
      body = whole
    }
    let isWhole = taken == size
    switch manner {
    case .answers(let status, let headers, let body):
      return connection.answer(
        status, headers, body: .init(body, isSent: request.method != "HEAD"), closes: !isWhole) && isWhole
    case .fills: return connection.answer(507, closes: true) && false
    case .chatters:
      guard connection.write(Array("HTTP/1.1 200 OK\r\n".utf8)) else { return false }
      let line = Array(("X-Chatter: " + String(repeating: "x", count: 1000) + "\r\n").utf8)
      while connection.write(line) {}
      return false
    case .floods:
      guard connection.write(Array("HTTP/1.1 200 OK\r\n\r\n".utf8)) else { return false }
      let zeros = [UInt8](repeating: 0, count: 256 << 10)
      while connection.write(zeros) {}
      return false
    default: break
    }
    if request.method == "PUT" { return put(body, request, connection) }
    guard let object = lock.withLock({ objects[request.path] }) else { return connection.answer(404) }
    if request.method == "HEAD" {
      return connection.answer(200, body: .init([], isSent: false, size: object.size))
    }
    return give(object, manner, connection)
  }

  private func put(_ body: Object, _ request: Request, _ connection: Connection) -> Bool {
    let isKept = lock.withLock {
      if knowsConditions, request.headers["if-none-match"] == "*", objects[request.path] != nil {
        return false
      }
      objects[request.path] = body
      return true
    }
    return connection.answer(isKept ? 201 : 412)
  }

  private func give(_ object: Object, _ manner: Manner, _ connection: Connection) -> Bool {
    var left = object.size
    var hangs = false
    switch manner {
    case .cuts(let bytes): left = min(left, bytes)
    case .hangs(let bytes):
      left = min(left, bytes)
      hangs = true
    default: break
    }
    guard connection.answer(200, body: .init([], isSent: false, size: object.size)) else { return false }
    switch object {
    case .bytes(var bytes):
      if case .alters = manner, !bytes.isEmpty { bytes[bytes.count / 2] ^= 1 }
      guard connection.write(Array(bytes.prefix(left))) else { return false }
    case .zeros:
      let zeros = [UInt8](repeating: 0, count: 256 << 10)
      while left > 0 {
        guard connection.write(left >= zeros.count ? zeros : Array(zeros[..<left])) else { return false }
        left -= min(left, zeros.count)
      }
    }
    if hangs { connection.wait() }
    if case .cuts = manner { return false }
    return !hangs
  }

  /// nil where it doesn't come, or is large and no zeros.
  private func take(_ size: Int, from connection: Connection) -> Object? {
    if size <= CacheServer.mostKept {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(size)
      while bytes.count < size {
        guard let piece = connection.read(size - bytes.count) else { return nil }
        bytes += piece
      }
      return .bytes(bytes)
    }
    let zeros = [UInt8](repeating: 0, count: 256 << 10)
    var left = size
    while left > 0 {
      guard let piece = connection.read(left), memcmp(Array(piece), zeros, piece.count) == 0 else {
        return nil
      }
      left -= piece.count
    }
    return .zeros(size)
  }
}

/// One connection, perhaps encrypted.
private final class Connection {
  private let descriptor: Int32
  private let session: TLSContext.Session?
  private var buffer = [UInt8](repeating: 0, count: 256 << 10)
  /// What has been received and not been read.
  private var pending: ArraySlice<UInt8> = []

  struct Body {
    var bytes: [UInt8]
    var isSent: Bool
    var size: Int

    init(_ bytes: [UInt8], isSent: Bool = true, size: Int? = nil) {
      (self.bytes, self.isSent, self.size) = (bytes, isSent, size ?? bytes.count)
    }
  }

  /// nil where the other side doesn't believe who this is.
  init?(_ descriptor: Int32, _ tls: TLSContext?) {
    self.descriptor = descriptor
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    guard let tls else {
      session = nil
      return
    }
    guard let session = tls.session(descriptor) else { return nil }
    self.session = session
  }

  private func receive() -> Bool {
    let n = session.map { $0.read(&buffer) } ?? recv(descriptor, &buffer, buffer.count, 0)
    guard n > 0 else { return false }
    pending += buffer[..<n]
    return true
  }

  /// A request's line and headers; nil at the end.
  func head() -> String? {
    let end = Array("\r\n\r\n".utf8)
    while true {
      let bytes = Data(pending)
      if let range = bytes.range(of: Data(end)) {
        pending = pending.dropFirst(range.upperBound)
        return String(decoding: bytes[..<range.lowerBound], as: UTF8.self)
      }
      guard receive() else { return nil }
    }
  }

  /// At most `most` bytes; nil at the end.
  func read(_ most: Int) -> ArraySlice<UInt8>? {
    if pending.isEmpty, !receive() { return nil }
    let piece = pending.prefix(most)
    pending = piece.count == pending.count ? [] : pending.dropFirst(piece.count)
    return piece
  }

  func write(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let n = bytes.withUnsafeBytes { all in
        let rest = UnsafeRawBufferPointer(rebasing: all[sent...])
        return session.map { $0.write(rest) }
          ?? send(descriptor, rest.baseAddress!, rest.count, Int32(MSG_NOSIGNAL))
      }
      guard n > 0 else { return false }
      sent += n
    }
    return true
  }

  func answer(
    _ status: Int, _ headers: [String: String] = [:], body: Body = Body([]), closes: Bool = false
  ) -> Bool {
    var text = "HTTP/1.1 \(status) Answer\r\n"
    if status != 204 { text += "Content-Length: \(body.size)\r\n" }
    if closes { text += "Connection: close\r\n" }
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    return write(Array((text + "\r\n").utf8)) && (!body.isSent || write(body.bytes))
  }

  /// Until the other side, or the test, closes it.
  func wait() { while receive() { pending = [] } }
}

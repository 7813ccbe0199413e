// A small HTTP server on this machine's own address, for tests of what goes over a network: it answers what a test says,
// and can stop in the middle.

import Foundation

public final class LoopbackServer: @unchecked Sendable {
  public struct Request: Sendable {
    public var path: String
    /// The first byte asked for; nil: all.
    public var from: Int?
  }

  public struct Answer: Sendable {
    public var status = 200
    public var headers: [String: String] = [:]
    public var body = Data()
    /// How many of the body's bytes are sent; nil: all.
    public var sent: Int?
    /// Whether the connection is left open after them, until the server ends.
    public var hangs = false

    public init(
      status: Int = 200, headers: [String: String] = [:], body: Data = Data(), sent: Int? = nil,
      hangs: Bool = false
    ) {
      self.status = status
      self.headers = headers
      self.body = body
      self.sent = sent
      self.hangs = hangs
    }

    /// A file as servers with ranges give it.
    public static func file(_ data: Data, _ request: Request, sent: Int? = nil, hangs: Bool = false) -> Answer
    {
      guard let from = request.from else { return Answer(body: data, sent: sent, hangs: hangs) }
      guard from < data.count else { return Answer(status: 416) }
      return Answer(
        status: 206, headers: ["Content-Range": "bytes \(from)-\(data.count - 1)/\(data.count)"],
        body: data.dropFirst(from), sent: sent, hangs: hangs)
    }
  }

  public let port: Int
  private let listener: Int32
  private let lock = NSLock()
  private var open: [Int32] = []
  private var seen: [Request] = []
  private let answer: @Sendable (Request, _ number: Int) -> Answer

  /// Answers requests, which are numbered from 0, until it is let go.
  public init(_ answer: @escaping @Sendable (Request, _ number: Int) -> Answer) throws {
    self.answer = answer
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = listener
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0, let self else {
          if connection >= 0 { close(connection) }
          return
        }
        Thread.detachNewThread { self.serve(connection) }
      }
    }
  }

  deinit { end() }

  /// Closes it and all that hangs.
  public func end() {
    lock.withLock {
      for connection in open { shutdown(connection, Int32(SHUT_RDWR)) }
      shutdown(listener, Int32(SHUT_RDWR))
    }
  }

  public func url(_ path: String) -> String { "http://127.0.0.1:\(port)/\(path)" }

  /// What was asked so far.
  public var requests: [Request] { lock.withLock { seen } }

  private func serve(_ connection: Int32) {
    defer {
      lock.withLock { open.removeAll { $0 == connection } }
      close(connection)
    }
    lock.withLock { open.append(connection) }
    var head = Data()
    var buffer = [UInt8](repeating: 0, count: 4096)
    while head.range(of: Data("\r\n\r\n".utf8)) == nil {
      let n = recv(connection, &buffer, buffer.count, 0)
      guard n > 0 else { return }
      head.append(contentsOf: buffer[..<n])
    }
    let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
    var request = Request(path: String(lines[0].split(separator: " ")[1].dropFirst()), from: nil)
    for line in lines where line.lowercased().hasPrefix("range: bytes=") {
      request.from = Int(line.dropFirst("range: bytes=".count).prefix { $0.isNumber })
    }
    let number = lock.withLock {
      seen.append(request)
      return seen.count - 1
    }
    let answer = answer(request, number)
    var text =
      "HTTP/1.1 \(answer.status) Answer\r\nContent-Length: \(answer.body.count)\r\nConnection: close\r\n"
    for (name, value) in answer.headers { text += "\(name): \(value)\r\n" }
    var bytes = Data((text + "\r\n").utf8) + answer.body.prefix(answer.sent ?? answer.body.count)
    while !bytes.isEmpty {
      let n = bytes.withUnsafeBytes {
        send(connection, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard n > 0 else { return }
      bytes = bytes.dropFirst(n)
    }
    // Until the other side, or the test, closes it.
    if answer.hangs { while recv(connection, &buffer, buffer.count, 0) > 0 {} }
  }
}

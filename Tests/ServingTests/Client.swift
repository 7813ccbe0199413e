// Owns the other side of a connection in these tests: bytes as a test writes them, and answers read strictly.

import Foundation

/// What a server answered.
struct Reply: Equatable {
  var status: Int
  var fields: [String: String]
  var body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }
}

/// A connection, closed with the value.
final class Client {
  let descriptor: Int32
  private var buffer: [UInt8] = []

  struct Gone: Error {}

  /// Connects to a port of this machine.
  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
    }
    guard status == 0 else { throw Gone() }
    limit()
  }

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    limit()
  }

  deinit { close(descriptor) }

  /// No test waits for ever.
  private func limit() {
    var time = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  func send(_ bytes: some Sequence<UInt8>) throws {
    let bytes = Array(bytes)
    var done = 0
    while done < bytes.count {
      let n = bytes.withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress! + done, $0.count - done, Int32(MSG_NOSIGNAL))
      }
      guard n > 0 else { throw Gone() }
      done += n
    }
  }

  func send(_ text: String) throws { try send(text.utf8) }

  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Reads one answer. - Throws: `Gone` where the connection ends before one is whole.
  func reply(toHead: Bool = false) throws -> Reply {
    while true {
      if let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) {
        let lines = String(decoding: buffer[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else { throw Gone() }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
          let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
          fields[parts[0].lowercased()] = parts.count > 1 ? parts[1] : ""
        }
        buffer.removeSubrange(..<end.upperBound)
        if status == 100 { continue }
        let size = toHead ? 0 : Int(fields["content-length"] ?? "0")!
        while buffer.count < size { try fill() }
        defer { buffer.removeFirst(size) }
        return Reply(status: status, fields: fields, body: Array(buffer[..<size]))
      }
      try fill()
    }
  }

  private func fill() throws {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let n = recv(descriptor, &bytes, bytes.count, 0)
    guard n > 0 else { throw Gone() }
    buffer += bytes[..<n]
  }

  /// Whether the other side has closed it, with nothing left to read.
  func isClosed() -> Bool {
    var byte: UInt8 = 0
    return buffer.isEmpty && recv(descriptor, &byte, 1, 0) <= 0
  }

  func ask(_ method: String, _ path: String, fields: [String] = [], body: [UInt8]? = nil) throws -> Reply {
    var head = "\(method) \(path) HTTP/1.1\r\nHost: here\r\n" + fields.map { $0 + "\r\n" }.joined()
    if let body { head += "Content-Length: \(body.count)\r\n" }
    try send(Array((head + "\r\n").utf8) + (body ?? []))
    return try reply(toHead: method == "HEAD")
  }
}

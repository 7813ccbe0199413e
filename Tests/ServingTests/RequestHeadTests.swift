import Canonical
import ContentStore
import Foundation
import Testing

import Serving

private func head(_ text: String) throws -> RequestHead { try RequestHead(parsing: Array(text.utf8)) }

@Test func aHeadIsReadWhole() throws {
  let read = try head(
    "PUT /cas/ab?x=1 HTTP/1.1\r\nhost:h\r\nCONTENT-length:  12 \r\nAuthorization: Bearer t\r\nExpect: 100-Continue\r\n"
      + "If-None-Match: *\r\nConnection: x, Close\r\nRange: bytes=2-\r\n\r\n")
  #expect((read.method, read.path, read.length, read.authorization) == ("PUT", "/cas/ab", 12, "Bearer t"))
  #expect(read.expectsContinue && read.onlyIfNew && read.isLast)
  #expect(read.range?.first == 2 && read.range?.last == nil)
  #expect(try head("GET / HTTP/1.0\r\n\r\n").isLast)
  #expect(try !head("GET / HTTP/1.1\r\nHost:\r\n\r\n").isLast)
  for range in ["bytes=1-2,4-5", "bytes=-5", "bytes=5-4", "lines=1-2", "bytes=a-b"] {
    #expect(try head("GET / HTTP/1.1\r\nHost: h\r\nRange: \(range)\r\n\r\n").range == nil)
  }
}

@Test(arguments: [
  ("", 400), ("\r\n", 400), ("GET\r\n\r\n", 400), ("GET  / HTTP/1.1\r\n\r\n", 400),
  ("GET x HTTP/1.1\r\n\r\n", 400),
  ("GET / HTTP/2.0\r\n\r\n", 505), ("GET / HTTP/1.1 \r\n\r\n", 400), ("G\u{0}T / HTTP/1.1\r\n\r\n", 400),
  ("GET /\u{7f} HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400),
  ("GET / HTTP/1.1\nHost: h\n\n", 400),
  ("GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
  ("GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400), ("GET / HTTP/1.1\r\n: h\r\n\r\n", 400),
  ("GET / HTTP/1.1\r\nHost: a\u{1}b\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400),
  ("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", 400),
  ("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
  ("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
  ("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", 400),
  ("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
  ("PUT / HTTP/1.1\r\nHost: h\r\nExpect: more\r\n\r\n", 417),
  ("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", 400),
])
func whatIsNoHeadIsRefused(text: String, status: Int) {
  let refusal = #expect(throws: Refusal.self) { try head(text) }
  #expect(refusal?.status == status)
}

@Test func aHeadIsBounded() throws {
  let many = (0..<101).map { "A\($0): x\r\n" }.joined()
  #expect(throws: Refusal(431, "too many fields")) { try head("GET / HTTP/1.1\r\n\(many)\r\n") }
  let long = String(repeating: "a", count: RequestHead.longest)
  #expect(throws: Refusal(431, "the head is too long")) { try head("GET /\(long) HTTP/1.1\r\n\r\n") }
}

/// Ten thousand broken requests, several on each connection: every one is answered or ends the connection, and the
/// server is whole afterwards.
@Test func nothingThatIsSentHarmsTheServer() throws {
  let scratch = try Scratch()
  let store = try Store.open(at: scratch["store"])
  let record = try store.publish(noise(5000))
  var limits = ServerLimits()
  (limits.idle, limits.patience) = (5, 5)
  let server = try CacheServer(
    store, address: "127.0.0.1", port: 0, isWritable: true, room: 1 << 20,
    tokens: try Tokens("token-token-token"), limits: limits)
  let name = Digest.of([1, 2, 3])
  let whole = [
    "GET /ac/\(record.key) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-token-token\r\n\r\n",
    "GET /v1/cas/\(record.blobs[0].storedDigest) HTTP/1.1\r\nHost: h\r\nRange: bytes=2-900\r\n"
      + "Authorization: Bearer token-token-token\r\n\r\n",
    "PUT /cas/\(name) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-token-token\r\nContent-Length: 3\r\n\r\n\u{1}\u{2}\u{3}",
    "PUT /ac/\(name) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-token-token\r\nExpect: 100-continue\r\n"
      + "Content-Length: 9\r\n\r\n{\"a\":[1]}",
    "HEAD /ac/\(record.key) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
  ].map { Array($0.utf8) }
  var state: UInt64 = 88_172_645_463_325_252
  func random(_ bound: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state >> 33) % bound
  }
  func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random(3) {
      let i = random(bytes.count)
      switch random(6) {
      case 0: bytes[i] = UInt8(random(256))
      case 1: bytes.remove(at: i)
      case 2: bytes.insert(UInt8(random(256)), at: i)
      case 3: bytes.removeSubrange(i...)
      case 4: bytes.insert(contentsOf: bytes[i..<min(i + random(40), bytes.count)], at: i)
      default: bytes.insert(contentsOf: [13, 10, 0, 32, 58][random(5)...].prefix(2), at: i)
      }
      if bytes.isEmpty { bytes = [0] }
    }
    return bytes
  }
  var sent = 0
  var most = 0
  while sent < 10_000 {
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    let client = Client(ends[0])
    for _ in 0..<5 {
      try client.send(mutated(whole[random(whole.count)]))
      sent += 1
    }
    client.finishSending()
    server.serve(ends[1])
    var answered = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let n = recv(client.descriptor, &buffer, buffer.count, 0), n > 0 { answered += n }
    most = max(most, answered)
  }
  // No answer is longer than what was asked for.
  #expect(most < 5 * 8000)
  // Only whole blobs came to be there.
  for file in try FileManager.default.subpathsOfDirectory(atPath: scratch["store"].path)
  where file.hasPrefix("served/cas/") {
    let bytes = try Data(contentsOf: scratch["store/" + file])
    #expect(Digest.of(bytes).hex == URL(fileURLWithPath: file).lastPathComponent)
  }
  let running = Client(try pair(server))
  let answer = try running.ask(
    "GET", "/ac/\(record.key)", fields: ["Authorization: Bearer token-token-token"])
  #expect(answer.text == record.text)
}

/// A connection to a server that answers it on a thread of its own.
private func pair(_ server: CacheServer) throws -> Int32 {
  var ends: [Int32] = [-1, -1]
  try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
  let end = ends[1]
  Thread.detachNewThread { server.serve(end) }
  return ends[0]
}

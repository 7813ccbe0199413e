import Canonical
import Foundation
import Synchronization
import Testing

import ContentStore
import Serving

/// A new empty folder, removed with the value.
final class Scratch: Sendable {
  let url = FileManager.default.temporaryDirectory.appending(path: "bobbin-serving-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: url) }

  subscript(path: String) -> URL { url.appending(path: path) }
}

/// Bytes that don't compress.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return UInt8(truncatingIfNeeded: state >> 32)
  }
}

extension Store {
  /// Publishes one blob as the output `out` of an action called `name`.
  @discardableResult func publish(_ bytes: [UInt8], as name: String = "a", facts: JSON = [:]) throws -> Record
  {
    let blob = try BlobWriter(store: directory).write(bytes: bytes)
    let record = Record(
      action: ["kind": .string(name)], artifacts: ["out": blob.artifact], blobs: [blob.form], facts: facts)
    _ = try publish(record, blobs: [blob])
    return record
  }
}

/// A server that answers until it is let go.
final class Running {
  let server: CacheServer
  private let done = DispatchSemaphore(value: 0)

  init(
    _ store: Store, isWritable: Bool = false, room: Int = 1 << 30, tokens: Tokens? = nil,
    limits: ServerLimits = ServerLimits(), observe: (@Sendable (Served) -> Void)? = nil
  ) throws {
    server = try CacheServer(
      store, address: "127.0.0.1", port: 0, isWritable: isWritable, room: room, tokens: tokens,
      limits: limits,
      observe: observe)
    Thread.detachNewThread { [server, done] in
      _ = server.run()
      done.signal()
    }
  }

  deinit {
    server.end()
    done.wait()
  }

  func client() throws -> Client { try Client(port: server.port) }
}

@Suite struct CacheServerTests {
  let scratch = try! Scratch()

  func store(_ name: String = "store", _ trust: Trust = Trust()) throws -> Store {
    let store = try Store.open(at: scratch[name])
    try store.believe(trust)
    return store
  }

  /// Small ones lie in the index, large ones are files, compressed or not.
  @Test(arguments: [noise(100), noise(100_000), Array(repeating: 7, count: 300_000)])
  func recordsAndStoredBytesAreServed(bytes: [UInt8]) throws {
    let anna = PrivateKey()
    let store = try store("store", Trust(signer: anna))
    let record = try store.publish(bytes)
    let blob = record.blobs[0]
    let running = try Running(store)
    let client = try running.client()
    for prefix in ["", "/v1"] {
      let text = try client.ask("GET", "\(prefix)/ac/\(record.key)")
      #expect(text.status == 200)
      let signed = try SignedText(parsing: text.body)
      #expect(signed.text == Array(record.text.utf8) && signed.signer(among: [anna.publicKey]) != nil)
      let got = try client.ask("GET", "\(prefix)/cas/\(blob.storedDigest)")
      #expect(got.status == 200 && Digest.of(got.body) == blob.storedDigest)
      #expect(got.fields["etag"] == "\"\(blob.storedDigest)\"")
    }
    let head = try client.ask("HEAD", "/cas/\(blob.storedDigest)")
    #expect(head.status == 200 && head.fields["content-length"] == "\(blob.storedSize)")
    let part = try client.ask("GET", "/cas/\(blob.storedDigest)", fields: ["Range: bytes=3-6"])
    #expect(part.status == 206 && part.body.count == 4)
    #expect(part.fields["content-range"] == "bytes 3-6/\(blob.storedSize)")
    let rest = try client.ask("GET", "/cas/\(blob.storedDigest)", fields: ["Range: bytes=3-"])
    #expect(rest.body.count == blob.storedSize - 3 && rest.body.starts(with: part.body))
    #expect(
      try client.ask("GET", "/cas/\(blob.storedDigest)", fields: ["Range: bytes=99999999-"]).status == 416)
  }

  @Test(arguments: [
    ("GET", "/", 404), ("GET", "/ac/", 404), ("GET", "/ac/../../etc/passwd", 404),
    ("GET", "/v1/v1/ac/0", 404),
    ("GET", "/cas/" + String(repeating: "A", count: 64), 404),
    ("GET", "/cas/" + String(repeating: "0", count: 64), 404),
    ("HEAD", "/ac/" + String(repeating: "0", count: 64), 404),
    ("GET", "/other/" + String(repeating: "0", count: 64), 404),
    ("GET", "/ac/%2e%2e/" + String(repeating: "0", count: 64), 404),
    ("DELETE", "/cas/" + String(repeating: "0", count: 64), 405),
    ("PUT", "/cas/" + String(repeating: "0", count: 64), 403),
  ])
  func whatIsNotThereOrNotAllowedSaysSo(method: String, path: String, status: Int) throws {
    let running = try Running(store())
    let client = try running.client()
    #expect(try client.ask(method, path, body: method == "PUT" ? [] : nil).status == status)
    // The connection goes on.
    #expect(try client.ask("GET", "/ac/x").status == 404)
  }

  @Test func whatAColleaguePushesBecomesAResultOfTheStore() throws {
    let theirs = try store("theirs")
    let record = try theirs.publish(noise(100_000))
    let blob = record.blobs[0]
    let stored = try #require(try theirs.offeredBlob(blob.storedDigest))
    guard case .file(let file) = stored else { throw Client.Gone() }
    var bytes = [UInt8](repeating: 0, count: file.size)
    #expect(pread(file.descriptor, &bytes, bytes.count, 0) == bytes.count)

    let mine = try store()
    let running = try Running(mine, isWritable: true)
    let client = try running.client()
    var wrong = bytes
    wrong[5] ^= 1
    #expect(try client.ask("PUT", "/cas/\(blob.storedDigest)", body: wrong).status == 400)
    #expect(try client.ask("HEAD", "/cas/\(blob.storedDigest)").status == 404)
    #expect(try client.ask("PUT", "/cas/\(blob.storedDigest)", body: bytes).status == 201)
    #expect(try client.ask("PUT", "/cas/\(blob.storedDigest)", body: bytes).status == 200)
    #expect(try mine.stats().foreign.count == 1)
    let text = Array(record.text.utf8)
    #expect(
      try client.ask("PUT", "/ac/\(record.key)", fields: ["If-None-Match: *"], body: text).status == 201)
    #expect(try mine.record(for: record.key) == record)
    #expect(try mine.read(blob.digest) == noise(100_000))
    #expect(try mine.stats().foreign.count == 0)
    #expect(try client.ask("GET", "/cas/\(blob.storedDigest)").body == bytes)

    // The first stays.
    #expect(try client.ask("PUT", "/ac/\(record.key)", body: text).status == 200)
    #expect(
      try client.ask("PUT", "/ac/\(record.key)", fields: ["If-None-Match: *"], body: text).status == 412)
    let other = try store("others").publish(noise(50))
    #expect(other.key == record.key)
    #expect(try client.ask("PUT", "/ac/\(record.key)", body: Array(other.text.utf8)).status == 409)
    #expect(try client.ask("PUT", "/ac/\(record.key)", body: [1, 2, 3]).status == 409)
    #expect(try client.ask("GET", "/ac/\(record.key)").body == text)
    // More signatures are added to it.
    let signed = SignedText(text).signed(by: PrivateKey())
    #expect(try client.ask("PUT", "/ac/\(record.key)", body: signed.bytes).status == 200)
    #expect(try client.ask("GET", "/ac/\(record.key)").body == signed.bytes)
  }

  @Test func aProjectThatTrustsSomeTakesOnlyTheirs() throws {
    let (anna, ben) = (PrivateKey(), PrivateKey())
    let record = try store("theirs").publish([1, 2, 3])
    let mine = try store("store", Trust(keys: [anna.publicKey]))
    let running = try Running(mine, isWritable: true)
    let client = try running.client()
    let text = SignedText(Array(record.text.utf8))
    #expect(try client.ask("PUT", "/ac/\(record.key)", body: text.bytes).status == 403)
    let refused = try client.ask("PUT", "/ac/\(record.key)", body: text.signed(by: ben).bytes)
    #expect(refused.status == 403 && refused.text.contains("isn't signed by a key that this project trusts"))
    #expect(try mine.record(for: record.key) == nil)
    #expect(try client.ask("PUT", "/ac/\(record.key)", body: text.signed(by: anna).bytes).status == 201)
    #expect(try mine.record(for: record.key) == record)
  }

  @Test func entriesOfOtherProgramsAreKeptApartAndBounded() throws {
    let mine = try store()
    let running = try Running(mine, isWritable: true, room: 100_000)
    let client = try running.client()
    func name(_ i: Int) -> String { Digest.of("entry \(i)".utf8).hex }
    #expect(try client.ask("PUT", "/ac/\(name(0))", body: Array("one".utf8)).status == 201)
    #expect(try client.ask("PUT", "/ac/\(name(0))", fields: ["If-None-Match: *"], body: [0]).status == 412)
    #expect(try client.ask("GET", "/ac/\(name(0))").text == "one")
    // Caches of compilers write what they know of a file again when they know more.
    #expect(try client.ask("PUT", "/ac/\(name(0))", body: Array("two".utf8)).status == 201)
    #expect(try client.ask("GET", "/ac/\(name(0))").text == "two")
    #expect(try mine.stats().records == 0 && mine.stats().foreign == .init(count: 1, bytes: 3))
    #expect(try client.ask("PUT", "/ac/\(name(1))", body: noise(100_001)).status == 413)
    let another = try running.client()
    for i in 0..<30 {
      #expect(try another.ask("PUT", "/ac/\(name(i + 2))", body: noise(10_000)).status == 201)
      #expect(try mine.stats().foreign.bytes <= 100_000)
    }
    #expect(try another.ask("GET", "/ac/\(name(31))").body == noise(10_000))
    #expect(try another.ask("HEAD", "/ac/\(name(2))").status == 404)
    let report = try mine.free(GarbageWish(bound: 0, grace: 0))
    #expect(report.freed[.foreign]!.count >= 8)
    #expect(try mine.stats().foreign == .init())
    #expect(try another.ask("GET", "/ac/\(name(31))").status == 404)
  }

  @Test(arguments: [
    (nil, 401, 401), ("Bearer wrong-wrong-wrong", 401, 401), ("Bearer", 401, 401),
    ("Basic reader-reader-reader", 401, 401),
    ("Bearer reader-reader-reader", 404, 403), ("bearer writer-writer-writer", 404, 201),
    ("Bearer writer-writer-write", 401, 401), ("Bearer writer-writer-writer x", 401, 401),
  ])
  func onlyWhoShowsATokenIsAnswered(field: String?, get: Int, put: Int) throws {
    let seen = Mutex<[Served]>([])
    do {
      let running = try Running(
        store(), isWritable: true,
        tokens: Tokens("# ours\nread reader-reader-reader\n\nwriter-writer-writer\n")
      ) { served in seen.withLock { $0.append(served) } }
      let client = try running.client()
      let fields = field.map { ["Authorization: \($0)"] } ?? []
      let path = "/ac/\(Digest.of("x".utf8))"
      let got = try client.ask("GET", path, fields: fields)
      #expect(got.status == get)
      if get == 401 { #expect(got.fields["www-authenticate"] == "Bearer realm=\"bobbin\"") }
      let answer = try client.ask("PUT", path + "?token=secret-in-a-query", fields: fields, body: [1])
      #expect(answer.status == put)
      #expect(!"\(got) \(answer)".contains("writer-writer"))
    }
    // Nothing that is logged holds a token.
    let log = seen.withLock { "\($0)" }
    #expect(!log.contains("writer-writer") && !log.contains("reader-reader") && !log.contains("secret"))
  }

  @Test(arguments: ["", "# none\n", "short\n", "two words-words-words\n", "write tokens-tokens-tokens\n"])
  func aListOfTokensIsReadStrictly(text: String) {
    let problem = #expect(throws: TokensProblem.self) { try Tokens(text) }
    #expect(!"\(problem!)".contains("words-words") && !"\(problem!)".contains("tokens-tokens"))
  }

  @Test func requestsFollowEachOtherOnOneConnection() throws {
    let mine = try store()
    let record = try mine.publish([1, 2, 3])
    let running = try Running(mine, isWritable: true)
    let client = try running.client()
    // Three at once, the second with a body.
    try client.send(
      "GET /ac/\(record.key) HTTP/1.1\r\nHost: h\r\n\r\nPUT /ac/\(Digest.of([9])) HTTP/1.1\r\nHost: h\r\n"
        + "Content-Length: 2\r\n\r\nabHEAD /ac/\(record.key) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    #expect(try client.reply().text == record.text)
    #expect(try client.reply().status == 201)
    #expect(try client.reply(toHead: true).fields["connection"] == "close")
    #expect(client.isClosed())
    // A body that nobody reads ends the connection, with the answer still heard.
    let refused = try running.client()
    #expect(try refused.ask("PUT", "/nowhere", body: noise(3_000_000)).status == 404)
    #expect(refused.isClosed())
    let waiting = try running.client()
    try waiting.send(
      "PUT /ac/\(Digest.of([8])) HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    var answer = [UInt8](repeating: 0, count: 25)
    #expect(recv(waiting.descriptor, &answer, 25, Int32(MSG_WAITALL)) == 25)
    #expect(String(decoding: answer, as: UTF8.self) == "HTTP/1.1 100 Continue\r\n\r\n")
    try waiting.send("ab")
    #expect(try waiting.reply().status == 201)
  }

  @Test func slowClientsDelayNobodyAndAreGivenUp() throws {
    let mine = try store()
    let record = try mine.publish(noise(100_000))
    var limits = ServerLimits()
    (limits.patience, limits.idle) = (1, 1)
    let running = try Running(mine, isWritable: true, limits: limits)
    // Half a head, a body that doesn't come, an answer that nobody reads, a connection without a request.
    let half = try running.client()
    try half.send("GET /ac/")
    let lazy = try running.client()
    try lazy.send("PUT /cas/\(Digest.of([])) HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
    let deaf = try running.client()
    for _ in 0..<200 { try deaf.send("GET /cas/\(record.blobs[0].storedDigest) HTTP/1.1\r\nHost: h\r\n\r\n") }
    let silent = try running.client()
    for _ in 0..<20 { #expect(try running.client().ask("GET", "/ac/\(record.key)").text == record.text) }
    #expect(half.isClosed() && lazy.isClosed() && silent.isClosed())
    while (try? deaf.reply()) != nil {}
    #expect(try mine.stats().foreign.count == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["store/temporary"].path) == [])
  }

  @Test func moreConnectionsThanThereAreThreadsForAreToldToComeAgain() throws {
    var limits = ServerLimits()
    limits.connections = 3
    let running = try Running(store(), limits: limits)
    var clients = try (0..<3).map { _ in try running.client() }
    for client in clients { #expect(try client.ask("GET", "/ac/x").status == 404) }
    let fourth = try running.client()
    let answer = try fourth.reply()
    #expect(answer.status == 503 && answer.fields["retry-after"] == "1")
    clients.removeLast()
    // As soon as its thread has ended there is room for another.
    while try running.client().ask("GET", "/ac/x").status == 503 {}
  }

  /// What a run does in the same store at the same time: it holds the writer's lock, and frees what is served.
  @Test func whoWorksInTheStoreIsNotWaitedFor() throws {
    let mine = try store()
    let record = try mine.publish(noise(100_000))
    let running = try Running(mine)
    let client = try running.client()
    try mine.writing { _ throws in
      #expect(try client.ask("GET", "/ac/\(record.key)").text == record.text)
      #expect(try client.ask("GET", "/cas/\(record.blobs[0].storedDigest)").status == 200)
    }
    try mine.free(GarbageWish(unreachable: true, grace: 0))
    #expect(try client.ask("GET", "/cas/\(record.blobs[0].storedDigest)").status == 404)
    #expect(try client.ask("GET", "/ac/\(record.key)").status == 404)
  }

  @Test func whatGoesOnMayFinishWhenTheServerEnds() throws {
    let mine = try store()
    let server = try CacheServer(mine, address: "127.0.0.1", port: 0, isWritable: true)
    let totals = Mutex<ServedTotals?>(nil)
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      let all = server.run()
      totals.withLock { $0 = all }
      done.signal()
    }
    let (busy, idle) = (try Client(port: server.port), try Client(port: server.port))
    #expect(try idle.ask("GET", "/ac/x").status == 404)
    let name = Digest.of([5])
    try busy.send("PUT /ac/\(name) HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    var answer = [UInt8](repeating: 0, count: 25)
    #expect(recv(busy.descriptor, &answer, 25, Int32(MSG_WAITALL)) == 25)
    server.end()
    server.end()
    #expect(idle.isClosed())
    try busy.send("ab")
    #expect(try busy.reply().status == 201)
    done.wait()
    let all = try #require(totals.withLock { $0 })
    #expect((all.requests, all.connections, all.refused) == (2, 2, 0))
    #expect(throws: Client.Gone.self) { try Client(port: server.port).ask("GET", "/ac/x") }
  }
}

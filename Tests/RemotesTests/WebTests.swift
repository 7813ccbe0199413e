import Canonical
import ContentStore
import Foundation
import LoopbackServer
import Synchronization
import Testing

import Remotes

/// What a remote behind HTTP makes of servers that do badly.
@Suite struct WebTests {
  private let bytes = noise(100_000)
  private var stored: Digest { Digest.of(bytes) }
  private let key = Digest.of("key".utf8)

  private func remote(
    _ server: CacheServer, user: String = "", _ environment: [String: String] = [:], stall: Int = 30
  ) throws -> HTTPRemote {
    var settings = Client.Settings()
    settings.stall = stall
    let address = RemoteAddress(URL(string: server.url(user: user))!, environment: environment)
    return try HTTPRemote(address, settings: settings)
  }

  /// With what the pauses were.
  private func retrying(_ remote: any Remote) -> (remote: RetryingRemote, pauses: Pauses) {
    let pauses = Pauses()
    return (RetryingRemote(remote) { pauses.add($0) }, pauses)
  }

  /// What is said of a failure, as those above hear it.
  private func problem(_ remote: any Remote, _ body: (any Remote) throws -> Void) -> StoreError? {
    #expect(throws: StoreError.self) { try body(retrying(remote).remote) }
  }

  @Test(arguments: [404, 410]) func nothingThereIsNoErrorWhateverIsSaidOfIt(status: Int) throws {
    let page = Array(String(repeating: "<html>not found</html>", count: 20_000).utf8)
    let server = try CacheServer { _ in .answers(status, body: page) }
    let remote = try remote(server)
    #expect(try remote.record(key, limit: 1 << 20) == nil)
    #expect(try !remote.hasRecord(key))
    #expect(try !remote.hasBlob(stored, size: 1))
    #expect(try !remote.blob(stored, limit: 1 << 20) { _ in Issue.record("a page is no blob") })
  }

  @Test func aDownloadThatIsCutOffIsTakenUpAgainAndHandedOnOnce() throws {
    let server = try CacheServer {
      $0.method == "GET" && $0.number < 3 ? .cuts(after: 30_000 * $0.number) : .well
    }
    let (remote, pauses) = try retrying(remote(server))
    try remote.put(bytes)
    #expect(try remote.get(stored, limit: bytes.count) == bytes)
    #expect(pauses.all == [0.5, 1])
  }

  @Test func aDownloadThatIsAlwaysCutOffFailsAfterFourTries() throws {
    let server = try CacheServer { $0.method == "GET" ? .cuts(after: 1000) : .well }
    let (remote, pauses) = try retrying(remote(server))
    try remote.put(bytes)
    let problem = #expect(throws: StoreError.self) { try remote.get(stored, limit: bytes.count) }
    #expect("\(problem!)".hasPrefix("remote \(server.url()): cut off: "))
    #expect(pauses.all == [0.5, 1, 2])
  }

  @Test func ofABatchOnlyWhatFailedIsAskedAgain() throws {
    let server = try CacheServer { $0.method == "GET" && $0.number % 10 == 0 ? .answers(503) : .well }
    let contents = (0..<50).map { noise(1000, seed: UInt64($0 + 1)) }
    for text in contents { server["/ac/\(Digest.of(text).hex)"] = text }
    let (remote, pauses) = try retrying(remote(server))
    var count = 0
    try remote.records(contents.map { Digest.of($0) }, limit: 1000) { i, text in
      count += 1
      let text = try text.get()
      #expect(text == contents[i])
    }
    #expect(count == 50)
    #expect(server.requests.count == 56)
    #expect(pauses.all == [0.5, 1])
  }

  @Test func aBusyServerIsAskedAgainWhenItWishes() throws {
    for (wish, pause) in [("3", 3.0), ("3600", RetryingRemote.longestPause), ("soon", 0.5)] {
      let server = try CacheServer { $0.number == 0 ? .answers(429, headers: ["Retry-After": wish]) : .well }
      let (remote, pauses) = try retrying(remote(server))
      #expect(try remote.record(key, limit: 10) == nil)
      #expect(pauses.all == [pause])
    }
  }

  @Test(arguments: [1000, 3_000_000]) func anUploadIsSentAgainWhileItIsKept(size: Int) throws {
    let server = try CacheServer { $0.number == 0 ? .fills(after: size / 2) : .well }
    let busy = try CacheServer { $0.number == 0 ? .answers(503) : .well }
    let bytes = noise(size)
    // No room: not another word.
    #expect(throws: StoreError.self) { try retrying(remote(server)).remote.put(bytes) }
    #expect(server.requests.count == 1)
    // Busy, and said so before anything of a large one was sent.
    try retrying(remote(busy)).remote.put(bytes)
    #expect(busy["/cas/\(Digest.of(bytes).hex)"] == bytes)
  }

  @Test func whatIsTooLargeToBeKeptIsNotSentInPart() throws {
    let server = try CacheServer { $0.number == 0 ? .vanishes : .well }
    let large = noise(3_000_000)
    let (remote, _) = try retrying(remote(server))
    #expect(throws: StoreError.self) {
      try remote.putBlob(Digest.of(large), size: large.count, from: pieces(large))
      // Where nothing had been read, another try is as good as the first.
      if server["/cas/\(Digest.of(large).hex)"] == large { throw StoreError.missing(stored) }
    }
    for path in server.paths { #expect(server[path] == large) }
  }

  @Test func whatIsSaidOfRefusals() throws {
    let token = ["BOBBIN_REMOTE_TOKEN": "t0ken"]
    let cases: [(CacheServer.Manner, user: String, [String: String], isPut: Bool, String)] = [
      (
        .answers(401), "", [:], false,
        "it doesn't know who asks (401): set BOBBIN_REMOTE_TOKEN, or write user:password@ before the host"
      ),
      (
        .answers(401), "", token, false,
        "it doesn't know who asks (401): the token in BOBBIN_REMOTE_TOKEN is wrong, or has expired"
      ),
      (
        .answers(401), "ann:s3cret@", token, true,
        "it doesn't know who asks (401): the password of 'ann' in the URL is wrong, or another user's is needed"
      ),
      (
        .answers(403), "", token, false,
        "it refuses access (403): the token in BOBBIN_REMOTE_TOKEN is wrong, or"
      ),
      (.answers(403), "", token, true, "nothing may be put there (403): it is read-only"),
      (.answers(405), "", [:], true, "nothing can be put there (405). For nginx: dav_methods PUT"),
      (
        .answers(413), "", [:], true, "it takes nothing of that size (413). For nginx: client_max_body_size 0"
      ),
      (.answers(507), "ann:s3cret@", [:], true, "there is no room left (507)"),
      (.fills(after: 50_000), "", [:], true, "there is no room left (507)"),
      (.answers(503), "ann:s3cret@", [:], false, "it answers 503"),
      (.answers(418), "", [:], false, "it answers 418; is it a cache, with ac/ and cas/ below that URL?"),
      (.vanishes, "ann:s3cret@", token, false, "cut off: "),
      (.chatters, "", [:], false, "its answer has too many headers"),
      (
        .answers(307, headers: ["Location": "https://eve:x@other/cas?signature=abc"]), "", [:], true,
        "it redirects to https://eve:***@other/cas (307); name that address instead"
      ),
    ]
    for (manner, user, environment, isPut, reason) in cases {
      let server = try CacheServer { _ in manner }
      let remote = try remote(server, user: user, environment)
      let problem = problem(remote) {
        if isPut { try $0.put(bytes) } else { _ = try $0.blob(stored, limit: 10) { _ in } }
      }
      let shown = server.url(user: user.isEmpty ? "" : "ann:***@")
      #expect("\(problem!)".hasPrefix("remote \(shown): \(reason)"), "\(problem!)")
      #expect(!"\(problem!)".contains("s3cret") && !"\(problem!)".contains("t0ken"))
      #expect(problem?.concern == .remote)
      // Nothing that won't pass is tried twice.
      let tries = reason.contains("503") || reason.contains("cut off") ? 4 : 1
      #expect(server.requests.count == tries, "\(reason)")
    }
  }

  @Test func whoAsksIsSaidAtOnceAndToNobodyElse() throws {
    let other = try CacheServer()
    let target = other.url("cas/x")
    other["/cas/x"] = bytes
    for (user, environment, header) in [
      ("ann:s3cret@", [:], "Basic " + Data("ann:s3cret".utf8).base64EncodedString()),
      ("", ["BOBBIN_REMOTE_TOKEN": "t0ken"], "Bearer t0ken"),
    ] {
      let server = try CacheServer { _ in .answers(302, headers: ["Location": target]) }
      #expect(try remote(server, user: user, environment).get(stored, limit: bytes.count) == bytes)
      #expect(server.requests.map { $0.headers["authorization"] } == [header])
    }
    #expect(other.requests.count == 2)
    #expect(other.requests.allSatisfy { $0.headers["authorization"] == nil })
  }

  @Test func redirectsInACircleEnd() throws {
    let server = try CacheServer { .answers(301, headers: ["Location": $0.path]) }
    let problem = problem(try remote(server)) { _ = try $0.hasRecord(key) }
    #expect("\(problem!)".hasSuffix("it redirects again and again"))
    #expect(server.requests.count == 6)
  }

  @Test(.timeLimit(.minutes(1)), arguments: [0, 5000]) func whoSaysNothingForLongIsLeft(after count: Int)
    throws
  {
    let server = try CacheServer { $0.method == "PUT" ? .well : .hangs(after: count) }
    let remote = try remote(server, stall: 1)
    try remote.put(bytes)
    let problem = #expect(throws: Passing.self) { try remote.get(stored, limit: bytes.count) }
    #expect("\(problem!.error)".hasSuffix("hardly anything came for a long time"))
    withExtendedLifetime(server) {}
  }

  @Test(.timeLimit(.minutes(1)), arguments: [(CacheServer.Manner.ignores, 4), (.hangs(after: 0), 8)])
  func whoStallsAgainAndAgainIsAskedNoMore(manner: CacheServer.Manner, most: Int) throws {
    let server = try CacheServer { $0.method == "PUT" ? .well : manner }
    var settings = Client.Settings()
    (settings.stall, settings.width) = (1, 4)
    let address = RemoteAddress(URL(string: server.url())!, environment: [:])
    let (remote, pauses) = try retrying(HTTPRemote(address, settings: settings))
    try remote.put(bytes)
    var problems: [any Error] = []
    try remote.blobs((0..<1000).map { _ in BlobWish(stored, limit: bytes.count) { _ in } }) { _, answer in
      if case .failure(let problem) = answer { problems.append(problem) }
    }
    #expect(problems.count == 1000 && problems.allSatisfy { $0 is StoreError })
    #expect(server.requests.count { $0.method == "GET" } <= most + 4)
    #expect(pauses.all == [])
  }

  @Test(.timeLimit(.minutes(1))) func aBodyWithoutAnEndIsLeftAtTheLimit() throws {
    let server = try CacheServer { _ in .floods }
    let remote = try remote(server)
    var count = 0
    #expect(try remote.blob(stored, limit: 1_000_000) { count += $0.count })
    #expect(count == 1_000_001)
    let problem = #expect(throws: StoreError.self) { try remote.record(key, limit: 1000) }
    #expect(problem == .record(reason: "longer than 1000 bytes"))
  }

  @Test func manyLargeRecordsTakeLittleMemoryAtOnce() throws {
    let text = [UInt8](repeating: 0x20, count: 12 << 20)
    let server = try CacheServer { _ in .answers(200, body: text) }
    let trial = try trial(server.url(), "records")
    #expect(trial.bytes == 64 * text.count)
    // Of 32 at once a little, and one large one.
    #expect(trial.peak < 128 << 20, "\(trial.peak >> 20) MiB")
  }

  @Test func aServerThatGoesInTheMiddleFailsTheRestAtOnce() throws {
    let server = try CacheServer()
    let keys = (0..<2000).map { Digest.of("\($0)".utf8) }
    for key in keys { server["/ac/\(key.hex)"] = [1] }
    let (remote, _) = try retrying(remote(server))
    var (well, badly) = (0, 0)
    try remote.records(keys, limit: 10) { _, answer in
      switch answer {
      case .success:
        well += 1
        if well == 100 { server.end() }
      case .failure(let problem):
        badly += 1
        #expect(problem is StoreError)
      }
    }
    #expect(well >= 100 && badly > 0 && well + badly == 2000)
    #expect(server.requests.count < 300)
  }

  @Test func nobodyThereIsSaidForAllAfterOneTry() throws {
    let port = try CacheServer.unusedPort()
    let address = RemoteAddress(URL(string: "http://ann:s3cret@127.0.0.1:\(port)/c")!, environment: [:])
    let (remote, pauses) = try retrying(HTTPRemote(address))
    let keys = (0..<5000).map { Digest.of("\($0)".utf8) }
    var problems: Set<String> = []
    try remote.hasRecords(keys) { _, answer in
      guard case .failure(let problem as StoreError) = answer, case .remoteAbsent = problem else {
        Issue.record("\(answer)")
        return
      }
      problems.insert("\(problem)")
    }
    #expect(problems == ["remote http://ann:***@127.0.0.1:\(port)/c is not there: nobody answers there"])
    #expect(pauses.all == [])
  }

  @Test(.timeLimit(.minutes(1))) func whoDoesNotEvenRefuseIsNotWaitedForLong() throws {
    let deaf = try DeafPort()
    var settings = Client.Settings()
    #expect(settings.connecting < 2)
    settings.connecting = 0.2
    let address = RemoteAddress(URL(string: "http://127.0.0.1:\(deaf.port)/c")!, environment: [:])
    let (remote, pauses) = try retrying(HTTPRemote(address, settings: settings))
    var count = 0
    try remote.hasRecords((0..<5000).map { Digest.of("\($0)".utf8) }) { _, answer in
      count += 1
      guard case .failure(StoreError.remoteAbsent) = answer else {
        Issue.record("\(answer)")
        return
      }
    }
    #expect(count == 5000 && pauses.all == [])
    withExtendedLifetime(deaf) {}
  }

  @Test func connectionsStayOpen() throws {
    let server = try CacheServer()
    let remote = try remote(server)
    let contents = (0..<500).map { noise(4096, seed: UInt64($0 + 1)) }
    for _ in 0..<3 {
      try remote.putBlobs(
        contents.map { BlobOffer(Digest.of($0), size: $0.count, from: pieces($0, of: 4096)) }
      ) { try $1.get() }
      for bytes in contents.prefix(20) { #expect(try remote.get(Digest.of(bytes), limit: 4096) == bytes) }
    }
    #expect(server.connectionCount <= Client.Settings().width)
  }

  @Test func aServerThatKnowsConditionsKeepsTheFirstRecord() throws {
    // Another writer is faster between the question and the answer.
    let server = try CacheServer(knowsConditions: true) { $0.method == "HEAD" ? .answers(404) : .well }
    server["/ac/\(key.hex)"] = [1]
    #expect(try !remote(server).putRecord([2], for: key, replacing: false))
    #expect(server["/ac/\(key.hex)"] == [1])
    #expect(try remote(server).putRecord([2], for: key, replacing: true))
    #expect(server["/ac/\(key.hex)"] == [2])
  }

  @Test(arguments: ["http:///cache", "http://host/cache?x=1", "http://host/cache#x"])
  func addressesThatCanBeNoRemotesAreRefused(place: String) throws {
    let problem = #expect(throws: StoreError.self) {
      try openRemote(place, relativeTo: URL(fileURLWithPath: "/"), kinds: remoteKinds())
    }
    #expect(problem?.concern == .remote)
  }
}

/// Certificates.
@Suite struct TLSTests {
  private func authority() -> TLSContext? {
    let tls = TLSContext()
    if tls == nil { print("skipped: there is no openssl") }
    return tls
  }

  private func remote(_ server: CacheServer, _ environment: [String: String]) throws -> HTTPRemote {
    try HTTPRemote(RemoteAddress(URL(string: server.url("c"))!, environment: environment))
  }

  @Test(arguments: ["BOBBIN_CA_FILE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"])
  func anAuthorityOfOnesOwnIsBelievedWhereItIsNamed(variable: String) throws {
    guard let tls = authority() else { return }
    let server = try CacheServer(tls: tls)
    let bytes = noise(100_000)
    let remote = try remote(server, [variable: tls.certificate.path])
    try remote.put(bytes)
    #expect(try remote.get(Digest.of(bytes), limit: bytes.count) == bytes)
    for environment in [[:], [variable: "/etc/hostname"]] {
      let problem = #expect(throws: StoreError.self) {
        try self.remote(server, environment).record(Digest.of([]), limit: 10)
      }
      #expect("\(problem!)".hasPrefix("remote \(server.url("c")): "))
      #expect("\(problem!)".contains("certificate"))
    }
  }

  @Test func whatIsSaidOfACertificate() throws {
    guard let tls = authority() else { return }
    let server = try CacheServer(tls: tls)
    let problem = #expect(throws: StoreError.self) {
      try remote(server, [:]).record(Digest.of([]), limit: 10)
    }
    #expect(
      "\(problem!)".hasSuffix(
        "for an authority of your own, let BOBBIN_CA_FILE name its certificate (PEM)"), "\(problem!)")
    let absent = #expect(throws: StoreError.self) { try remote(server, ["BOBBIN_CA_FILE": "/no/where"]) }
    #expect(
      "\(absent!)"
        == "remote \(server.url("c")): BOBBIN_CA_FILE names /no/where, which can't be read (No such file or directory)"
    )
  }

  @Test func fromEncryptedToPlainNothingLeads() throws {
    guard let tls = authority() else { return }
    let plain = try CacheServer()
    plain["/x"] = [1]
    let target = plain.url("x")
    let server = try CacheServer(tls: tls) { _ in .answers(302, headers: ["Location": target]) }
    let problem = #expect(throws: StoreError.self) {
      try remote(server, ["BOBBIN_CA_FILE": tls.certificate.path]).get(Digest.of([]), limit: 10)
    }
    #expect(
      "\(problem!)".hasSuffix("it redirects to an address that isn't encrypted, or of another protocol"))
    #expect(plain.requests.isEmpty)
  }
}

/// Where nobody accepts connections, and they aren't refused either: the queue of those that wait is full.
private final class DeafPort {
  let port: Int
  private let sockets: [Int32]

  init() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    var sockets = [listener]
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = bind(listener, address, length)
        _ = listen(listener, 0)
        getsockname(listener, address, &length)
        for _ in 0..<4 {
          let waiting = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
          _ = connect(waiting, address, length)
          sockets.append(waiting)
        }
      }
    }
    port = Int(UInt16(bigEndian: address.sin_port))
    self.sockets = sockets
  }

  deinit { for socket in sockets { close(socket) } }
}

/// The pauses that were made.
private final class Pauses: Sendable {
  private let seconds = Mutex<[Double]>([])
  var all: [Double] { seconds.withLock { $0 } }
  func add(_ pause: Double) { seconds.withLock { $0.append(pause) } }
}

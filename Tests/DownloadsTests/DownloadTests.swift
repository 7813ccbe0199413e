// Downloads from a server on this machine that resumes, cuts off, hangs, redirects and lies.

import Canonical
import Downloads
import Foundation
import LoopbackServer
import Testing

private typealias Answer = LoopbackServer.Answer

private let file = Data((0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })

private struct Bench: ~Copyable {
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  var partial: URL { folder.appending(path: "partial") }

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: folder) }

  func download(_ server: LoopbackServer, _ path: String = "a", of data: Data = file) -> Download {
    var download = Download(server.url(path), digest: .of(data))
    download.pause = 0
    download.attempts = 2
    return download
  }

  func problem(_ download: Download) -> String {
    do {
      try download.fetch(into: partial)
      return "none"
    } catch { return "\(error)".replacing(download.url, with: "URL") }
  }

  var content: Data? { try? Data(contentsOf: partial) }
}

@Suite struct DownloadTests {
  @Test func aFileArrivesWholeAndSaysHowFarItIs() throws {
    let bench = try Bench()
    let server = try LoopbackServer { request, _ in .file(file, request) }
    var last: Download.Progress?
    try bench.download(server).fetch(into: bench.partial) { last = $0 }
    #expect(bench.content == file)
    #expect(last?.received == file.count && last?.total == file.count && last?.left == 0)
    // What is there isn't asked for again.
    try bench.download(server).fetch(into: bench.partial)
    #expect(server.requests.count == 1)
  }

  @Test func whatAnotherProcessLeftIsGoneOnFrom() throws {
    let bench = try Bench()
    let server = try LoopbackServer { request, _ in .file(file, request) }
    try file.prefix(70_001).write(to: bench.partial)
    var first: Download.Progress?
    try bench.download(server).fetch(into: bench.partial) { first = first ?? $0 }
    #expect(bench.content == file && server.requests.map(\.from) == [70_001])
    #expect(first.map { $0.received > 70_001 && $0.total == file.count } == true)
  }

  @Test func anAnswerThatIsCutOffIsGoneOnFrom() throws {
    let bench = try Bench()
    let server = try LoopbackServer { request, _ in .file(file, request, sent: 60_000) }
    try bench.download(server).fetch(into: bench.partial)
    #expect(bench.content == file)
    #expect(server.requests.map(\.from) == [nil, 60_000, 120_000, 180_000])
  }

  @Test func oneThatBringsNothingMoreIsAnErrorAndWhatArrivedIsKept() throws {
    let bench = try Bench()
    let server = try LoopbackServer { request, number in .file(file, request, sent: number == 0 ? 500 : 0) }
    #expect(
      bench.problem(bench.download(server))
        == "URL: cut off after 500 bytes. The first 500 bytes are kept; run again to go on from there")
    #expect(bench.content == file.prefix(500))
  }

  @Test func aServerThatHangsIsGivenUp() throws {
    let bench = try Bench()
    let server = try LoopbackServer { request, _ in .file(file, request, sent: 0, hangs: true) }
    var download = bench.download(server)
    download.stall = 1
    download.attempts = 1
    #expect(bench.problem(download) == "URL: nothing arrived for 1 seconds, after 0 bytes")
  }

  @Test func aServerWithoutRangesIsAskedForAll() throws {
    let bench = try Bench()
    let server = try LoopbackServer { _, _ in Answer(body: file) }
    try file.prefix(100).write(to: bench.partial)
    try bench.download(server).fetch(into: bench.partial)
    #expect(bench.content == file)
  }

  @Test func aWrongBeginningIsThrownAwayOnce() throws {
    let bench = try Bench()
    let server = try LoopbackServer { request, _ in .file(file, request) }
    try Data(repeating: 1, count: 1000).write(to: bench.partial)
    try bench.download(server).fetch(into: bench.partial)
    #expect(bench.content == file && server.requests.map(\.from) == [1000, nil])
    // One that is longer than the file.
    try (file + Data([1])).write(to: bench.partial)
    try bench.download(server).fetch(into: bench.partial)
    #expect(bench.content == file)
    // A server that answers other ranges than it is asked for.
    let liar = try LoopbackServer { request, _ in
      request.from == nil
        ? Answer(body: file)
        : Answer(status: 206, headers: ["Content-Range": "bytes 5-9/\(file.count)"], body: Data(count: 5))
    }
    try file.prefix(100).write(to: bench.partial)
    try bench.download(liar).fetch(into: bench.partial)
    #expect(bench.content == file)
  }

  @Test func aWrongDigestNamesBothAndLeavesNothing() throws {
    let bench = try Bench()
    let server = try LoopbackServer { request, _ in .file(file, request) }
    let expected = Digest.of(Data("other".utf8))
    #expect(
      bench.problem(bench.download(server, of: Data("other".utf8)))
        == "URL: SHA-256 of the 200000 bytes is \(Digest.of(file).hex), expected \(expected.hex). Either another file "
        + "is there now, or the digest was written wrong")
    #expect(bench.content == Data())
  }

  @Test func redirectsAreFollowedButNotRoundInCircles() throws {
    let bench = try Bench()
    let server = try LoopbackServer { request, _ in
      switch request.path {
      case "a": Answer(status: 302, headers: ["Location": "/b"])
      case "b": .file(file, request)
      case "ftp": Answer(status: 302, headers: ["Location": "ftp://127.0.0.1/x"])
      default: Answer(status: 301, headers: ["Location": "/loop"])
      }
    }
    try bench.download(server).fetch(into: bench.partial)
    #expect(bench.content == file)
    try FileManager.default.removeItem(at: bench.partial)
    #expect(bench.problem(bench.download(server, "loop")) == "URL: redirected more than 10 times")
    #expect(server.requests.count == 2 + 11)
    #expect(bench.problem(bench.download(server, "ftp")).hasPrefix("URL: redirected to ftp://127.0.0.1/x"))
  }

  @Test(arguments: [
    (404, "URL: the server answers 404 (Not Found)", 1),
    (503, "URL: the server answers 503 (Service Unavailable)", 2),
  ])
  func aRefusalIsSaidAsItIs(status: Int, message: String, asked: Int) throws {
    let bench = try Bench()
    let server = try LoopbackServer { _, _ in Answer(status: status, body: Data("no".utf8)) }
    #expect(bench.problem(bench.download(server)) == message)
    // What may pass is tried again.
    #expect(server.requests.count == asked && bench.content == Data())
  }

  @Test func whereNobodyIsAndWhatIsNoAddressAreSaid() throws {
    let bench = try Bench()
    let server = try LoopbackServer { _, _ in Answer() }
    let download = bench.download(server)
    server.end()
    #expect(bench.problem(download) == "URL: nobody answers there")
    var nowhere = Download("http://nowhere.invalid/x", digest: .of(file))
    nowhere.attempts = 1
    #expect(bench.problem(nowhere).hasPrefix("URL: there is no host 'nowhere.invalid'"))
    for (url, problem) in [
      ("ftp://host/x", "'ftp' isn't a protocol that is taken; write https:// or http://"),
      ("file:///etc/passwd", "'file' isn't a protocol that is taken; write https:// or http://"),
      ("data.tar.gz", "'data.tar.gz' is no address; write https://…"),
      ("https:///x", "'https:///x' names no host"),
    ] { #expect(Download.problem(with: url) == problem) }
    #expect(Download.problem(with: "https://host/x") == nil)
  }
}

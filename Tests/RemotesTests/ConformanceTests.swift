import Canonical
import ContentStore
import Foundation
import Testing

/// What every remote must do, through its interface alone.
@Suite struct ConformanceTests {
  /// Runs a test at a new place, unless there can't be one here.
  private func at(_ fixture: RemoteFixture, folder: String = "remote", _ body: (Station) throws -> Void)
    throws
  {
    guard let station = try fixture.start(folder) else {
      print("skipped: \(fixture.testDescription) isn't installed")
      return
    }
    try withExtendedLifetime(station) { try body(station) }
  }

  @Test(arguments: RemoteFixture.all) func blobsComeBack(fixture: RemoteFixture) throws {
    try at(fixture) { station in
      let remote = try station.open()
      for size in [0, 1, 5000, 1_700_001] {
        let bytes = noise(size)
        let stored = Digest.of(bytes)
        #expect(try !remote.hasBlob(stored, size: size))
        #expect(try remote.get(stored, limit: size) == nil)
        try remote.put(bytes)
        #expect(try remote.hasBlob(stored, size: size))
        #expect(try !remote.hasBlob(stored, size: size + 1))
        #expect(try remote.get(stored, limit: size) == bytes)
        // The same once more.
        try remote.put(bytes)
        #expect(try station.open().get(stored, limit: size) == bytes)
        // The limit and one more, so that it is seen that there is more.
        if size > 2 { #expect(try remote.get(stored, limit: size - 2) == Array(bytes.dropLast())) }
      }
    }
  }

  @Test(arguments: RemoteFixture.all) func theFirstRecordStaysUnlessItIsKnownToBeWrong(fixture: RemoteFixture)
    throws
  {
    try at(fixture) { station in
      let remote = try station.open()
      let key = Digest.of("key".utf8)
      #expect(try !remote.hasRecord(key))
      #expect(try remote.record(key, limit: 100) == nil)
      #expect(try remote.putRecord([1, 2, 3], for: key, replacing: false))
      #expect(try remote.hasRecord(key))
      #expect(try !remote.putRecord([4], for: key, replacing: false))
      #expect(try remote.record(key, limit: 3) == [1, 2, 3])
      #expect(throws: StoreError.self) { try remote.record(key, limit: 2) }
      #expect(try remote.putRecord([4], for: key, replacing: true))
      #expect(try remote.record(key, limit: 3) == [4])
      #expect(try remote.keys() ?? [key] == [key])
    }
  }

  @Test(arguments: RemoteFixture.all, [20, 3_000_000])
  func anUploadThatIsBrokenOffLeavesNothing(fixture: RemoteFixture, size: Int) throws {
    try at(fixture) { station in
      let remote = try station.open()
      let stored = Digest.of("x".utf8)
      var left = size / 2
      #expect(throws: CancellationError.self) {
        try remote.putBlob(stored, size: size) { buffer in
          let n = min(left, buffer.count)
          guard n > 0 else { throw CancellationError() }
          memset(buffer.baseAddress!, 1, n)
          left -= n
          return n
        }
      }
      #expect(try remote.get(stored, limit: size) == nil)
      #expect(try !remote.hasBlob(stored, size: size))
      // And what comes afterwards is as ever.
      try remote.put([1, 2, 3])
      #expect(try remote.get(Digest.of([1, 2, 3]), limit: 3) == [1, 2, 3])
    }
  }

  @Test(arguments: RemoteFixture.all) func othersUnderABlobsNameGiveWay(fixture: RemoteFixture) throws {
    try at(fixture) { station in
      let remote = try station.open()
      let good = noise(30_000)
      for wrong in [noise(30_000, seed: 2), noise(29_000), [], noise(40_000)] {
        try remote.put(wrong, as: Digest.of(good))
        try remote.put(good)
        #expect(try remote.get(Digest.of(good), limit: 30_000) == good)
      }
    }
  }

  @Test(arguments: RemoteFixture.all) func manyWritersOfOneNameAllSucceed(fixture: RemoteFixture) async throws
  {
    guard let station = try fixture.start("remote") else { return }
    let bytes = noise(300_000)
    let texts = (0..<8).map { noise(5000, seed: $0 + 2) }
    let key = Digest.of("key".utf8)
    let place = station.place
    try await withThrowingTaskGroup(of: Void.self) { group in
      for text in texts {
        group.addTask {
          let remote = try Station(place: place, serving: Scratch()).open()
          try remote.put(bytes)
          _ = try remote.putRecord(text, for: key, replacing: false)
        }
      }
      try await group.waitForAll()
    }
    let remote = try station.open()
    #expect(try remote.get(Digest.of(bytes), limit: 300_000) == bytes)
    // One of them, and whole.
    let text = try #require(try remote.record(key, limit: 5000))
    #expect(texts.contains(text))
    withExtendedLifetime(station) {}
  }

  @Test(arguments: RemoteFixture.all) func ofManyBlobsEachIsAnsweredOnceAndAlone(fixture: RemoteFixture)
    throws
  {
    guard let station = try fixture.start("remote") else { return }
    let remote = try station.open()
    let contents = (0..<100).map { noise($0 * 37, seed: UInt64($0 + 1)) }
    let blobs = contents.map { (stored: Digest.of($0), size: $0.count) }
    var offers = contents.map { BlobOffer(Digest.of($0), size: $0.count, from: pieces($0)) }
    offers[3].source = { _ in throw CancellationError() }
    let put = Answers<Void>()
    try remote.putBlobs(offers, each: put.take)
    #expect(put.positions == Array(0..<100) && put.failed == [3])
    let has = Answers<Bool>()
    try remote.hasBlobs(blobs, each: has.take)
    #expect(has.positions == Array(0..<100) && has.failed == [])
    #expect((0..<100).filter { has[$0] == false } == [3])
    let got = blobs.map { _ in Taken() }
    var wishes = (0..<100).map { BlobWish(blobs[$0].stored, limit: blobs[$0].size, to: got[$0].take) }
    wishes[5].sink = { _ in throw CancellationError() }
    let found = Answers<Bool>()
    try remote.blobs(wishes, each: found.take)
    #expect(found.positions == Array(0..<100) && found.failed == [5])
    #expect((0..<100).filter { found[$0] == false } == [3])
    #expect((0..<100).filter { got[$0].bytes != contents[$0] } == [3, 5])
    withExtendedLifetime(station) {}
  }

  @Test(arguments: RemoteFixture.all) func ofManyRecordsEachIsAnsweredOnceAndAlone(fixture: RemoteFixture)
    throws
  {
    guard let station = try fixture.start("remote") else { return }
    let remote = try station.open()
    let texts = (0..<100).map { noise($0 * 37, seed: UInt64($0 + 1)) }
    let keys = texts.map { Digest.of($0) }
    let offers = (0..<99).map { RecordOffer(texts[$0], for: keys[$0], replacing: $0 % 2 == 0) }
    for isFirst in [true, false] {
      let put = Answers<Bool>()
      try remote.putRecords(offers, each: put.take)
      #expect(put.positions == Array(0..<99) && put.failed == [])
      #expect((0..<99).filter { put[$0] != (isFirst || $0 % 2 == 0) } == [])
    }
    let found = Answers<[UInt8]?>()
    try remote.records(keys, limit: 97 * 37, each: found.take)
    #expect(found.positions == Array(0..<100))
    // Too long, and not there.
    #expect(found.failed == [98] && found[99] == .some(nil))
    #expect((0..<98).filter { found[$0] != texts[$0] } == [])
    let has = Answers<Bool>()
    try remote.hasRecords(keys, each: has.take)
    #expect(has.positions == Array(0..<100) && (0..<100).filter { has[$0] != true } == [99])
    withExtendedLifetime(station) {}
  }

  @Test(arguments: RemoteFixture.all) func whatEachThrowsEndsABatch(fixture: RemoteFixture) throws {
    try at(fixture) { station in
      let remote = try station.open()
      let keys = (0..<100).map { Digest.of("\($0)".utf8) }
      var calls = 0
      #expect(throws: CancellationError.self) {
        try remote.hasRecords(keys) { _, _ in
          calls += 1
          if calls == 3 { throw CancellationError() }
        }
      }
      #expect(calls == 3)
      // And the remote is as it was.
      #expect(try remote.record(keys[0], limit: 1) == nil)
    }
  }

  @Test(arguments: RemoteFixture.all) func bytesOfAnySortAreKept(fixture: RemoteFixture) throws {
    try at(fixture, folder: "te am & ü%41'#?;:@") { station in
      let remote = try station.open()
      let all = (0...255).map { UInt8($0) } + Array("\r\n.\r\n\0HTTP/1.1 200\r\n\r\n".utf8) + [0xff, 0xfe, 0]
      for hex in [
        String(repeating: "0", count: 64), String(repeating: "f", count: 64),
        String(repeating: "e1", count: 32),
      ] {
        let key = Digest(hex: hex)!
        #expect(try remote.record(key, limit: 1000) == nil)
        #expect(try remote.putRecord(all, for: key, replacing: false))
        #expect(try remote.record(key, limit: 1000) == all)
        try remote.put(all, as: key)
        #expect(try station.open().get(key, limit: 1000) == all)
      }
    }
  }

  @Test(arguments: RemoteFixture.all) func aVastBlobTakesLittleMemory(fixture: RemoteFixture) throws {
    try at(fixture) { station in
      let trial = try trial(station.place, String(fixture.vast))
      #expect(trial.isThere && trial.bytes == fixture.vast)
      #expect(trial.peak > 0 && trial.peak < 64 << 20, "\(trial.peak >> 20) MiB")
    }
  }
}

/// What a process of its own says of a remote: whether everything was there, how many bytes it had, and the most memory
/// that took.
func trial(_ arguments: String...) throws -> (isThere: Bool, bytes: Int, peak: Int) {
  let program = Process()
  program.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "RemoteTrial")
  program.arguments = arguments
  let output = Pipe()
  program.standardOutput = output
  try program.run()
  let words = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    .split(whereSeparator: \.isWhitespace)
  program.waitUntilExit()
  try #require(program.terminationStatus == 0 && words.count == 3)
  return (words[0] == "true", try #require(Int(words[1])), try #require(Int(words[2])))
}

/// What was answered for each position of a batch.
private final class Answers<T> {
  private var all: [(position: Int, result: Result<T, any Error>)] = []

  func take(_ position: Int, _ result: Result<T, any Error>) { all.append((position, result)) }

  var positions: [Int] { all.map(\.position).sorted() }
  var failed: [Int] { all.filter { (try? $0.result.get()) == nil }.map(\.position).sorted() }
  subscript(position: Int) -> T? { all.first { $0.position == position }.flatMap { try? $0.result.get() } }
}

/// The bytes that a sink got.
private final class Taken {
  private(set) var bytes: [UInt8] = []
  func take(_ piece: UnsafeRawBufferPointer) { bytes.append(contentsOf: piece) }
}

import Canonical
import ContentStore
import Foundation
import Testing

@Suite struct PublicationTests {
  let scratch = try! Scratch()
  var store: Store { get throws { try Store.open(at: scratch["store"]) } }

  func record(_ blob: WrittenBlob, facts: JSON = [:]) -> Record {
    Record(action: ["kind": "a"], artifacts: ["out": blob.artifact], blobs: [blob.form], facts: facts)
  }

  @Test func theFirstRecordOfAKeyWins() throws {
    let store = try store
    let writer = BlobWriter(store: store.directory)
    let (one, two) = (try writer.write(bytes: prose(10)), try writer.write(bytes: prose(11)))
    let first = record(one)
    #expect(try store.publish(first, blobs: [one]) == .published)
    #expect(try store.publish(record(one, facts: ["host": "b"]), blobs: [one]) == .alreadyThere)
    #expect(try store.publish(record(two), blobs: [two]) == .conflict(existing: first))
    #expect(try store.record(for: first.key) == first)
    #expect(try store.present([two.digest]).isEmpty)
  }

  @Test func aRebuildThatGaveOtherBytesReplacesTheRecord() throws {
    let store = try store
    let writer = BlobWriter(store: store.directory)
    let (one, two) = (try writer.write(bytes: prose(10)), try writer.write(bytes: prose(11)))
    _ = try store.publish(record(one), blobs: [one])
    #expect(
      try store.publish(record(two), blobs: [two], replacing: true) == .replaced(earlier: record(one)))
    #expect(try store.record(for: record(two).key) == record(two))
    #expect(try store.outputs(for: [record(two).key]).values.first?.artifacts == ["out": two.artifact])
  }

  @Test func writtenBlobsTravelAsJSON() throws {
    let writer = BlobWriter(store: scratch["store"])
    for size in [0, 100, 16 << 10, 20_000] {
      let blob = try writer.write(bytes: noise(size))
      #expect((blob.inline == nil) == (size == 20_000))
      #expect(WrittenBlob(json: try JSON(parsing: blob.json.canonical)) == blob)
    }
    let blob = try writer.write(bytes: noise(100))
    var members = blob.json.objectValue!
    members["inline"] = "AAAA"
    #expect(WrittenBlob(json: .object(members)) == nil)
    members["inline"] = nil
    members["extra"] = 1
    #expect(WrittenBlob(json: .object(members)) == nil)
  }

  @Test func theCodecIsChosenByContent() throws {
    let writer = BlobWriter(store: scratch["store"])
    #expect(try writer.write(bytes: noise(100_000)).codec == .raw)
    #expect(try writer.write(bytes: prose(100_000)).codec == .zstd)
    let tensor = try writer.write(bytes: floats(100_000))
    #expect(tensor.codec == .shuffledZstd)
    #expect(tensor.storedSize < 310_000)
    #expect(try writer.write(bytes: prose(5000)).storedSize < 500)
  }

  @Test func labelsBesideImagesDontHaveTheImagesCompressedInVain() throws {
    let writer = BlobWriter(store: scratch["store"])
    let labels = Array(repeating: UInt8(3), count: 65_536)
    #expect(try writer.write(bytes: noise(4_000_000) + labels).codec == .raw)
    #expect(try writer.write(bytes: labels + noise(4_000_000)).codec == .raw)
  }

  @Test func countsAreOfWhatIsThere() throws {
    try store.publish(prose(100), as: "a")
    try store.publish(prose(100_000), as: "b")
    try store.publish(noise(100_000), as: "c")
    let stats = try store.stats()
    #expect(stats.records == 3)
    #expect(stats.total.count == 3)
    #expect(stats.total.content == 200_100)
    #expect(stats.inline.count == 1)
    #expect(stats.blobs[.raw]?.stored == 100_000 + (stats.blobs[.raw]!.count == 2 ? 100 : 0))
    #expect(stats.elsewhere.count == 0)
  }

  @Test func outputsOfManyKeysComeInOnePass() throws {
    let store = try store
    let blob = try BlobWriter(store: store.directory).write(bytes: prose(10))
    var keys: [Digest] = []
    for i in 0..<2000 {
      let record = Record(
        action: ["i": .integer(i)], artifacts: ["model": blob.artifact, "métrique": blob.artifact],
        blobs: [blob.form], facts: [:])
      #expect(try store.publish(record, blobs: [blob]) == .published)
      keys.append(record.key)
    }
    let asked = keys + (0..<98_000).map { Digest.of("\($0)".utf8) }
    let clock = ContinuousClock()
    var found: [Digest: KnownOutputs] = [:]
    let time = try clock.measure { found = try store.outputs(for: asked) }
    print("outputs of 100,000 keys, 2,000 of them known: \(time)")
    #expect(found.count == 2000)
    #expect(found[keys[7]]?.artifacts == ["model": blob.artifact, "métrique": blob.artifact])
    #expect(Set(found.keys) == Set(keys))
  }

  @Test func aRecordThatNobodyCouldReadIsNotPublished() throws {
    // A4: the limit was checked on reading only.
    let store = try store
    let names = Array(repeating: JSON.string(String(repeating: "n", count: 1000)), count: 17_000)
    let long = Record(action: ["inputs": .array(names)], artifacts: [:], blobs: [], facts: [:])
    let problem = #expect(throws: StoreError.self) { try store.publish(long, blobs: []) }
    #expect("\(problem!)".contains("more than the 16777216 allowed: its action takes 170"))
    #expect(try store.record(for: long.key) == nil)
  }

  @Test func aReplacedRecordIsReportedWithThePlatformsOfBoth() throws {
    // A12
    let store = try store
    let writer = BlobWriter(store: store.directory)
    let (one, two) = (try writer.write(bytes: prose(10)), try writer.write(bytes: prose(11)))
    let server = record(
      one, facts: ["host": "server", "instructionSet": "avx512", "versions": ["oneDNN": "3.7"]])
    let laptop = record(two, facts: ["host": "laptop", "instructionSet": "avx2"])
    _ = try store.publish(server, blobs: [one])
    #expect(try store.publish(laptop, blobs: [two]) == .conflict(existing: server))
    #expect(try store.publish(laptop, blobs: [two], replacing: true) == .replaced(earlier: server))
    #expect(server.platform == "on server, with avx512, oneDNN 3.7")
    #expect(laptop.platform == "on laptop, with avx2")
    #expect(record(one).platform == "on a platform it doesn't name")
  }

  @Test func logsAreKeptShort() throws {
    let store = try store
    let writer = BlobWriter(store: store.directory)
    #expect(try writer.write(log: scratch.write([], to: "log")) == nil)
    #expect(try writer.write(log: scratch["none"]) == nil)
    let key = Digest.of([1])
    #expect(try store.log(of: key) == nil)
    for size in [1, 500, BlobWriter.longestLog] {
      try store.keep(log: scratch.write(prose(size), to: "log"), for: key)
      #expect(try store.log(of: key) == prose(size))
    }
    // The start, the end, and between them whole lines only.
    let text = (0..<100_000).map { "line \($0)\n" }.joined()
    try store.keep(log: scratch.write(text.utf8, to: "log"), for: key)
    let kept = String(decoding: try #require(try store.log(of: key)), as: UTF8.self)
    #expect(kept.utf8.count < BlobWriter.longestLog + 100)
    #expect(kept.hasPrefix("line 0\nline 1\n") && kept.hasSuffix("line 99998\nline 99999\n"))
    let middle = try #require(kept.split(separator: "\n").first { $0.hasPrefix("[") })
    #expect(middle.hasSuffix(" bytes left out]"))
    let left = try #require(Int(middle.dropFirst().prefix { $0.isNumber }))
    #expect(kept.utf8.count - middle.utf8.count - 1 + left == text.utf8.count)
    // Lines without an end, and bytes that are no text.
    try store.keep(log: scratch.write(noise(200_000), to: "log"), for: key)
    #expect(try store.log(of: key)!.count > 60_000)
    // A result's own log takes its place.
    let blob = try writer.write(bytes: [1])
    let log = try #require(try writer.write(log: scratch.write(prose(40_000), to: "log")))
    #expect(log.inline != nil)
    let record = Record(
      action: ["n": 1], artifacts: ["out": blob.artifact], blobs: [blob.form, log.form], facts: [:],
      log: log.artifact)
    try store.keep(log: scratch.write(prose(9), to: "log"), for: record.key)
    #expect(try store.log(of: record.key) == prose(9))
    _ = try store.publish(record, blobs: [blob, log])
    #expect(try store.log(of: record.key) == prose(40_000))
    try store.keep(log: scratch.write([], to: "log"), for: key)
    #expect(try store.log(of: key) == nil)
  }

  @Test func aRecordTakesLittleRoom() throws {
    let store = try store
    let text = prose(900)
    for i in 0..<50 { try store.publish(text + [UInt8(i)], as: "\(i)") }
    let stored = try scratch.number("SELECT sum(length(text)) / count(*) FROM records")
    let length = try #require(try store.record(for: Digest.of(#"{"kind":"7"}"#.utf8))).text.utf8.count
    // More than half of a text is digests, as hexadecimal digits.
    #expect(stored < length * 3 / 4)
  }
}

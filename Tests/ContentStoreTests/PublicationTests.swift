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
    #expect(try store.publish(record(two), blobs: [two], replacing: true) == .published)
    #expect(try store.record(for: record(two).key) == record(two))
    #expect(try store.outputs(for: [record(two).key]).values.first == ["out": two.artifact])
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
    var found: [Digest: [String: Artifact]] = [:]
    let time = try clock.measure { found = try store.outputs(for: asked) }
    print("outputs of 100,000 keys, 2,000 of them known: \(time)")
    #expect(found.count == 2000)
    #expect(found[keys[7]] == ["model": blob.artifact, "métrique": blob.artifact])
    #expect(Set(found.keys) == Set(keys))
  }
}

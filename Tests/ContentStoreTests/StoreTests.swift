import Canonical
import ContentStore
import Foundation
import Testing

@Suite struct StoreTests {
  let scratch = try! Scratch()
  var store: Store { get throws { try Store.open(at: scratch["store"]) } }

  @Test(arguments: [0, 1, 3, 1000, 16 << 10, (16 << 10) + 1, 300_001, 1_000_003])
  func whatIsWrittenIsReadBack(size: Int) throws {
    let store = try store
    for (i, bytes) in [noise(size), prose(size), floats((size + 3) / 4).dropLast((4 - size % 4) % 4)]
      .enumerated()
    {
      let bytes = Array(bytes)
      let record = try store.publish(bytes, as: "\(i)")
      let digest = record.artifacts["out"]!.digest
      #expect(digest == Digest.of(bytes))
      #expect(record.artifacts["out"]!.size == size)
      #expect(try store.read(digest) == bytes)
      #expect(try Array(Data(contentsOf: store.file(for: digest))) == bytes)
      #expect(try store.present([digest]) == [digest])
    }
  }

  @Test func aRecordSurvivesReopening() throws {
    let record = try store.publish(prose(50_000), facts: ["host": "here", "seconds": 1.5])
    let store = try store
    #expect(try store.record(for: record.key) == record)
    let none = Digest.of("none".utf8)
    #expect(try store.record(for: none) == nil)
    #expect(try store.outputs(for: [record.key, none]) == [record.key: KnownOutputs(record)])
  }

  @Test func equalContentOfAFileAndOfMemoryIsStoredEqually() throws {
    let writer = BlobWriter(store: scratch["store"])
    for bytes in [floats(100_000), prose(2000), noise(70_000)] {
      let file = try scratch.write(bytes, to: "file")
      #expect(try writer.write(file: file) == writer.write(bytes: bytes))
    }
  }
}

import Canonical
import ContentStore
import Foundation
import Testing

/// Blobs on a shared filesystem, the index on this machine's disk.
@Suite struct IndexElsewhereTests {
  let scratch = try! Scratch()

  private func open() throws -> Store {
    try Store.open(at: scratch["store"], indexFolder: scratch["local"].path)
  }

  @Test func theIndexOfANewStoreLiesWhereItIsWantedAndWhoeverOpensTheStoreFindsIt() throws {
    let bytes = prose(50_000)
    let record = try open().publish(bytes, as: "a")
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch["local"].path)
    #expect(names.count { $0.hasSuffix(".sqlite") } == 1)
    // Nothing of SQLite's is in the store itself.
    let inside = try FileManager.default.contentsOfDirectory(atPath: scratch["store"].path)
    #expect(inside.filter { $0.hasPrefix("index.sqlite") } == ["index.sqlite"])
    for store in [try Store.open(at: scratch["store"]), try open()] {
      #expect(try store.record(for: record.key) == record)
      #expect(try store.read(record.artifacts["out"]!.digest) == bytes)
    }
  }

  @Test func anIndexThatIsOnAnotherMachineIsNotTakenForNone() throws {
    _ = try open().publish(prose(100), as: "a")
    try FileManager.default.removeItem(at: scratch["local"])
    let error = #expect(throws: StoreError.self) { try Store.open(at: scratch["store"]) }
    #expect("\(error!)".contains("which isn't on this machine: a store's index lies where its drivers run"))
  }

  @Test func aStoreThatHasItsIndexKeepsIt() throws {
    _ = try Store.open(at: scratch["store"])
    let error = #expect(throws: StoreError.self) { try open() }
    #expect("\(error!)".contains("Move it there and leave a link to it here, or take the setting out"))
    #expect(!FileManager.default.fileExists(atPath: scratch["local"].path))
  }
}

import Canonical
import ContentStore
import Foundation
import Testing

@Suite struct StatesTests {
  let scratch = try! Scratch()

  /// Keeps `bytes` as a state of an action called `name`.
  @discardableResult private func keep(
    _ bytes: [UInt8], as name: String, in store: Store, superseding: [Digest] = []
  ) throws -> Record {
    let blob = try BlobWriter(store: store.directory).write(bytes: bytes)
    let state = Record(
      action: ["name": .string(name)], artifacts: ["state": blob.artifact], blobs: [blob.form], facts: [:])
    try store.keep(state, blobs: [blob], superseding: superseding)
    return state
  }

  private var files: [String] {
    get throws {
      let names = try FileManager.default.subpathsOfDirectory(atPath: scratch["store/blobs"].path)
      return names.filter { $0.count > 2 }
    }
  }

  @Test func aStateIsReadBackAndTakenForNoRecord() throws {
    for bytes in [prose(100), noise(50_000)] {
      let store = try Store.open(at: scratch["store"])
      let state = try keep(bytes, as: "a", in: store)
      let reopened = try Store.open(at: scratch["store"])
      #expect(try reopened.states(for: [state.key, .of("other".utf8)]) == [state.key: state])
      #expect(try reopened.read(state.artifacts["state"]!.digest) == bytes)
      #expect(try reopened.record(for: state.key) == nil)
      #expect(try reopened.outputs(for: [state.key]).isEmpty)
      #expect(try reopened.stats().records == 0)
    }
  }

  @Test func whatIsSupersededOrReplacedLeavesNoBytesBehind() throws {
    let store = try Store.open(at: scratch["store"])
    let first = try keep(noise(50_000, seed: 1), as: "a", in: store)
    _ = try store.file(for: first.artifacts["state"]!.digest)
    let second = try keep(noise(50_000, seed: 2), as: "b", in: store, superseding: [first.key])
    #expect(try store.states(for: [first.key, second.key]) == [second.key: second])
    #expect(try files.count == 1)
    #expect(try store.stats().states == .init(count: 1, bytes: 50_000))
    let third = try keep(floats(50_000, seed: 3), as: "b", in: store)
    _ = try store.file(for: third.artifacts["state"]!.digest)
    #expect(try store.states(for: [second.key]) == [third.key: third])
    #expect(try files.count == 1)
    try store.dropStates([third.key])
    #expect(try files.isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["store/open"].path).isEmpty)
    #expect(try store.stats().total.count == 0)
    #expect(try store.stats().states == .init())
    #expect(throws: StoreError.missing(third.artifacts["state"]!.digest)) {
      try store.read(third.artifacts["state"]!.digest)
    }
  }

  @Test(
    "what a record or another state lists too stays when a state goes, whichever came first",
    arguments: [true, false], [50, 50_000])
  func sharedBytes(recordFirst: Bool, size: Int) throws {
    let store = try Store.open(at: scratch["store"])
    let bytes = noise(size)
    if recordFirst { try store.publish(bytes) }
    let one = try keep(bytes, as: "one", in: store)
    let other = try keep(bytes, as: "other", in: store)
    try store.dropStates([one.key])
    #expect(try store.read(.of(bytes)) == bytes)
    if !recordFirst { try store.publish(bytes) }
    try store.dropStates([other.key])
    #expect(try store.read(.of(bytes)) == bytes)
    #expect(try store.states(for: [one.key, other.key]).isEmpty)
  }

  @Test func aStateWhoseBytesNeverArrivedIsNotKept() throws {
    let store = try Store.open(at: scratch["store"])
    let blob = try BlobWriter(store: store.directory).write(bytes: noise(50_000))
    for file in try files { try FileManager.default.removeItem(at: scratch["store/blobs/" + file]) }
    let state = Record(
      action: ["name": "a"], artifacts: ["state": blob.artifact], blobs: [blob.form], facts: [:])
    #expect(throws: StoreError.missing(blob.digest)) { try store.keep(state, blobs: [blob]) }
    #expect(try store.states(for: [state.key]).isEmpty)
  }

  @Test func aStoreOfTheVersionBeforeStatesOpensAndTakesThem() throws {
    let bytes = noise(50_000)
    try Store.open(at: scratch["store"]).publish(bytes)
    try scratch.sql(
      """
      DROP TRIGGER noted; DROP TRIGGER notedAgain; DROP TRIGGER forgotten; ALTER TABLE files DROP COLUMN seal;
      DROP TABLE states; DROP TABLE stateBlobs; DROP TABLE accepted; DROP TABLE traces; DROP TABLE origins; DROP TABLE pinned;
      DROP TABLE bases; ALTER TABLE records DROP COLUMN base; ALTER TABLE instances DROP COLUMN gone;
      CREATE TABLE roots (
        file INTEGER NOT NULL REFERENCES files, run INTEGER NOT NULL REFERENCES runs,
        PRIMARY KEY (file, run)) WITHOUT ROWID;
      PRAGMA user_version = 2;
      """)
    let store = try Store.open(at: scratch["store"])
    let state = try keep(bytes, as: "a", in: store)
    try store.dropStates([state.key])
    #expect(try store.read(.of(bytes)) == bytes)
  }
}

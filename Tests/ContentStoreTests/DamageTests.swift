import Canonical
import ContentStore
import Foundation
import Testing

/// A damaged blob is a missing blob, and the store stays whole.
@Suite struct DamageTests {
  let scratch = try! Scratch()
  var store: Store { get throws { try Store.open(at: scratch["store"]) } }

  /// The only file under `blobs/`.
  func blobFile() throws -> URL {
    let names = try FileManager.default.subpathsOfDirectory(atPath: scratch["store/blobs"].path)
    return scratch["store/blobs/" + (try #require(names.first { $0.contains("/") }))]
  }

  func damage(_ file: URL, _ change: (inout [UInt8]) -> Void) throws {
    var bytes = try Array(Data(contentsOf: file))
    change(&bytes)
    try FileManager.default.removeItem(at: file)
    try Data(bytes).write(to: file)
  }

  enum Harm: CaseIterable { case flippedByte, truncated, lengthened, emptied, removed }

  @Test(arguments: Harm.allCases, [noise(100_000), prose(100_000), floats(50_000)])
  func aDamagedFileIsFoundDroppedAndRebuilt(harm: Harm, bytes: [UInt8]) throws {
    let record = try store.publish(bytes)
    let digest = Digest.of(bytes)
    let file = try blobFile()
    switch harm {
    case .flippedByte: try damage(file) { $0[$0.count / 2] ^= 1 }
    case .truncated: try damage(file) { $0.removeLast(7) }
    case .lengthened: try damage(file) { $0 += [0, 0, 0] }
    case .emptied: try damage(file) { $0 = [] }
    case .removed: try FileManager.default.removeItem(at: file)
    }
    let store = try store
    let problem = #expect(throws: StoreError.self) { try store.file(for: digest) }
    guard case .damaged(digest, _)? = problem else {
      Issue.record("\(problem as Any) instead of damaged")
      return
    }
    // From now on it is missing; its record stays, and publishing again mends it.
    #expect(throws: StoreError.missing(digest)) { try store.read(digest) }
    #expect(try store.present([digest]).isEmpty)
    #expect(try store.record(for: record.key) == record)
    #expect(try store.publish(bytes) == record)
    #expect(try store.read(digest) == bytes)
    #expect(try Data(contentsOf: store.file(for: digest)) == Data(bytes))
  }

  @Test func aDamagedFileThatNobodyHasReadYetIsMendedByWritingTheBlobAgain() throws {
    let bytes = prose(100_000)
    try store.publish(bytes)
    try damage(try blobFile()) { $0[100] ^= 1 }
    let store = try store
    try store.publish(bytes)
    #expect(try store.read(Digest.of(bytes)) == bytes)
  }

  @Test func openedFilesAreReadOnlyAndMadeAgainWhenTheyAreGone() throws {
    let bytes = prose(100_000)
    try store.publish(bytes)
    let store = try store
    let file = try store.file(for: Digest.of(bytes))
    let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
    #expect(mode == 0o444)
    try FileManager.default.removeItem(at: file)
    #expect(try store.file(for: Digest.of(bytes)) == file)
    #expect(try Array(Data(contentsOf: file)) == bytes)
  }

  @Test func anOpenedFileOfTheWrongLengthIsMadeAgain() throws {
    let bytes = prose(100_000)
    try store.publish(bytes)
    let store = try store
    let file = try store.file(for: Digest.of(bytes))
    try damage(file) { $0.removeLast() }
    #expect(try Array(Data(contentsOf: store.file(for: Digest.of(bytes)))) == bytes)
  }

  @Test func whatWasOpenedBeforeTheMachineRestartedIsNotTrusted() throws {
    let bytes = prose(100_000)
    try store.publish(bytes)
    let file = try store.file(for: Digest.of(bytes))
    try damage(file) { $0[5] ^= 1 }
    try Data("another boot".utf8).write(to: scratch["store/open/.boot"])
    #expect(try Array(Data(contentsOf: store.file(for: Digest.of(bytes)))) == bytes)
  }

  @Test func aRecordWhoseBlobIsNotThereIsRefused() throws {
    let written = try BlobWriter(store: scratch["store"]).write(bytes: prose(100_000))
    let record = Record(action: ["kind": "a"], artifacts: [:], blobs: [written.form], facts: [:])
    let store = try store
    #expect(throws: StoreError.missing(written.digest)) { try store.publish(record, blobs: []) }
    try FileManager.default.removeItem(at: try blobFile())
    #expect(throws: StoreError.missing(written.digest)) { try store.publish(record, blobs: [written]) }
    #expect(try store.record(for: record.key) == nil)
  }
}

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

  @Test func anOpenedFileWithOtherBytesOfTheSameLengthIsMadeAgain() throws {
    // A15, H4: only its size was looked at.
    let bytes = prose(100_000)
    try store.publish(bytes)
    let file = try store.file(for: Digest.of(bytes))
    try damage(file) { $0[50_000] ^= 1 }
    let store = try store
    #expect(try Array(Data(contentsOf: store.file(for: Digest.of(bytes)))) == bytes)
    // And in a process that had verified it.
    try damage(file) { $0[50_000] ^= 1 }
    #expect(try Array(Data(contentsOf: store.file(for: Digest.of(bytes)))) == bytes)
    // A file that somebody maps keeps its bytes: it is replaced, not written to.
    let mapped = try Data(contentsOf: file, options: .alwaysMapped)
    try damage(file) { $0[50_000] ^= 1 }
    _ = try store.file(for: Digest.of(bytes))
    #expect(Array(mapped) == bytes)
  }

  @Test(arguments: [true, false]) func aLostBlobIsRestoredFromItsOpenedCopy(isRemoved: Bool) throws {
    // A20: after `rm -rf cache/blobs` the first read failed. H8: with a damaged blob every one did.
    let bytes = prose(100_000)
    let record = try store.publish(bytes)
    _ = try store.file(for: Digest.of(bytes))
    if isRemoved {
      try FileManager.default.removeItem(at: scratch["store/blobs"])
    } else {
      try damage(try blobFile()) { $0[$0.count / 2] ^= 1 }
    }
    let store = try store
    #expect(try store.read(Digest.of(bytes)) == bytes)
    try store.export(record.artifacts["out"]!, to: scratch["out"])
    #expect(try Array(Data(contentsOf: scratch["out"])) == bytes)
    #expect(try Store.open(at: scratch["store"]).read(Digest.of(bytes)) == bytes)
    #expect(try store.push([record.key], to: DirectoryRemote(at: scratch["remote"])).problems == [])
  }

  @Test func aDamagedOpenedCopyRestoresNothing() throws {
    let bytes = prose(100_000)
    try store.publish(bytes)
    try damage(try store.file(for: Digest.of(bytes))) { $0[5] ^= 1 }
    try damage(try blobFile()) { $0[$0.count / 2] ^= 1 }
    let problem = #expect(throws: StoreError.self) { try store.read(Digest.of(bytes)) }
    #expect(problem?.concern == .lostBlob(Digest.of(bytes)))
  }

  enum Obstacle: CaseIterable { case folder, link, pipe, circle, device, closed }

  @Test(arguments: Obstacle.allCases) func somethingElseInABlobsPlaceIsALostBlobAndMovedAway(
    obstacle: Obstacle
  )
    throws
  {
    // H9: it stopped everything, on every run.
    if obstacle == .closed, geteuid() == 0 { return }
    let bytes = prose(100_000)
    let record = try store.publish(bytes)
    let file = try blobFile()
    try FileManager.default.removeItem(at: file)
    switch obstacle {
    case .folder:
      try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
      try Data([1]).write(to: file.appending(path: "precious"))
    case .link: try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: "nowhere")
    case .pipe: mkfifo(file.path, 0o644)
    case .circle:
      try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: file.path)
    case .device:
      try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: "/dev/zero")
    case .closed:
      try Data(bytes).write(to: file)
      chmod(file.path, 0)
    }
    let store = try store
    for read in [{ _ = try store.read(Digest.of(bytes)) }, { _ = try store.file(for: Digest.of(bytes)) }] {
      let problem = #expect(throws: StoreError.self) { try read() }
      #expect(problem?.concern == .lostBlob(Digest.of(bytes)))
    }
    #expect(try store.present([Digest.of(bytes)]).isEmpty)
    #expect(try store.publish(bytes) == record)
    #expect(try store.read(Digest.of(bytes)) == bytes)
    let aside = try FileManager.default.subpathsOfDirectory(atPath: scratch["store/set-aside"].path)
    #expect(aside.contains { $0.hasSuffix("precious") } == (obstacle == .folder))
    #expect(!aside.isEmpty)
  }

  @Test func somethingElseInTheWayOfAnOpenedCopyIsMovedAway() throws {
    let bytes = prose(100_000)
    try store.publish(bytes)
    let file = try store.file(for: Digest.of(bytes))
    try FileManager.default.removeItem(at: file)
    try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
    #expect(try Array(Data(contentsOf: store.file(for: Digest.of(bytes)))) == bytes)
  }

  @Test func aGoodReplacementIsNeverRemoved() async throws {
    // A9: who had found damage removed whatever was there by then.
    let bytes = floats(50_000)
    let record = try store.publish(bytes)
    let (mine, theirs) = (try store, try store)
    let file = try blobFile()
    for round in 0..<20 {
      try damage(file) { for i in 100..<200 { $0[i] ^= UInt8(round + 1) } }
      await withTaskGroup(of: Void.self) { group in
        for store in [mine, theirs] {
          group.addTask { _ = try? store.read(Digest.of(bytes)) }
          group.addTask { _ = try? store.publish(bytes) }
        }
      }
      // Whoever came last, who publishes now has it, here and for the other.
      #expect(try mine.publish(bytes) == record)
      #expect(try theirs.read(Digest.of(bytes)) == bytes)
      #expect(try mine.present([Digest.of(bytes)]).count == 1)
    }
  }

  @Test func aRowThatSomebodyElseMendedIsNotTakenBack() throws {
    // A9: `DELETE FROM blobs` and `drop` acted on rows read earlier.
    let bytes = prose(3000)
    let record = try store.publish(bytes)
    let (mine, theirs) = (try store, try store)
    _ = try mine.push([record.key], to: DirectoryRemote(at: scratch["remote"]))
    let remote = MeddlingRemote { try! theirs.publish(bytes) }
    try scratch.sql("DELETE FROM inlineBlobs; UPDATE blobs SET place = 2")
    // The remote hasn't got it; while it is asked, another process computes it.
    mine.attach(remote) { _ in }
    #expect(throws: StoreError.missing(Digest.of(bytes))) { try mine.read(Digest.of(bytes)) }
    #expect(try mine.read(Digest.of(bytes)) == bytes)
  }
}

/// A remote without anything, during whose calls something happens.
private struct MeddlingRemote: Remote {
  let description = "meddling"
  let happen: @Sendable () -> Void

  init(_ happen: @escaping @Sendable () -> Void) { self.happen = happen }

  func record(_ key: Digest, limit: Int) throws -> [UInt8]? { nil }
  func hasRecord(_ key: Digest) throws -> Bool { false }
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool { false }
  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    happen()
    return false
  }
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool { false }
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {}
  func keys() throws -> [Digest]? { nil }
}

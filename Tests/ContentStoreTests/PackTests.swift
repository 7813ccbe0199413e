import Canonical
import ContentStore
import Foundation
import Synchronization
import Testing

/// Many small blobs on their way to a remote and back.
@Suite struct PackTests {
  let scratch = try! Scratch()
  let warnings = SharingTests.Warnings()

  func mine() throws -> Store { try Store.open(at: scratch["mine"]) }
  func theirs(_ name: String = "theirs") throws -> Store { try Store.open(at: scratch[name]) }

  /// A remote whose calls are counted.
  func remote() throws -> CountedRemote { CountedRemote(try DirectoryRemote(at: scratch["remote"])) }

  /// A record of a manifest that lists so many small blobs.
  func publish(_ count: Int, size: Int = 400, as name: String = "many", in store: Store) throws -> Record {
    let writer = BlobWriter(store: store.directory)
    let blobs = try (0..<count).map { try writer.write(bytes: noise(size, seed: UInt64($0 + 1))) }
    let entries = Dictionary(uniqueKeysWithValues: blobs.enumerated().map { ("f\($0)", $1.artifact) })
    let manifest = Manifest(entries)
    let text = try writer.write(bytes: Array(manifest.text.utf8))
    let record = Record(
      action: ["kind": .string(name)], artifacts: ["out": manifest.artifact],
      blobs: blobs.map(\.form) + [text.form], facts: [:])
    _ = try store.publish(record, blobs: blobs + [text])
    return record
  }

  /// Where the list of a manifest's packs lies.
  func list(of record: Record) -> URL {
    let digest = record.artifacts["out"]!.digest
    return scratch["remote/v1/ac/\(Digest.of("bobbin packs\n\(digest.hex)".utf8))"]
  }

  @Test func manySmallBlobsOfAManifestTravelInFewPacks() throws {
    let store = try mine()
    let record = try publish(200, in: store)
    let remote = try remote()
    let pushed = try store.push([record.key], to: remote)
    #expect((pushed.records, pushed.blobs) == (1, 201))
    #expect(pushed.problems == [] && pushed.fault == nil)
    // The pack and the manifest's text.
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["remote/v1/cas"].path).count == 2)
    let pulled = try theirs().pull([record.key], from: remote)
    #expect((pulled.records, pulled.blobs, pulled.problems) == (1, 201, []))
    #expect(remote.blobsAsked <= 3)
    #expect(try theirs().read(Digest.of(noise(400, seed: 7))) == noise(400, seed: 7))
    // Whoever asks for all that the remote has isn't told of what is no record.
    #expect(try theirs("third").pull(nil, from: remote).problems == [])
  }

  @Test func whereTheListOfPacksIsNothingIsAskedBlobByBlob() throws {
    let store = try mine()
    let record = try publish(100, in: store)
    let remote = try remote()
    _ = try store.push([record.key], to: remote)
    remote.forget()
    let again = try store.push([record.key], to: remote)
    #expect((again.records, again.blobs, again.bytes, again.skipped) == (0, 0, 0, 102))
    // The pack, and the manifest's text.
    #expect(remote.presenceAsked == 2)
  }

  @Test func fewBlobsAndLargeOnesTravelAlone() throws {
    let store = try mine()
    let few = try publish(10, as: "few", in: store)
    let large = try publish(3, size: 300_000, as: "large", in: store)
    let remote = try remote()
    #expect(try store.push([few.key, large.key], to: remote).blobs == 15)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["remote/v1/cas"].path).count == 15)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["remote/v1/ac"].path).count == 2)
  }

  @Test func oneBlobThatLiesInAPackAloneIsFound() throws {
    let store = try mine()
    let record = try publish(50, in: store)
    let remote = try remote()
    _ = try store.push([record.key], to: remote)
    let other = try theirs()
    other.attach(remote, warn: warnings.add)
    _ = try other.pullRecord(record.key, from: remote)
    _ = try other.manifest(record.artifacts["out"]!)
    // By itself, as `get` of a part reads it.
    #expect(try other.read(Digest.of(noise(400, seed: 3))) == noise(400, seed: 3))
    #expect(warnings.all == [])
  }

  enum Lie: String, CaseIterable {
    case noJSON, beyondThePack, overlapping, gap, twice, hugePack, wrongSize, packGone, packAltered, packCut
    case otherVersion, endlessPack
  }

  @Test(arguments: Lie.allCases)
  func aListOfPacksThatIsWrongIsAsNoneAndMendedByTheNextPush(lie: Lie) throws {
    let store = try mine()
    let record = try publish(60, in: store)
    let remote = try remote()
    _ = try store.push([record.key], to: remote)
    let file = list(of: record)
    let text = try String(contentsOf: file, encoding: .utf8)
    let json = try JSON(parsing: Array(text.utf8))
    let pack = json["packs"]!.arrayValue![0]
    let packFile = scratch["remote/v1/cas/\(pack["stored"]!.stringValue!)"]
    let members = pack["members"]!.arrayValue!
    func rewrite(_ members: [JSON], size: Int? = nil, version: Int = 1) throws {
      let pack: JSON = [
        "stored": pack["stored"]!, "size": size.map(JSON.integer) ?? pack["size"]!,
        "members": .array(members),
      ]
      let changed = JSON.object(["packs": .array([pack]), "version": .integer(version)]).canonical
      try overwrite(file, Array(changed.utf8))
    }
    func overwrite(_ file: URL, _ bytes: [UInt8]) throws {
      try FileManager.default.removeItem(at: file)
      try Data(bytes).write(to: file)
    }
    func member(_ n: Int, offset: Int? = nil, size: Int? = nil) -> JSON {
      let its = members[n].arrayValue!
      return [its[0], offset.map(JSON.integer) ?? its[1], size.map(JSON.integer) ?? its[2]]
    }
    let bytes = try Array(Data(contentsOf: packFile))
    switch lie {
    case .noJSON: try overwrite(file, Array(#"{"packs":["#.utf8))
    case .beyondThePack: try rewrite(members.dropLast() + [member(59, size: 5000)])
    case .overlapping: try rewrite(members.dropLast() + [member(59, offset: 0)])
    case .gap: try rewrite(members.dropLast() + [member(59, offset: 24_100)], size: 24_500)
    case .twice: try rewrite(members + [member(0, offset: 24_000)], size: 24_400)
    case .hugePack: try rewrite(members, size: 1 << 40)
    case .wrongSize:
      try rewrite([member(0, size: 399), member(1, offset: 399, size: 401)] + members.dropFirst(2))
    case .otherVersion: try rewrite(members, version: 2)
    case .packGone: try FileManager.default.removeItem(at: packFile)
    case .packAltered: try overwrite(packFile, [bytes[0] ^ 1] + bytes.dropFirst())
    case .packCut: try overwrite(packFile, Array(bytes.prefix(10_000)))
    case .endlessPack: try overwrite(packFile, bytes + [UInt8](repeating: 0, count: 100_000))
    }
    let other = try theirs()
    other.attach(remote, warn: warnings.add)
    let pulled = try other.pull([record.key], from: remote)
    // What of a pack is right is taken from it; nothing wrong is.
    let whole =
      switch lie {
      case .packAltered: 59
      case .packCut: 25
      case .endlessPack: 60
      default: 0
      }
    #expect(pulled.blobs == whole + 1, "\(pulled)")
    for n in 0..<60 {
      let bytes = noise(400, seed: UInt64(n + 1))
      if let read = try? other.read(Digest.of(bytes)) { #expect(read == bytes) }
    }
    if ![.packGone, .packCut, .endlessPack].contains(lie) {
      #expect(!warnings.all.isEmpty, "\(lie) was told nobody")
    }
    // Whoever has the blobs, and met this, mends it.
    _ = try publish(60, in: other)
    #expect(try other.push([record.key], to: remote).problems == [])
    let third = try theirs("third")
    let mended = try third.pull([record.key], from: remote)
    if lie != .packCut { #expect((mended.blobs, mended.problems) == (61, []), "\(mended)") }
  }

  @Test func whatSeveralThreadsWantComesOnce() throws {
    let store = try mine()
    let bytes = (0..<10).map { noise(300, seed: UInt64($0 + 1)) }
    let keys = try bytes.enumerated().map { try store.publish($1, as: "\($0)").key }
    let remote = try remote()
    _ = try store.push(keys, to: remote)
    let other = try theirs()
    other.attach(remote, warn: warnings.add)
    _ = try other.pullRecords(keys, from: [remote])
    // The first waits within its call until the others have asked too.
    let begun = DispatchSemaphore(value: 0)
    let mayGoOn = DispatchSemaphore(value: 0)
    let isFirst = Mutex(true)
    other.onTraffic { _ in
      guard
        isFirst.withLock({ first in
          defer { first = false }
          return first
        })
      else { return }
      begun.signal()
      mayGoOn.wait()
    }
    let done = DispatchGroup()
    for n in 0..<3 {
      done.enter()
      Thread {
        try? other.fetch(bytes.map { Digest.of($0) })
        done.leave()
      }.start()
      if n == 0 { begun.wait() }
    }
    mayGoOn.signal()
    done.wait()
    #expect(remote.blobsAsked == 10)
    for its in bytes { #expect(try other.read(Digest.of(its)) == its) }
  }

  @Test func whatHasArrivedIsKeptWhenAPullIsBrokenOff() throws {
    struct Enough: Error {}
    let store = try mine()
    let record = try publish(100, in: store)
    let remote = try remote()
    _ = try store.push([record.key], to: remote)
    let other = try theirs()
    let pieces = Mutex(0)
    other.onTraffic { _ in
      try pieces.withLock { pieces in
        pieces += 1
        if pieces > 20 { throw Enough() }
      }
    }
    #expect(throws: Enough.self) { try other.pull([record.key], from: remote) }
    #expect(!other.traffic.isUnderWay || other.traffic.fetched <= other.traffic.toFetch)
    other.onTraffic(nil)
    let rest = try other.pull([record.key], from: remote)
    #expect(rest.problems == [])
    #expect(try other.read(Digest.of(noise(400, seed: 100))) == noise(400, seed: 100))
    #expect(!other.traffic.isUnderWay)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["theirs/temporary"].path) == [])
  }
}

/// Another remote whose calls are counted.
final class CountedRemote: Remote {
  private let remote: any Remote
  private let counts = Mutex((blobs: 0, presence: 0, recordCalls: 0))

  init(_ remote: any Remote) { self.remote = remote }

  var blobsAsked: Int { counts.withLock { $0.blobs } }
  var presenceAsked: Int { counts.withLock { $0.presence } }
  /// In how many calls records were asked for.
  var recordCalls: Int { counts.withLock { $0.recordCalls } }
  func forget() { counts.withLock { $0 = (0, 0, 0) } }

  var description: String { "\(remote)" }
  var identity: String? { remote.identity }
  func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws {
    counts.withLock { $0.recordCalls += 1 }
    try remote.records(keys, limit: limit, each: each)
  }
  func record(_ key: Digest, limit: Int) throws -> [UInt8]? { try remote.record(key, limit: limit) }
  func hasRecord(_ key: Digest) throws -> Bool { try remote.hasRecord(key) }
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try remote.putRecord(text, for: key, replacing: replacing)
  }
  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    counts.withLock { $0.blobs += 1 }
    return try remote.blob(stored, limit: limit, to: sink)
  }
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool {
    counts.withLock { $0.presence += 1 }
    return try remote.hasBlob(stored, size: size)
  }
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try remote.putBlob(stored, size: size, from: source)
  }
  func keys() throws -> [Digest]? { try remote.keys() }
}

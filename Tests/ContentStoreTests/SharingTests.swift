import Canonical
import ContentStore
import Foundation
import Synchronization
import Testing

/// Two stores and a remote between them, honest or not.
@Suite struct SharingTests {
  let scratch = try! Scratch()
  let warnings = Warnings()

  final class Warnings: Sendable {
    let texts = Mutex<[String]>([])
    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
  }

  func mine() throws -> Store { try Store.open(at: scratch["mine"]) }
  func theirs() throws -> Store { try Store.open(at: scratch["theirs"]) }
  func remote() throws -> DirectoryRemote { try DirectoryRemote(at: scratch["remote"]) }

  func stored(_ blob: StoredBlob) -> URL { scratch["remote/v1/cas/\(blob.storedDigest)"] }

  func overwrite(_ file: URL, _ bytes: [UInt8]) throws {
    try FileManager.default.removeItem(at: file)
    try Data(bytes).write(to: file)
  }

  /// A record pushed by "mine" and pulled by "theirs", its blob still on the remote.
  func shared(_ bytes: [UInt8]) throws -> (Record, Store) {
    let record = try mine().publish(bytes)
    _ = try mine().push([record.key], to: remote())
    let store = try theirs()
    store.attach(try remote(), warn: warnings.add)
    #expect(try store.pullRecord(record.key, from: remote()) == record)
    return (record, store)
  }

  @Test(arguments: [prose(100), prose(100_000), noise(100_000), floats(100_000)])
  func recordsComeFirstAndBlobsWhenTheyAreRead(bytes: [UInt8]) throws {
    let (record, store) = try shared(bytes)
    #expect(try store.record(for: record.key) == record)
    #expect(try store.outputs(for: [record.key]).count == 1)
    #expect(try store.stats().elsewhere.count == 1)
    #expect(try store.present([Digest.of(bytes)]) == [Digest.of(bytes)])
    #expect(try Array(Data(contentsOf: store.file(for: Digest.of(bytes)))) == bytes)
    #expect(try store.stats().elsewhere.count == 0)
    // Once here, the remote isn't needed any more.
    let alone = try theirs()
    #expect(try alone.read(Digest.of(bytes)) == bytes)
    #expect(warnings.all.isEmpty)
  }

  @Test func withoutTheRemoteABlobThatIsElsewhereIsMissing() throws {
    let (record, _) = try shared(prose(1000))
    let alone = try theirs()
    #expect(try alone.record(for: record.key) == record)
    #expect(try alone.present(record.blobs.map(\.digest)).isEmpty)
    #expect(throws: StoreError.missing(record.blobs[0].digest)) { try alone.read(record.blobs[0].digest) }
  }

  @Test func pushAndPullSkipWhatIsThere() throws {
    let store = try mine()
    let keys = [try store.publish(prose(100), as: "a").key, try store.publish(noise(50_000), as: "b").key]
    let first = try store.push(keys, to: remote())
    #expect((first.records, first.blobs, first.skipped) == (2, 2, 0))
    #expect(first.bytes > 50_000)
    let second = try store.push(keys, to: remote())
    #expect((second.records, second.blobs, second.bytes, second.skipped) == (0, 0, 0, 4))
    let pulled = try theirs().pull(nil, from: remote())
    #expect((pulled.records, pulled.blobs, pulled.skipped) == (2, 2, 0))
    #expect(pulled.bytes == first.bytes)
    let again = try theirs().pull(keys, from: remote())
    #expect((again.records, again.blobs, again.bytes, again.skipped) == (0, 0, 0, 4))
    #expect(try theirs().read(Digest.of(noise(50_000))) == noise(50_000))
    #expect((first.problems + second.problems + pulled.problems + again.problems).isEmpty)
    let none = try theirs().push([Digest.of("none".utf8)], to: remote())
    #expect(none.problems.count == 1)
  }

  @Test func aBlobLostHereComesBackFromTheRemote() throws {
    let bytes = prose(100_000)
    let record = try mine().publish(bytes)
    let store = try mine()
    _ = try store.push([record.key], to: remote())
    store.attach(try remote(), warn: warnings.add)
    try FileManager.default.removeItem(at: scratch["mine/blobs"])
    #expect(try Array(Data(contentsOf: store.file(for: Digest.of(bytes)))) == bytes)
    #expect(warnings.all.count == 1 && warnings.all[0].contains("fetching it"))
  }

  @Test func aRecordWhoseBlobIsDamagedHereIsNotPushed() throws {
    let record = try mine().publish(prose(100_000))
    let folder = scratch["mine/blobs"].path
    let name = try FileManager.default.subpathsOfDirectory(atPath: folder).first { $0.contains("/") }!
    var bytes = try Array(Data(contentsOf: scratch["mine/blobs/" + name]))
    bytes[30] ^= 4
    try overwrite(scratch["mine/blobs/" + name], bytes)
    let transfer = try mine().push([record.key], to: remote())
    #expect(transfer.records == 0 && transfer.blobs == 0)
    #expect(transfer.problems.count == 1 && transfer.problems[0].contains("damaged"))
    #expect(try !remote().hasRecord(record.key))
    #expect(try remote().get(record.blobs[0].storedDigest, limit: 1 << 20) == nil)
    #expect(try mine().present([record.blobs[0].digest]).isEmpty)
  }

  enum Attack: CaseIterable { case otherBytes, truncated, longer, absent }

  @Test(arguments: Attack.allCases, [prose(100), prose(100_000), noise(100_000)])
  func aWrongBlobOnTheRemoteIsNeverAcceptedAndMendedByTheNextPush(attack: Attack, bytes: [UInt8]) throws {
    let (record, store) = try shared(bytes)
    let blob = record.blobs[0]
    var wrong = try Array(Data(contentsOf: stored(blob)))
    switch attack {
    case .otherBytes: wrong[wrong.count / 2] ^= 1
    case .truncated: wrong.removeLast()
    case .longer: wrong.append(0)
    case .absent: break
    }
    try overwrite(stored(blob), wrong)
    if attack == .absent { try FileManager.default.removeItem(at: stored(blob)) }
    #expect(throws: StoreError.missing(blob.digest)) { try store.read(blob.digest) }
    #expect(try store.present([blob.digest]).isEmpty)
    #expect(warnings.all.count == (attack == .absent ? 0 : 1))
    #expect(try store.stats().total.count == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["theirs/temporary"].path) == [])

    // The stage runs again here, and its result mends the remote.
    #expect(try store.publish(bytes) == record)
    _ = try store.push([record.key], to: remote())
    #expect(Digest.of(try Data(contentsOf: stored(blob))) == blob.storedDigest)
  }

  /// Puts a forged record, with its stored bytes, on the remote; returns what reading its blob throws.
  func forge(_ form: StoredBlob, stored bytes: [UInt8]) throws -> StoreError? {
    let record = Record(
      action: ["forged": .string("\(form)")],
      artifacts: ["out": Artifact(.blob, form.digest, size: form.size)],
      blobs: [form], facts: [:])
    let remote = try remote()
    try remote.put(bytes, as: form.storedDigest)
    _ = try remote.putRecord(Array(record.text.utf8), for: record.key, replacing: false)
    let store = try theirs()
    store.attach(remote, warn: warnings.add)
    #expect(try store.pullRecord(record.key, from: remote) == record)
    return #expect(throws: StoreError.self) { try store.file(for: form.digest) }
  }

  @Test func aBombIsNotDecodedBeyondTheSizeRecorded() throws {
    // 200 MB of zeros in a few KB, said to be 1,000 bytes.
    let zeros = try BlobWriter(store: scratch["mine"]).write(bytes: [UInt8](repeating: 0, count: 200_000_000))
    let hex = zeros.digest.hex
    let bytes = try Array(Data(contentsOf: scratch["mine/blobs/\(hex.prefix(2))/\(hex).zst"]))
    #expect(bytes.count < 100_000)
    let form = StoredBlob(
      digest: Digest.of(prose(1000)), size: 1000, codec: .zstd, storedDigest: zeros.storedDigest,
      storedSize: bytes.count)
    #expect(try forge(form, stored: bytes) == .missing(form.digest))
    #expect(warnings.all.count == 1 && warnings.all[0].contains("longer than the 1000 bytes recorded"))
  }

  @Test func contentThatIsNotWhatTheRecordSaysIsRefused() throws {
    let bytes = noise(50_000)
    for codec in [Codec.zstd, .shuffledZstd] {
      let form = StoredBlob(
        digest: Digest.of(prose(1000)), size: 1000, codec: codec, storedDigest: Digest.of(bytes),
        storedSize: bytes.count)
      #expect(try forge(form, stored: bytes) == .missing(form.digest))
    }
    let other = try BlobWriter(store: scratch["mine"]).write(bytes: prose(10_000))
    let lie = StoredBlob(
      digest: Digest.of("lie".utf8), size: 10_000, codec: other.codec, storedDigest: other.storedDigest,
      storedSize: other.storedSize)
    #expect(try forge(lie, stored: other.inline!) == .missing(lie.digest))
    #expect(warnings.all.count == 3)
  }

  @Test func aWrongRecordIsRefusedAndMendedByTheNextPush() throws {
    let store = try theirs()
    let remote = try remote()
    let record = try mine().publish(prose(100))
    let other = try mine().publish(prose(101), as: "other")
    func changed(_ from: String, _ to: String) -> [UInt8] {
      let text = record.text.replacingOccurrences(of: from, with: to)
      #expect(text != record.text)
      return Array(text.utf8)
    }
    let wrong: [([UInt8], String)] = [
      (Array(other.text.utf8), "in the place of"),
      (changed(#""kind":"a""#, #""kind":"b""#), "but its action gives"),
      (changed(#""out":"#, #""../../etc/passwd":"#), "can't be a file name"),
      (changed(#""out":"#, #""a\u0000b":"#), "can't be a file name"),
      (changed(#""facts":{}"#, #""facts":{},"more":1"#), "wants exactly"),
      (changed(#""facts":{}"#, #""facts": {}"#), "isn't canonical"),
      (changed(#""codec":"raw""#, #""codec":"rot13""#), "a blob isn't one"),
      (changed(#""record":1"#, #""record":2"#), "Update bobbin"),
      (changed(#""size":100"#, #""size":-1"#), "isn't one"),
      (Array("[".utf8), "not valid JSON"),
      (Array(String(repeating: "[", count: 100_000).utf8), "nested"),
      ([0xFF, 0xFE], "not valid JSON"),
      ([], "not valid JSON"),
      ([UInt8](repeating: 0x20, count: Record.longest + 1), "more than the"),
    ]
    for (text, reason) in wrong {
      _ = try remote.putRecord(text, for: record.key, replacing: true)
      let problem = #expect(throws: StoreError.self) { try store.pullRecord(record.key, from: remote) }
      guard case .record(let found)? = problem, found.contains(reason) else {
        Issue.record("\(problem as Any) instead of '\(reason)'")
        continue
      }
      #expect(try store.record(for: record.key) == nil)
      let pulled = try store.pull([record.key], from: remote)
      #expect(pulled.problems.count == 1 && pulled.records == 0)
    }
    #expect(try store.publish(prose(100)) == record)
    _ = try store.push([record.key], to: remote)
    #expect(try remote.record(record.key, limit: 10_000) == Array(record.text.utf8))
  }

  @Test func anIncompleteRemoteIsReportedByPull() throws {
    let (record, store) = try shared(prose(100_000))
    try FileManager.default.removeItem(at: stored(record.blobs[0]))
    let pulled = try store.pull(nil, from: remote())
    #expect(pulled.problems.count == 1 && pulled.problems[0].contains("has no blob"))
  }
}

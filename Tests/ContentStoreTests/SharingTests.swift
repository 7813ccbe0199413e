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

  @Test(.enabled(if: Tmpfs.isPossible, "needs the right to mount"))
  func aRemoteWithoutRoomIsNamedWithoutAdviceForAStore() throws {
    let disk = try Tmpfs(megabytes: 1)
    let remote = try DirectoryRemote(at: disk.url.appending(path: "remote"))
    let record = try mine().publish(noise(2_000_000))
    let transfer = try mine().push([record.key], to: remote)
    #expect(transfer.records == 0 && transfer.failed[record.key] == transfer.fault)
    guard case .remote(let name, let reason)? = transfer.fault else {
      Issue.record("\(transfer)")
      return
    }
    #expect(name == disk.url.path + "/remote")
    #expect(reason.hasSuffix(": no room left on its disk, or in a quota"))
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
    // F16: what two records of one push list was not there before.
    let fresh = try DirectoryRemote(at: scratch["fresh"])
    let twice = try store.publish(prose(100), as: "c").key
    let both = try store.push([keys[0], twice], to: fresh)
    #expect((both.records, both.blobs, both.skipped) == (2, 1, 0))
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
      (changed(#""facts":{},"#, ""), "wants key, action, artifacts, blobs, facts and record"),
      (changed(#""facts":{}"#, #""facts":{},"log":{"blob":"\#(record.key)","size":1}"#), "its log isn't one"),
      (changed(#""facts":{}"#, #""facts": {}"#), "isn't canonical"),
      (changed(#""codec":"raw""#, #""codec":"rot13""#), "a blob isn't one"),
      (changed(#""record":2"#, #""record":0"#), "doesn't say its format"),
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

  @Test func aRecordFromTheFutureSurvivesOnARemoteThatThisProgramUses() throws {
    // A3: "format 2" was taken for "wrong", and the next push replaced it.
    let remote = try remote()
    let record = try mine().publish(prose(100))
    let text = record.text.replacingOccurrences(of: #""record":2"#, with: #""record":3"#)
      .replacingOccurrences(of: #""facts":{}"#, with: #""facts":"in a form of their own""#)
    _ = try remote.putRecord(Array(text.utf8), for: record.key, replacing: false)
    for store in [try mine(), try theirs()] {
      store.attach(remote, warn: warnings.add)
      if try store.record(for: record.key) == nil {
        #expect(throws: StoreError.newerRecord(format: 3)) { try store.pullRecord(record.key, from: remote) }
        let pulled = try store.pull(nil, from: remote)
        #expect(pulled.records == 0)
        #expect(
          pulled.problems == [
            "record \(record.key): a record written by a newer bobbin (format 3; this one knows 2). Update Bobbin."
          ])
        try store.publish(prose(100))
      }
      #expect(try store.push([record.key], to: remote).problems == [])
      #expect(try remote.record(record.key, limit: 10_000) == Array(text.utf8))
    }
  }

  @Test func membersThatThisVersionDoesNotKnowSurviveVerbatim() throws {
    let remote = try remote()
    let plain = try mine().publish(prose(100))
    _ = try mine().push([plain.key], to: remote)
    let text = plain.text.replacingOccurrences(
      of: #""facts":{}"#, with: #""facts":{},"forecast":[1.5,null,{"a":"ü\\n"}]"#)
    _ = try remote.putRecord(Array(text.utf8), for: plain.key, replacing: true)
    let store = try theirs()
    let pulled = try #require(try store.pullRecord(plain.key, from: remote))
    #expect(pulled.text == text)
    #expect(try store.record(for: plain.key)?.text == text)
    let other = try DirectoryRemote(at: scratch["other"])
    store.attach(remote, warn: warnings.add)
    #expect(try store.push([plain.key], to: other).records == 1)
    #expect(try other.record(plain.key, limit: 10_000) == Array(text.utf8))
  }

  /// The same content as another version of zstd would store it: a frame of raw blocks (RFC 8878, 3.1.1).
  func otherForm(_ bytes: [UInt8]) -> (StoredBlob, [UInt8]) {
    var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xA0]
    frame += withUnsafeBytes(of: UInt32(bytes.count).littleEndian, Array.init)
    for start in stride(from: 0, to: bytes.count, by: 100_000) {
      let block = bytes[start..<min(start + 100_000, bytes.count)]
      let header = UInt32(block.count) << 3 | (block.endIndex == bytes.count ? 1 : 0)
      frame += withUnsafeBytes(of: header.littleEndian, { Array($0.prefix(3)) }) + block
    }
    let form = StoredBlob(
      digest: Digest.of(bytes), size: bytes.count, codec: .zstd, storedDigest: Digest.of(frame),
      storedSize: frame.count)
    return (form, frame)
  }

  @Test(arguments: [prose(3000), prose(200_000)])
  func anotherVersionOfTheCodecChangesNothingForAnybody(bytes: [UInt8]) throws {
    // A10: rows and record differed for ever, and every push complained.
    let (form, stored) = otherForm(bytes)
    let remote = try remote()
    let record = Record(
      action: ["kind": "a"], artifacts: ["out": Artifact(.blob, form.digest, size: form.size)], blobs: [form],
      facts: [:])
    _ = try remote.putRecord(Array(record.text.utf8), for: record.key, replacing: false)
    let store = try mine()
    #expect(try store.pullRecord(record.key, from: remote) == record)
    // Its bytes were never there, or are lost: the stage runs here.
    store.attach(remote, warn: warnings.add)
    #expect(throws: StoreError.missing(form.digest)) { try store.read(form.digest) }
    try store.publish(bytes)
    #expect(try store.read(form.digest) == bytes)
    #expect(try store.record(for: record.key) == record)
    #expect(try store.stats().elsewhere.count == 0)
    for round in 0..<2 {
      let transfer = try store.push([record.key], to: remote)
      #expect(transfer.problems == [])
      #expect(transfer.records == (round == 0 ? 1 : 0))
    }
    // A teammate finds all that the record on the remote lists.
    let teammate = try theirs()
    #expect(try teammate.pull(nil, from: remote).problems == [])
    #expect(try teammate.read(form.digest) == bytes)

    // Here too, both forms can stand side by side.
    try remote.put(stored)
    let third = try Store.open(at: scratch["third"])
    let mixed = Record(action: ["kind": "b"], artifacts: record.artifacts, blobs: [form], facts: [:])
    _ = try remote.putRecord(Array(mixed.text.utf8), for: mixed.key, replacing: false)
    #expect(try third.pull([record.key, mixed.key], from: remote).problems == [])
    #expect(
      try third.push([record.key, mixed.key], to: DirectoryRemote(at: scratch["fourth"])).problems == [])
    #expect(
      try Store.open(at: scratch["fifth"]).pull(nil, from: DirectoryRemote(at: scratch["fourth"])).problems
        == [])
  }

  @Test func aFalseStoredSizeInARemotesRecordIsMendedByTheNextPush() throws {
    // H16
    let bytes = prose(100_000)
    let (record, store) = try shared(bytes)
    let blob = record.blobs[0]
    let lie = record.text.replacingOccurrences(
      of: #""storedSize":\#(blob.storedSize)"#, with: #""storedSize":\#(blob.storedSize + 1)"#)
    _ = try remote().putRecord(Array(lie.utf8), for: record.key, replacing: true)
    let teammate = try Store.open(at: scratch["teammate"])
    teammate.attach(try remote(), warn: warnings.add)
    _ = try teammate.pullRecord(record.key, from: remote())
    #expect(throws: StoreError.missing(blob.digest)) { try teammate.read(blob.digest) }
    try teammate.publish(bytes)
    #expect(try teammate.push([record.key], to: remote()).problems == [])
    #expect(try remote().record(record.key, limit: 10_000) == Array(record.text.utf8))
    #expect(try store.read(blob.digest) == bytes)
  }

  @Test func remotesAreAskedInOrderForWhatThoseBeforeDoNotHave() throws {
    let store = try mine()
    let (first, second) = (
      try DirectoryRemote(at: scratch["first"]), try DirectoryRemote(at: scratch["second"])
    )
    let bytes = [prose(100), noise(50_000), prose(30_000)]
    let records = try bytes.enumerated().map { try store.publish($1, as: "\($0)") }
    _ = try store.push([records[0].key], to: first)
    _ = try store.push(records.map(\.key), to: second)
    // What the first has of the second result is nothing that counts.
    _ = try first.putRecord(Array("{}".utf8), for: records[1].key, replacing: false)
    let other = try theirs()
    other.attach([first, second], warn: warnings.add)
    let answers = try other.pullRecords(
      records.map(\.key) + [Digest.of("none".utf8)], from: [first, second])
    #expect(answers.map { $0.known?.artifacts } == records.map(\.artifacts) + [nil])
    #expect(answers.map(\.problems.count) == [0, 1, 0, 0])
    #expect(answers[1].problems[0].remote == "\(first)")
    try other.fetch(bytes.map { Digest.of($0) })
    #expect(try other.absent(bytes.map { Digest.of($0) }).digests == [])
    #expect(warnings.all == [])
    // It is wrong on the first alone, and mended there alone.
    _ = try other.push([records[1].key], to: first)
    #expect(try first.record(records[1].key, limit: 10_000) == Array(records[1].text.utf8))
  }

  @Test func anotherResultOnARemoteStaysThereAndIsTold() throws {
    let platform: JSON = ["instructionSet": "avx2", "versions": ["oneDNN": "2.6.3"]]
    let first = try mine().publish(prose(100), facts: platform)
    _ = try mine().push([first.key], to: remote())
    // A rebuild elsewhere gives other bytes, and takes the place of what was there before in that store.
    let store = try theirs()
    let blob = try BlobWriter(store: store.directory).write(bytes: prose(101))
    let rebuilt = Record(
      action: first.action, artifacts: ["out": blob.artifact], blobs: [blob.form],
      facts: ["instructionSet": "avx512_core", "versions": ["oneDNN": "2.6.3"]])
    _ = try store.publish(rebuilt, blobs: [blob], replacing: true)
    let transfer = try store.push([first.key], to: remote())
    #expect(transfer.records == 0 && transfer.blobs == 0)
    #expect(transfer.others == [first.key: platform])
    #expect(try remote().record(first.key, limit: 10_000) == Array(first.text.utf8))
  }

  @Test func aNamedRemoteSaysItsName() throws {
    let record = try mine().publish(prose(100))
    let lab = NamedRemote(try remote(), name: "lab")
    #expect("\(lab)" == "lab (\(scratch["remote"].path))" && !lab.isReadOnly)
    #expect(try mine().push([record.key], to: lab).blobs == 1)
    #expect(try theirs().pull([record.key], from: lab).blobs == 1)
  }

  @Test func logsAndListsTravelWithTheirRecord() throws {
    let store = try mine()
    let writer = BlobWriter(store: store.directory)
    let log = try #require(try writer.write(log: try scratch.write(prose(3000), to: "log")))
    let list = try writer.write(bytes: prose(50_000))
    let out = try writer.write(bytes: prose(10))
    let record = Record(
      action: ["list": .string(list.digest.hex)], artifacts: ["out": out.artifact],
      blobs: [log.form, list.form, out.form], facts: [:], log: log.artifact)
    #expect(try store.publish(record, blobs: [log, list, out]) == .published)
    #expect(try Record(parsing: Array(record.text.utf8)) == record)
    _ = try store.push([record.key], to: remote())
    let teammate = try theirs()
    #expect(try teammate.pull(nil, from: remote()).blobs == 3)
    #expect(try teammate.log(of: record.key) == prose(3000))
    #expect(try teammate.read(list.digest) == prose(50_000))
  }

  @Test(arguments: ["folder", "link", "pipe", "endless", "closed"])
  func somethingUnreadableOnTheRemoteIsAsGoodAsAbsentAndGivesWay(thing: String) throws {
    // H6, H9: a folder, link or pipe in the place of a blob stopped everything, a link to /dev/zero for ever.
    if thing == "closed", geteuid() == 0 { return }
    let bytes = prose(100_000)
    let (record, store) = try shared(bytes)
    let blob = record.blobs[0]
    for place in [stored(blob), scratch["remote/v1/ac/\(record.key)"]] {
      try FileManager.default.removeItem(at: place)
      switch thing {
      case "folder": try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
      case "link":
        try FileManager.default.createSymbolicLink(atPath: place.path, withDestinationPath: "nowhere")
      case "pipe": mkfifo(place.path, 0o644)
      case "endless":
        try FileManager.default.createSymbolicLink(atPath: place.path, withDestinationPath: "/dev/zero")
      default:
        try Data(bytes).write(to: place)
        chmod(place.path, 0)
      }
    }
    #expect(throws: StoreError.missing(blob.digest)) { try store.read(blob.digest) }
    let other = try Store.open(at: scratch["other"])
    if thing == "link" {
      #expect(try other.pullRecord(record.key, from: remote()) == nil)
    } else {
      let problem = #expect(throws: StoreError.self) { try other.pullRecord(record.key, from: remote()) }
      #expect(problem?.concern == .item)
    }
    for store in [store, other] {
      try store.publish(bytes)
      #expect(try store.push([record.key], to: remote()).problems == [])
    }
    #expect(try Digest.of(Data(contentsOf: stored(blob))) == blob.storedDigest)
    #expect(try remote().record(record.key, limit: 10_000) == Array(record.text.utf8))
  }
}

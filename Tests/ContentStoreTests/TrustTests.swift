import Canonical
import Foundation
import Testing

import ContentStore

/// Whose results are taken from a remote, and how one's own are signed.
@Suite struct TrustTests {
  let scratch = try! Scratch()
  let anna = PrivateKey(seed: Array(repeating: 1, count: 32))!
  let ben = PrivateKey(seed: Array(repeating: 2, count: 32))!

  /// A store of somebody's.
  func store(_ name: String, trusting keys: [PrivateKey]? = nil, signing signer: PrivateKey? = nil) throws
    -> Store
  {
    let store = try Store.open(at: scratch[name])
    try store.believe(Trust(keys: keys?.map(\.publicKey), signer: signer))
    return store
  }

  func remote() throws -> DirectoryRemote { try DirectoryRemote(at: scratch["remote"]) }

  func text(_ key: Digest) throws -> SignedText {
    try SignedText(parsing: try #require(try remote().record(key, limit: SignedText.longest)))
  }

  enum Forgery: CaseIterable { case none, unsigned, stranger, flipped, ofAnother, altered }

  /// What `mine` pushed is then changed on the remote.
  @Test(arguments: Forgery.allCases)
  func onlyWhatATrustedKeySignedIsTaken(forgery: Forgery) throws {
    let mine = try store("mine", signing: anna)
    let record = try mine.publish(prose(1000))
    let another = try mine.publish(prose(500), as: "another")
    _ = try mine.push([record.key, another.key], to: remote())
    let signed = try text(record.key)
    #expect(signed.lines.count == 1)
    var forged = signed
    var reason: String?
    switch forgery {
    case .none: break
    case .unsigned: (forged, reason) = (SignedText(signed.text), "isn't signed")
    case .stranger:
      forged = SignedText(signed.text).signed(by: ben)
      reason = "isn't signed by a key that this project trusts, but by \(ben.publicKey.id)"
    case .flipped:
      var line = Array(signed.lines[0].utf8)
      line[60] = line[60] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      forged = SignedText(signed.text, lines: [String(decoding: line, as: UTF8.self)])
      reason = "has a wrong signature"
    case .ofAnother:
      forged = SignedText(signed.text, lines: try text(another.key).lines)
      reason = "has a wrong signature"
    case .altered:
      // Another result of the same action, with the signature of the right one.
      let other = Record(
        action: record.action, artifacts: another.artifacts, blobs: another.blobs, facts: record.facts)
      forged = SignedText(Array(other.text.utf8), lines: signed.lines)
      reason = "has a wrong signature"
    }
    _ = try remote().putRecord(forged.bytes, for: record.key, replacing: true)

    let theirs = try store("theirs", trusting: [anna])
    let pulled = try theirs.pullRecord(record.key, from: remote())
    #expect(pulled == (reason == nil ? record : nil))
    #expect(try theirs.record(for: record.key) == pulled)
    let told = theirs.refusals(of: [record.key])[record.key]
    #expect(told == reason.map { "the record on \(try! remote()) \($0)" })
    if let reason {
      let transfer = try theirs.pull([record.key], from: remote())
      #expect(transfer.records == 0 && transfer.problems.count == 1 && transfer.problems[0].contains(reason))
      // Without a list of keys everybody is believed.
      #expect(try store("open").pullRecord(record.key, from: remote()) != nil)
    }
  }

  @Test func aSignedRecordOfAnotherKeyIsNoRecord() throws {
    let mine = try store("mine", signing: anna)
    let (record, another) = (try mine.publish(prose(1000)), try mine.publish(prose(500), as: "another"))
    _ = try mine.push([record.key, another.key], to: remote())
    _ = try remote().putRecord(text(another.key).bytes, for: record.key, replacing: true)
    let problem = #expect(throws: StoreError.self) {
      try store("theirs", trusting: [anna]).pullRecord(record.key, from: remote())
    }
    #expect("\(problem!)".contains("has that of \(another.key) in the place of \(record.key)"))
  }

  /// An older result of the same action with a valid signature can't be told from the newest; it never takes the place of
  /// one that is here.
  @Test func anOlderSignedRecordChangesNothingHere() throws {
    let old = try store("old", signing: anna).publish(prose(1000))
    _ = try store("old", signing: anna).push([old.key], to: remote())
    let theirs = try store("theirs", trusting: [anna])
    let new = try theirs.publish(prose(900))
    #expect(new.key == old.key && new.artifacts != old.artifacts)
    #expect(try theirs.pullRecord(old.key, from: remote()) == new)
    #expect(try theirs.record(for: old.key) == new)
  }

  @Test func whatWasPulledBeforeIsHeldAgainstTheKeys() throws {
    let mine = try store("mine")
    let unsigned = try mine.publish(prose(1000), as: "unsigned")
    _ = try mine.push([unsigned.key], to: remote())
    let signed = try store("mine", signing: anna).publish(prose(500), as: "signed")
    _ = try store("mine", signing: anna).push([signed.key], to: remote())
    let open = try store("theirs")
    _ = try open.pull([unsigned.key, signed.key], from: remote())
    let own = try open.publish(prose(200), as: "own")
    #expect(try open.outputs(for: [unsigned.key, signed.key, own.key]).count == 3)

    let strict = try store("theirs", trusting: [anna])
    #expect(
      try strict.outputs(for: [unsigned.key, signed.key, own.key]).keys.sorted()
        == [signed.key, own.key].sorted())
    #expect(try strict.record(for: unsigned.key) == nil)
    #expect(
      strict.refusals(of: [unsigned.key])[unsigned.key]?.hasPrefix("the record here came from a remote")
        == true)
    #expect(try strict.pullRecord(unsigned.key, from: remote()) == nil)
    // Others than anna trust nothing of hers.
    #expect(try Set(store("theirs", trusting: [ben]).outputs(for: [signed.key, own.key]).keys) == [own.key])
    #expect(try Set(store("theirs", trusting: []).outputs(for: [signed.key, own.key]).keys) == [own.key])
    // And without any keys all of it counts again.
    #expect(try store("theirs").outputs(for: [unsigned.key, signed.key, own.key]).count == 3)

    // A run that computes it again leases it and publishes its own, whatever stood there.
    let run = try strict.beginRun(project: "/p", file: "f", commandLine: [])
    guard case .granted? = try strict.lease([unsigned.key], to: run)[unsigned.key] else {
      Issue.record("what isn't believed is leased like what isn't there")
      return
    }
    let mended = Record(
      action: unsigned.action, artifacts: signed.artifacts, blobs: signed.blobs, facts: ["mine": true])
    #expect(try strict.publish(mended, blobs: []) == .published)
    #expect(try strict.record(for: unsigned.key) == mended)
    #expect(try store("theirs", trusting: []).record(for: unsigned.key) == mended)
  }

  @Test func aSignedRecordTakesThePlaceOfOneThatIsNotBelieved() throws {
    let mine = try store("mine")
    let record = try mine.publish(prose(1000))
    _ = try mine.push([record.key], to: remote())
    _ = try store("theirs").pull([record.key], from: remote())
    #expect(try store("theirs", trusting: [anna]).record(for: record.key) == nil)
    _ = try store("mine", signing: anna).push([record.key], to: remote())
    let strict = try store("theirs", trusting: [anna])
    #expect(try strict.pullRecord(record.key, from: remote()) == record)
    #expect(try strict.record(for: record.key) == record)
    #expect(try store("theirs", trusting: [anna]).record(for: record.key) == record)
    #expect(strict.refusals(of: [record.key]).isEmpty)
  }

  @Test func aPushAddsTheSignatureThatIsLacking() throws {
    let record = try store("mine", signing: anna).publish(prose(1000))
    _ = try store("mine", signing: anna).push([record.key], to: remote())
    let same = try store("mine", signing: anna).push([record.key], to: remote())
    #expect((same.records, same.blobs, same.skipped) == (0, 0, 2))
    // The same result with other facts, computed by somebody else.
    let bens = try store("bens", signing: ben)
    _ = try bens.publish(prose(1000), facts: ["host": "another"])
    let added = try bens.push([record.key], to: remote())
    #expect((added.records, added.blobs) == (1, 0))
    let both = try text(record.key)
    #expect(both.text == Array(record.text.utf8) && both.lines.count == 2)
    #expect(both.signer(among: [anna.publicKey]) != nil && both.signer(among: [ben.publicKey]) != nil)
    // Who pulls it passes both on, and adds none: nothing was computed there.
    let carol = PrivateKey()
    let carols = try store("carols", trusting: [ben], signing: carol)
    _ = try carols.pull([record.key], from: remote())
    let elsewhere = try DirectoryRemote(at: scratch["elsewhere"])
    _ = try carols.push([record.key], to: elsewhere)
    #expect(try elsewhere.record(record.key, limit: SignedText.longest) == both.bytes)
    #expect(try carols.push([record.key], to: remote()).records == 0)
  }

  @Test func anotherResultStaysOnTheRemoteAndIsTold() throws {
    let record = try store("mine").publish(prose(1000))
    _ = try store("mine").push([record.key], to: remote())
    let bens = try store("bens", signing: ben)
    _ = try bens.publish(prose(900))
    let transfer = try bens.push([record.key], to: remote())
    #expect(Array(transfer.others.keys) == [record.key] && transfer.records == 0)
    #expect(try text(record.key) == SignedText(Array(record.text.utf8)))
  }

  @Test func aRecordThatIsFreedIsForgottenWhole() throws {
    let record = try store("mine").publish(prose(1000))
    _ = try store("mine").push([record.key], to: remote())
    let open = try store("theirs")
    _ = try open.pull([record.key], from: remote())
    try open.free(GarbageWish(unreachable: true, grace: 0))
    #expect(try open.record(for: record.key) == nil)
    // What is computed here afterwards is nobody else's.
    #expect(try open.publish(prose(1000)) == record)
    #expect(try store("theirs", trusting: []).record(for: record.key) == record)
  }

  @Test func keysLieWhereOnlyTheirOwnerReads() throws {
    let folder = KeyFolder(scratch["config/bobbin/keys"].path)
    #expect(folder.names.isEmpty)
    let key = try folder.create("anna")
    #expect(try folder.key("anna").publicKey == key.publicKey)
    #expect(folder.names == ["anna"])
    func mode(_ path: String) throws -> Int {
      try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }
    #expect(try mode(folder.path) == 0o700 && mode(folder.path + "/anna") == 0o600)
    let kept = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/anna"))
    let taken = #expect(throws: StoreError.self) { try folder.create("anna") }
    #expect("\(taken!)".contains("there is a key of this name; it is kept"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/anna")) == kept)
    chmod(folder.path + "/anna", 0o640)
    let open = #expect(throws: StoreError.self) { try folder.key("anna") }
    #expect("\(open!)".contains("others may read this private key"))
  }

  /// What is printed of a key, or said about a file of one, never holds the secret.
  @Test func noSecretIsPrinted() throws {
    let seed = Array("thirty-two secret bytes of a key".utf8)
    let key = try #require(PrivateKey(seed: seed))
    let secret = [
      Data(seed).base64EncodedString(), "thirty-two", "\(seed)".dropFirst().prefix(40).description,
    ]
    let folder = KeyFolder(scratch["keys"].path)
    try scratch.write(Array("bobbin private key ed25519\n\(secret[0])x!\n".utf8), to: "keys/broken")
    chmod(scratch["keys/broken"].path, 0o600)
    let broken = #expect(throws: StoreError.self) { try folder.key("broken") }
    var dumped = ""
    dump(Trust(keys: [], signer: key), to: &dumped)
    let record = try store("mine", signing: key).publish(prose(10))
    _ = try store("mine", signing: key).push([record.key], to: remote())
    let said = [
      "\(key)", String(reflecting: key), "\(Trust(keys: nil, signer: key))", dumped, "\(broken!)",
      String(decoding: try text(record.key).bytes, as: UTF8.self), record.text,
    ]
    for text in said { for secret in secret { #expect(!text.contains(secret), "\(text)") } }
  }
}

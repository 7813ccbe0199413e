import Canonical
import ContentStore
import Foundation
import Testing

@Suite struct ArtifactTests {
  let scratch = try! Scratch()
  var store: Store { get throws { try Store.open(at: scratch["store"]) } }
  var writer: BlobWriter { BlobWriter(store: scratch["store"]) }

  @discardableResult func publish(_ store: Store, _ artifact: Artifact, _ blobs: [WrittenBlob]) throws
    -> Record
  {
    let record = Record(
      action: ["n": .string(artifact.digest.hex)], artifacts: ["out": artifact], blobs: blobs.map(\.form),
      facts: [:])
    #expect(try store.publish(record, blobs: blobs) == .published)
    return record
  }

  @Test func aFolderComesBackAsItWas() throws {
    try scratch.write(prose(30_000), to: "in/a/b/text")
    try scratch.write(noise(30_000), to: "in/a/data.bin")
    try scratch.write([], to: "in/empty")
    try FileManager.default.createDirectory(at: scratch["in/none"], withIntermediateDirectories: true)
    let (artifact, blobs) = try writer.ingest(scratch["in"])
    #expect(artifact.form == .manifest)
    #expect(artifact.size == 60_000)
    let store = try store
    try publish(store, artifact, blobs)
    #expect(try Set(store.manifest(artifact).entries.keys) == ["a", "empty", "none"])
    #expect(try store.leaves(of: artifact).count == 7)
    try store.export(artifact, to: scratch["out"])
    #expect(FileManager.default.contentsEqual(atPath: scratch["in"].path, andPath: scratch["out"].path))
    #expect(throws: StoreError.self) { try store.export(artifact, to: scratch["out"]) }
  }

  @Test func aLinkStoresOnlyADigest() throws {
    let store = try store
    let front = try writer.write(bytes: noise(50_000))
    try publish(store, front.artifact, [front])
    try scratch.write(prose(10), to: "in/map/S")
    let links = ["front": front.artifact, "map/end": front.artifact, "deep/er/end": front.artifact]
    let (artifact, blobs) = try writer.ingest(scratch["in"], links: links)
    #expect(!blobs.contains { $0.digest == front.digest })
    try publish(store, artifact, blobs)
    try store.export(artifact, to: scratch["out"])
    for path in links.keys { #expect(try Array(Data(contentsOf: scratch["out/" + path])) == noise(50_000)) }
    #expect(try store.leaves(of: artifact).filter { $0 == front.artifact }.count == 1)
  }

  @Test func aLinkCanNotHideAFileNorLeadOutOfTheFolder() throws {
    try scratch.write(prose(10), to: "in/S")
    let blob = try writer.write(bytes: [1]).artifact
    for path in ["S", "S/x", "../x", "/x", "a//b", "", "."] {
      #expect(throws: StoreError.self, "\(path)") { try writer.ingest(scratch["in"], links: [path: blob]) }
    }
  }

  @Test func symbolicLinksOutOfTheFolderAreRefused() throws {
    try scratch.write([1], to: "secret")
    try scratch.write(prose(10), to: "in/real")
    let files = FileManager.default
    try files.createSymbolicLink(atPath: scratch["in/alias"].path, withDestinationPath: "real")
    let (artifact, blobs) = try writer.ingest(scratch["in"])
    let store = try store
    try publish(store, artifact, blobs)
    let entries = try store.manifest(artifact).entries
    #expect(entries["alias"] == entries["real"])
    for target in ["../secret", "/etc/hostname", "nowhere", ".", ".."] {
      try files.createSymbolicLink(atPath: scratch["in/bad"].path, withDestinationPath: target)
      let problem = #expect(throws: StoreError.self) { try writer.ingest(scratch["in"]) }
      #expect("\(problem!)".contains("in/bad: a symbolic link"))
      #expect("\(problem!)".contains("to a folder") == (target == "."))
      try files.removeItem(at: scratch["in/bad"])
    }
  }

  @Test func aNameThatIsNotUTF8IsRefusedAndSaidToBe() throws {
    try FileManager.default.createDirectory(at: scratch["in"], withIntermediateDirectories: true)
    let odd: [CChar] = scratch["in"].path.utf8CString.dropLast() + [0x2F, -1, 0x78, 0]
    #expect(mkdir(odd, 0o700) == 0)
    let problem = #expect(throws: StoreError.self) { try writer.ingest(scratch["in"]) }
    #expect("\(problem!)".hasSuffix("its name isn't UTF-8; give it another"))
  }

  @Test func pipesAreRefusedWithoutWaitingForTheirWriter() throws {
    try FileManager.default.createDirectory(at: scratch["in"], withIntermediateDirectories: true)
    mkfifo(scratch["in/pipe"].path, 0o644)
    #expect(throws: StoreError.self) { try writer.ingest(scratch["in"]) }
    #expect(throws: StoreError.self) { try writer.ingest(scratch["in/pipe"]) }
  }

  @Test func aManifestThatLiesAboutItselfIsRefused() throws {
    let store = try store
    let blob = try writer.write(bytes: #"{"../up":{"blob":"\#(Digest.of([]).hex)","size":0}}"#.utf8)
    let artifact = Artifact(.manifest, blob.digest, size: 0)
    try publish(store, artifact, [blob])
    #expect(throws: StoreError.self) { try store.manifest(artifact) }
    #expect(throws: StoreError.self) { try store.export(artifact, to: scratch["out"]) }
    #expect(!FileManager.default.fileExists(atPath: scratch["out"].path))
    let honest = Manifest(["x": Artifact(.blob, Digest.of([]), size: 0)])
    let text = try writer.write(bytes: honest.text.utf8)
    try publish(store, honest.artifact, [text])
    #expect(try store.manifest(honest.artifact) == honest)
    #expect(throws: StoreError.self) { try store.manifest(Artifact(.manifest, text.digest, size: 5)) }
    #expect(throws: StoreError.self) { try store.manifest(Artifact(.blob, text.digest, size: 5)) }
  }

  @Test func sizesThatWouldOverflowAreNoArtifact() throws {
    let huge = #"{"blob":"\#(Digest.of([]).hex)","size":9223372036854775807}"#
    #expect(Artifact(json: try JSON(parsing: huge)) == nil)
    let entries = (0..<100).map { #""\#($0)":{"blob":"\#(Digest.of([]).hex)","size":\#(1 << 46)}"# }
    #expect(Manifest(parsing: "{\(entries.joined(separator: ","))}".utf8) == nil)
  }

  @Test func membersOfManyManifestsComeInOnePass() throws {
    let store = try store
    let front = try writer.write(bytes: prose(30))
    var expected: [Digest: [String: Artifact]] = [:]
    for i in 0..<50 {
      let inner = Manifest(["n\(i)": front.artifact])
      let outer = Manifest(["inner": inner.artifact, "front": front.artifact, "é": front.artifact])
      let texts = try [inner, outer].map { try writer.write(bytes: $0.text.utf8) }
      try publish(store, outer.artifact, texts + [front])
      expected[inner.artifact.digest] = inner.entries
      expected[outer.artifact.digest] = outer.entries
    }
    let empty = Manifest([:])
    try publish(store, empty.artifact, [try writer.write(bytes: empty.text.utf8)])
    expected[empty.artifact.digest] = [:]
    let asked = Array(expected.keys) + [Digest.of("none".utf8)]
    #expect(try store.members(of: asked) == expected)
    // Not from the texts: they aren't needed any more.
    try scratch.sql("DELETE FROM inlineBlobs")
    #expect(try store.members(of: asked) == expected)
    #expect(try store.manifest(empty.artifact) == empty)
  }

  @Test func membersOfALargeManifestAreEnteredWhenItIsFirstRead() throws {
    let store = try store
    let blob = try writer.write(bytes: prose(30))
    let manifest = Manifest(Dictionary(uniqueKeysWithValues: (0..<1000).map { ("n\($0)", blob.artifact) }))
    let text = try writer.write(bytes: manifest.text.utf8)
    #expect(text.inline == nil)
    try publish(store, manifest.artifact, [text, blob])
    #expect(try store.members(of: [text.digest]) == [text.digest: manifest.entries])
    try FileManager.default.removeItem(at: scratch["store/blobs"])
    #expect(
      try Store.open(at: scratch["store"]).members(of: [text.digest]) == [text.digest: manifest.entries])
  }

  @Test func whatIsReadIntoMemoryIsBounded() throws {
    // A17, H12: a record from a remote could make its reader allocate without limit.
    let store = try store
    let zeros = try writer.write(bytes: [UInt8](repeating: 0x20, count: Manifest.longest + 1))
    try publish(store, Artifact(.manifest, zeros.digest, size: 0), [zeros])
    #expect(try store.read(zeros.digest, limit: Manifest.longest + 1).count == Manifest.longest + 1)
    let problem = #expect(throws: StoreError.self) { try store.read(zeros.digest, limit: Manifest.longest) }
    #expect("\(problem!)".contains("has 16777217 bytes, more than the 16777216 allowed"))
    #expect(throws: StoreError.self) { try store.manifest(Artifact(.manifest, zeros.digest, size: 0)) }
    #expect(try store.members(of: [zeros.digest]) == [:])
    #expect(Manifest(parsing: [UInt8](repeating: 0x20, count: Manifest.longest + 1)) == nil)
    #expect(!Manifest.isSafe(String(repeating: "x", count: 256)))
  }

  @Test func manifestsThatListEachOtherManyTimesAreNotFollowedForEver() throws {
    // H12: forty levels of two entries are a million million files.
    let store = try store
    var blobs = [try writer.write(bytes: [])]
    var artifact = blobs[0].artifact
    for _ in 0..<40 {
      let manifest = Manifest(["a": artifact, "b": artifact])
      blobs.append(try writer.write(bytes: manifest.text.utf8))
      artifact = manifest.artifact
    }
    try publish(store, artifact, blobs)
    #expect(try store.leaves(of: artifact).count == 41)
    let problem = #expect(throws: StoreError.self) { try store.export(artifact, to: scratch["out"]) }
    #expect("\(problem!)".contains("list more than 1048576 entries"))
    #expect(!FileManager.default.fileExists(atPath: scratch["out"].path))
    for _ in 0..<30 {
      let manifest = Manifest(["a": artifact])
      let text = try writer.write(bytes: manifest.text.utf8)
      try publish(store, manifest.artifact, [text])
      artifact = manifest.artifact
    }
    #expect(throws: StoreError.self) { try store.leaves(of: artifact) }
  }
}

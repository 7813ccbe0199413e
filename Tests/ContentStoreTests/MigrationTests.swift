import Canonical
import ContentStore
import Foundation
import Testing

/// A store that version 0.1 made: three commands, one result a file, one a folder.
@Suite struct MigrationTests {
  let scratch = try! Scratch()

  static func fixture(_ name: String, _ ending: String) throws -> URL {
    try #require(Bundle.module.url(forResource: name, withExtension: ending, subdirectory: "Fixtures"))
  }

  func old() throws {
    let blob = "361b34b2993614e8eb2b2011e19e7db4796ec9aa2d8966bfdf31dcb4d5e193ec"
    try scratch.write(
      Data(contentsOf: MigrationTests.fixture("store-0.1", "zst")), to: "store/blobs/36/\(blob).zst")
    let sql = try String(contentsOf: MigrationTests.fixture("store-0.1", "sql"), encoding: .utf8)
      .replacingOccurrences(of: "BEGIN TRANSACTION;", with: "").replacingOccurrences(of: "COMMIT;", with: "")
    try scratch.sql(sql)
  }

  var lines: [UInt8] {
    Array((1...3000).map { "line \($0) of 3000, and of an old store\n" }.joined().utf8)
  }

  @Test func itOpensAndEverythingInItIsThere() throws {
    try old()
    let store = try Store.open(at: scratch["store"])
    let keys = try store.lastKeys(project: "/home/me/project", file: "numbers.yaml")
    #expect(Set(keys.keys) == ["words", "lines", "folder"])
    #expect(try store.outputs(for: Array(keys.values)).count == 3)
    let words = try #require(try store.record(for: keys["words"]!))
    #expect(try store.read(words.artifacts["text"]!.digest) == Array("one\ntwo\n".utf8))
    #expect(words.platform.hasPrefix("on vm, with avx512, OpenBLAS"))
    let text = try #require(try store.record(for: keys["lines"]!)).artifacts["text"]!
    #expect(try store.read(text.digest) == lines)
    #expect(try Array(Data(contentsOf: store.file(for: text.digest))) == lines)
    let folder = try #require(try store.record(for: keys["folder"]!)).artifacts["tree"]!
    let members = try store.members(of: [folder.digest])
    #expect(members[folder.digest]?.keys.sorted() == ["a", "b"])
    #expect(members[folder.digest]?["a"] == words.artifacts["text"])
    #expect(try store.stats().records == 3 && store.stats().total.count == 5)
    let news = try store.lastNews(project: "/home/me/project", file: "numbers.yaml")
    #expect(news.mapValues(\.key) == keys.mapValues { $0 })
  }

  @Test func itIsUsedFromThenOn() throws {
    try old()
    let store = try Store.open(at: scratch["store"])
    let keys = try store.lastKeys(project: "/home/me/project", file: "numbers.yaml")
    let run = try store.beginRun(project: "/home/me/project", file: "numbers.yaml", commandLine: [])
    #expect(try store.instances(asOf: run).mapValues(\.key) == keys.mapValues { $0 })
    try store.note(
      run,
      [
        InstanceNote(name: "words", key: keys["words"], state: .cached),
        InstanceNote(name: "new", key: keys["lines"], state: .executed),
      ])
    #expect(try store.instances(asOf: run).count == 4)
    try store.publish(prose(10), as: "new")
    let remote = try DirectoryRemote(at: scratch["remote"])
    let transfer = try store.push(Array(keys.values), to: remote)
    #expect(transfer.records == 3 && transfer.problems.isEmpty)
    let record = try #require(try store.record(for: keys["lines"]!))
    #expect(try remote.record(record.key, limit: 100_000) == Array(record.text.utf8))
    #expect(record.text.contains(#""record":1}"#))
  }

  @Test func twoProcessesBringItUpToDateAtOnce() async throws {
    try old()
    let path = scratch["store"].path
    func opener() async {
      await #expect(processExitsWith: .success) { [path = path as String] in
        _ = try Store.open(at: URL(fileURLWithPath: path)).stats()
      }
    }
    await withTaskGroup(of: Void.self) { group in for _ in 0..<3 { group.addTask { await opener() } } }
    #expect(try Store.open(at: scratch["store"]).stats().records == 3)
  }

  @Test(arguments: [
    "UPDATE outputs SET artifacts = x''",
    "UPDATE outputs SET artifacts = (SELECT artifacts FROM outputs AS other WHERE other.key <> outputs.key)",
    "UPDATE outputs SET artifacts = x'00ff'",
    "UPDATE members SET digest = (SELECT digest FROM blobs LIMIT 1)",
    "DELETE FROM members WHERE name = 'a'",
  ])
  func rowsThatWereSwappedOrEmptiedAreFoundAndDoNoHarm(change: String) throws {
    // H16
    try old()
    let store = try Store.open(at: scratch["store"])
    let keys = try store.lastKeys(project: "/home/me/project", file: "numbers.yaml")
    let outputs = try store.outputs(for: Array(keys.values)).mapValues(\.artifacts)
    let tree = try #require(outputs[keys["folder"]!]?["tree"])
    let members = try store.members(of: [tree.digest])
    try scratch.sql(change)
    #expect(try store.outputs(for: Array(keys.values)).mapValues(\.artifacts) == outputs)
    #expect(try store.members(of: [tree.digest]) == members)
    #expect(try store.manifest(tree).entries == members[tree.digest])
  }

  @Test(arguments: [
    "UPDATE records SET text = ''", "UPDATE records SET text = (SELECT min(text) FROM records)",
  ])
  func aRecordThatWasEmptiedOrSwappedIsNoneAndIsWrittenAgain(change: String) throws {
    // H16
    try old()
    let store = try Store.open(at: scratch["store"])
    let keys = try store.lastKeys(project: "/home/me/project", file: "numbers.yaml").values
    let records = try keys.map { try store.record(for: $0)! }
    try scratch.sql(change)
    #expect(try keys.compactMap { try store.record(for: $0) }.count <= 1)
    for record in records { _ = try store.publish(record, blobs: []) }
    #expect(try keys.map { try store.record(for: $0)! } == records)
  }
}

import Canonical
import ContentStore
import Foundation
import Testing

@Suite struct OpeningTests {
  let scratch = try! Scratch()

  func problem(opening url: URL) -> StoreError? {
    #expect(throws: StoreError.self) { try Store.open(at: url) }
  }

  @Test func aFileIsNoStore() throws {
    let file = try scratch.write([1], to: "file")
    #expect(problem(opening: file) == .notADirectory(path: file.path))
    let below = problem(opening: scratch["file/store"])
    guard case .cannotWrite? = below else { Issue.record("\(below as Any)"); return }
  }

  @Test func aPlaceThatNobodyCanWriteToIsNamed() throws {
    // Not even root can make folders here.
    let problem = problem(opening: URL(fileURLWithPath: "/proc/store"))
    guard case .cannotWrite("/proc/store", _)? = problem else { Issue.record("\(problem as Any)"); return }
    #expect("\(problem!)".contains("--store"))
  }

  @Test(.enabled(if: geteuid() != 0, "root may write everywhere")) func aReadOnlyFolderIsRefused() throws {
    try FileManager.default.createDirectory(at: scratch["store"], withIntermediateDirectories: true)
    chmod(scratch["store"].path, 0o555)
    let problem = problem(opening: scratch["store"])
    guard case .cannotWrite? = problem else { Issue.record("\(problem as Any)"); return }
  }

  @Test func aStoreOfALaterVersionIsRefusedAndNotTouched() throws {
    let index = scratch["store/index.sqlite"].path
    _ = try Store.open(at: scratch["store"])
    try scratch.sql("PRAGMA user_version = 99")
    #expect(problem(opening: scratch["store"]) == .newer(path: index, found: 99, supported: 8))
    #expect(try scratch.number("PRAGMA user_version") == 99)
  }

  @Test func anIndexThatIsNoDatabaseIsNamed() throws {
    try scratch.write(prose(10_000), to: "store/index.sqlite")
    let problem = problem(opening: scratch["store"])
    guard case .index(_, let reason)? = problem else { Issue.record("\(problem as Any)"); return }
    #expect(reason.contains("damaged"))
  }

  @Test func temporariesOfDeadProcessesAreRemovedAndThoseOfLivingOnesKept() throws {
    _ = try Store.open(at: scratch["store"])
    // The name of a temporary of this process, seen while a source is being read.
    var name = ""
    let remote = try DirectoryRemote(at: scratch["remote"])
    try? remote.putBlob(Digest.of("x".utf8), size: 1) { _ in
      name = try FileManager.default.contentsOfDirectory(atPath: scratch["remote/v1/temporary"].path)[0]
      throw CancellationError()
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["remote/v1/temporary"].path) == [])
    let process = "-\(getpid())-"
    let dead = name.replacingOccurrences(of: process, with: "-4194305-")  // above the largest process id
    let elsewhere = "another-host-1-1"
    #expect(dead != name)
    for name in [name, dead, elsewhere] { try scratch.write([1], to: "store/temporary/\(name)") }
    _ = try Store.open(at: scratch["store"])
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch["store/temporary"].path)
    #expect(Set(left) == [name, elsewhere])
  }

  @Test func aFolderOfSomethingElseIsNoStoreAndIsLeftAlone() throws {
    // H1: `--store "$UNSET"` took the working directory for a store.
    try scratch.write(prose(10), to: "project/thesis.tex")
    try scratch.write(prose(10), to: "project/temporary/notes")
    let problem = problem(opening: scratch["project"])
    guard case .notAStore(scratch["project"].path, let reason)? = problem else {
      Issue.record("\(problem as Any)")
      return
    }
    #expect(reason == #"it holds "thesis.tex" and so on, but no index.sqlite"#)
    #expect(try FileManager.default.subpathsOfDirectory(atPath: scratch["project"].path).count == 3)
    #expect(throws: StoreError.notAStore(path: "", reason: "the path is empty")) {
      try Store.open(at: "", relativeTo: scratch.url)
    }
    #expect(try Store.open(at: "new", relativeTo: scratch.url).directory.path == scratch["new"].path)
  }

  @Test func aFolderWithWhatOnlyAStoreHoldsIsAStore() throws {
    try scratch.write(prose(10), to: "store/README.md")
    try scratch.write([], to: "store/lost+found/x")
    #expect(try Store.open(at: scratch["store"]).stats().records == 0)
  }

  @Test func onlyNamesOfBobbinsOwnFormAreRemovedAndNoLinkIsFollowed() throws {
    // H1: files older than a week went, whoever's they were, wherever a link led.
    _ = try Store.open(at: scratch["store"])
    let old = "elsewhere-0123abcd-4026531836-17-1f"
    let foreign = [
      "thesis.tex", "2024-results", "a-b-c-1-2", "elsewhere-0123abcd-4026531836-17-1f.txt",
      "elsewhere-0123abcd-4026531836-017-1f", "elsewhere-0123ABCD-1-17-1f",
    ]
    func age(_ path: String) {
      let times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
      utimensat(AT_FDCWD, scratch[path].path, times, 0)
    }
    for name in foreign + [old] {
      try scratch.write([1], to: "store/temporary/" + name)
      age("store/temporary/" + name)
    }
    try scratch.write([1], to: "other/" + old)
    age("other/" + old)
    _ = try Store.open(at: scratch["store"])
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch["store/temporary"].path)
    #expect(Set(left) == Set(foreign))

    try FileManager.default.removeItem(at: scratch["store/temporary"])
    try FileManager.default.createSymbolicLink(
      at: scratch["store/temporary"], withDestinationURL: scratch["other"])
    _ = try Store.open(at: scratch["store"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["other"].path) == [old])
  }

  @Test func aTreeIsRemovedWithoutFollowingItsLinks() throws {
    try scratch.write([1], to: "other/precious")
    try scratch.write([1], to: "home/tree/a/file")
    try scratch.write([1], to: "home/tree/closed/file")
    chmod(scratch["home/tree/closed"].path, 0o500)
    for link in ["home/tree/link", "home/tree/a/link"] {
      try FileManager.default.createSymbolicLink(at: scratch[link], withDestinationURL: scratch["other"])
    }
    OwnFolder(scratch["home"].path)?.removeTree("tree")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["home"].path) == [])
    #expect(FileManager.default.fileExists(atPath: scratch["other/precious"].path))
    try FileManager.default.createSymbolicLink(at: scratch["home/tree"], withDestinationURL: scratch["other"])
    let isFollowed = OwnFolder(scratch["home/tree"].path) != nil
    #expect(!isFollowed)
  }

  @Test func aTreeIsRemovedWhateverItsNames() throws {
    // What wasn't UTF-8 stayed for ever, with all below it.
    try scratch.write([1], to: "home/tree/a/file")
    let odd: [CChar] = scratch["home/tree/a"].path.utf8CString.dropLast() + [0x2F, -1, 0x78, 0]
    #expect(mkdir(odd, 0o700) == 0)
    let file = open(odd.dropLast() + [0x2F, -2, 0], O_CREAT | O_WRONLY, 0o600)
    #expect(file >= 0)
    close(file)
    OwnFolder(scratch["home"].path)?.removeTree("tree")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["home"].path) == [])
  }

  @Test func anIndexOfNoKnownVersionIsRefusedAndNotTouched() throws {
    // H16: a version of −1 was an index out of range; another program's database was taken over.
    let index = scratch["store/index.sqlite"].path
    _ = try Store.open(at: scratch["store"])
    try scratch.sql("PRAGMA user_version = -1")
    guard case .index(index, let reason)? = problem(opening: scratch["store"]) else {
      throw CancellationError()
    }
    #expect(reason.hasPrefix("says that it is of version -1, which bobbin never writes"))

    try scratch.write([], to: "other/x")
    try FileManager.default.removeItem(at: scratch["other/x"])
    let foreign = scratch["other/index.sqlite"].path
    try scratch.sql("CREATE TABLE theirs (x)", on: "other")
    let before = try Data(contentsOf: scratch["other/index.sqlite"])
    guard case .index(foreign, _)? = problem(opening: scratch["other"]) else { throw CancellationError() }
    #expect(try Data(contentsOf: scratch["other/index.sqlite"]) == before)
  }

  @Test func aPathTooLongForSQLiteIsSaidToBe() throws {
    // H16
    let deep = (0..<9).reduce(scratch.url) { url, _ in url.appending(path: String(repeating: "d", count: 60))
    }
    guard case .cannotWrite(deep.path, let reason)? = problem(opening: deep) else {
      throw CancellationError()
    }
    #expect(reason == "the path is longer than the 487 bytes that SQLite leaves for it")
  }

  @Test func anIndexThatIsReplacedWhileItIsUsedIsNoticed() throws {
    // H16: what was published then was lost, with status 0.
    let store = try Store.open(at: scratch["store"])
    let run = try store.beginRun(project: "p", file: "f", commandLine: ["bobbin"])
    try store.publish(prose(10))
    try FileManager.default.removeItem(at: scratch["store/index.sqlite"])
    func expectNoticed(_ body: () throws -> Void) {
      let problem = #expect(throws: StoreError.self) { try body() }
      #expect("\(problem!)".contains("was removed or replaced while it was in use"))
      #expect(problem?.concern == .store)
    }
    expectNoticed { try store.publish(prose(11), as: "b") }
    let outcome = RunOutcome(exitStatus: 0, executed: 1, cached: 0, failed: 0, skipped: 0)
    expectNoticed { try store.endRun(run, outcome: outcome) }
    _ = try Store.open(at: scratch["store"])
    expectNoticed { try store.endRun(run, outcome: outcome) }
  }

  @Test(.enabled(if: Tmpfs.isPossible, "needs the right to mount"))
  func aStoreWhereNothingCanBeWrittenCanBeRead() throws {
    // H16
    let disk = try Tmpfs(megabytes: 4)
    let place = disk.url.appendingPathComponent("store")
    let external = try scratch.write(prose(7), to: "external")
    let record: Record
    do {
      let store = try Store.open(at: place)
      record = try store.publish(prose(100_000))
      _ = try store.publish(prose(100), as: "small")
    }
    #expect(mount("", disk.url.path, "", UInt(MS_REMOUNT | MS_RDONLY), "") == 0)
    let store = try Store.open(at: place)
    #expect(store.isReadOnly)
    #expect(try store.record(for: record.key) == record)
    #expect(try store.read(Digest.of(prose(100_000))) == prose(100_000))
    var streamed: [UInt8] = []
    try store.stream(Digest.of(prose(100_000))) { streamed += $0 }
    #expect(streamed == prose(100_000))
    #expect(try Array(Data(contentsOf: store.file(for: Digest.of(prose(100))))) == prose(100))
    try store.export(record.artifacts["out"]!, to: scratch["out"])
    #expect(try store.digests(ofFiles: [external])[0].digest == Digest.of(prose(7)))
    #expect(throws: StoreError.cannotWrite(path: place.path, reason: "it was opened for reading")) {
      try store.publish(prose(5), as: "new")
    }
    guard case .cannotWrite? = problem(opening: disk.url.appendingPathComponent("none")) else {
      throw CancellationError()
    }
  }
}

import Canonical
import ContentStore
import Foundation
import Synchronization
import Testing

@Suite struct ExternalFilesTests {
  let scratch = try! Scratch()
  var store: Store { get throws { try Store.open(at: scratch["store"]) } }

  @Test func digestsAreOfTheContent() throws {
    let files = [try scratch.write(prose(700_000), to: "a"), try scratch.write([], to: "b")]
    let found = try store.digests(ofFiles: files)
    #expect(found.map(\.digest) == [Digest.of(prose(700_000)), Digest.of([])])
    #expect(found.map(\.size) == [700_000, 0])
    #expect(try store.digests(ofFiles: files) == found)
  }

  /// H16.
  @Test func hashingTellsHowFarItIsAndCanBeEnded() throws {
    struct Enough: Error {}
    let store = try store
    let files = try ["a", "b"].map { try scratch.write(noise(300_000), to: $0) }
    // Old enough to be remembered.
    for file in files {
      utimes(file.path, [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)])
    }
    let told = Mutex<[[Int]]>([])
    store.onHashing { done, total in told.withLock { $0.append([done, total]) } }
    _ = try store.digests(ofFiles: files)
    let steps = told.withLock { $0 }
    #expect(steps.last == [600_000, 600_000] && steps.allSatisfy { $0[1] == 600_000 })
    #expect(steps.map { $0[0] } == steps.map { $0[0] }.sorted())
    store.onHashing { done, _ in if done > 300_000 { throw Enough() } }
    #expect(throws: Enough.self) { try store.digests(ofFiles: files) }
    store.onHashing(nil)
    #expect(try store.digests(ofFiles: files).map(\.size) == [300_000, 300_000])
  }

  @Test func aJustChangedFileIsHashedAgainEvenIfItsTimesAndSizeAreTheSame() throws {
    let store = try store
    let file = try scratch.write([1, 2, 3], to: "a")
    let first = try store.digests(ofFiles: [file])[0]
    // The same inode, size and modification time: only distrust finds this.
    var status = stat()
    stat(file.path, &status)
    let handle = try FileHandle(forWritingTo: file)
    try handle.write(contentsOf: Data([4, 5, 6]))
    try handle.close()
    let times = [status.st_atim, status.st_mtim]
    utimensat(AT_FDCWD, file.path, times, 0)
    #expect(try store.digests(ofFiles: [file])[0].digest != first.digest)
  }

  @Test func aSettledFileIsNotReadAgain() async throws {
    let store = try store
    let file = try scratch.write([1, 2, 3], to: "a")
    try await Task.sleep(for: .seconds(2.1))
    let first = try store.digests(ofFiles: [file])[0]
    #expect(first.isUnchanged)
    // An answer that only the index can have given.
    let other = Digest.of("other".utf8)
    try scratch.sql("UPDATE externalFiles SET digest = x'\(other.hex)'")
    #expect(try store.digests(ofFiles: [file])[0].digest == other)
    try scratch.write([1, 2, 4], to: "a")
    #expect(!first.isUnchanged)
    #expect(try store.digests(ofFiles: [file])[0].digest == Digest.of([1, 2, 4]))
  }

  @Test func whatIsNoFileIsNamed() throws {
    try scratch.write([1], to: "folder/a")
    let store = try store
    let missing = scratch["missing"]
    #expect(throws: StoreError.source(path: missing.path, reason: "no such file")) {
      try store.digests(ofFiles: [missing])
    }
    #expect(
      throws: StoreError.source(path: scratch["folder"].path, reason: "a folder, where a file was expected")
    ) { try store.digests(ofFiles: [scratch["folder"]]) }
  }

  @Test(arguments: [
    (["*.py"], ["top.py"]),
    (["**/*.py"], ["a/b/deep.py", "a/one.py", "a/two.py", "top.py"]),
    (["a/*.py", "top.py"], ["a/one.py", "a/two.py", "top.py"]),
    (["a/**"], ["a/b/deep.py", "a/one.py", "a/two.py"]),
    (["**/**/b/*"], ["a/b/deep.py"]),
    (["./a/[ot]*.py"], ["a/one.py", "a/two.py"]),
    ([".hidden/*"], [".hidden/x.py"]),
  ])
  func patternsMatchAsInAShell(patterns: [String], expected: [String]) throws {
    for path in ["top.py", "a/one.py", "a/two.py", "a/b/deep.py", ".hidden/x.py", "a/.dot.py"] {
      try scratch.write(Array(path.utf8), to: "tree/" + path)
    }
    try FileManager.default.createSymbolicLink(
      atPath: scratch["tree/a/b/cycle"].path, withDestinationPath: "../..")
    #expect(try Glob.files(under: scratch["tree"].path, matching: patterns) == expected)
  }

  @Test("A23: a folder that is skipped isn't entered") func skippedFolders() throws {
    for path in ["a.py", "cache/b.py", "lib/cache/c.py"] {
      try scratch.write(Array(path.utf8), to: "tree/" + path)
    }
    var asked: Set<String> = []
    let found = try Glob.files(under: scratch["tree"].path, matching: ["**/*.py"]) { folder in
      asked.insert(folder)
      return folder == "cache"
    }
    #expect(found == ["a.py", "lib/cache/c.py"])
    #expect(asked == ["cache", "lib", "lib/cache"])
  }

  @Test func aPatternThatMatchesNothingIsAnError() throws {
    try scratch.write([1], to: "tree/folder/a")
    for (pattern, reason) in [
      ("*.py", "no file matches '*.py'"),
      ("folder", "'folder' is a folder; write 'folder/**' for all files in it"),
      ("../*", "the pattern '../*' must be a relative path that stays inside"),
    ] {
      #expect(throws: StoreError.source(path: scratch["tree"].path, reason: reason)) {
        try Glob.files(under: scratch["tree"].path, matching: [pattern])
      }
    }
    #expect(throws: StoreError.source(path: scratch["none"].path, reason: "no such folder")) {
      try Glob.files(under: scratch["none"].path, matching: ["*"])
    }
  }

  @Test func aTreeHasTheDigestThatStoringTheFolderWouldGive() throws {
    for path in ["x", "a/y", "a/b/z"] { try scratch.write(Array(path.utf8), to: "tree/" + path) }
    let paths = try Glob.files(under: scratch["tree"].path, matching: ["**"])
    let digested = try store.digests(ofFiles: paths.map { scratch["tree/" + $0] })
    let files = Dictionary(uniqueKeysWithValues: zip(paths, digested))
    #expect(Store.tree(of: files) == (try BlobWriter(store: scratch["store"]).ingest(scratch["tree"]).0))
  }
}

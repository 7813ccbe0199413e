import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// Files outside the pipeline, and the code of commands.
@Suite struct SurroundingsTests {
  @Test func touchingAFileRerunsNothingAndOneByteReruns() throws {
    let project = try Project()
    let file = try project.write("hello", "data/in.txt")
    try project.add("r", "read", external: file)
    try project.add("odd", "parity", inputs: ["number": ["r"]])
    #expect(try project.run().executed == 2)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: file.path)
    #expect(try project.run().counts == [0, 2, 0, 0])
    _ = try project.write("jello", "data/in.txt")
    let report = try project.run()
    #expect(report.names(.executed) == ["r"])
    #expect(report["r"].reason?.description == "input path: content changed (data/in.txt)")
  }

  @Test func thePathOfAFileIsNotInTheKey() throws {
    let project = try Project()
    try project.add("r", "read", external: try project.write("hello", "a/in.txt"))
    try project.run()
    project.instances[0].externals[0].url = try project.write("hello", "b/other.txt")
    #expect(try project.run().cached == 1)
  }

  @Test func ofAFolderOnlyMatchingFilesCount() throws {
    let project = try Project()
    let folder = try project.write("one", "data/one.txt").deletingLastPathComponent()
    try project.add("r", "read", external: folder)
    try project.run()
    _ = try project.write("notes", "data/notes.md")
    #expect(try project.run().cached == 1)
    _ = try project.write("two", "data/two.txt")
    #expect(try project.run().executed == 1)
  }

  @Test func aMissingFileIsAnErrorWithItsPlace() throws {
    let project = try Project()
    try project.add("r", "read", external: project.root.appendingPathComponent("data/none.txt"))
    let error = #expect(throws: DecodingIssue.self) { try project.run() }
    #expect(
      error?.description == "toy.yaml:1:3: stage 'r': path: data/none.txt: no such file or directory")
  }

  @Test func aFolderWithoutAMatchingFileIsAnError() throws {
    let project = try Project()
    let folder = try project.write("x", "data/x.bin").deletingLastPathComponent()
    try project.add("r", "read", external: folder)
    let error = #expect(throws: DecodingIssue.self) { try project.plan() }
    #expect(
      error?.description == "toy.yaml:1:3: stage 'r': path: data: a folder without a file named *.txt")
  }

  @Test func aFileEditedDuringTheRunIsNotPublished() throws {
    let project = try Project()
    let file = try project.write("hello", "data/in.txt")
    try project.add("r", "read", external: file)
    let executor = project.executor()
    executor.after = { _ in _ = try project.write("hello!", "data/in.txt") }
    let report = try project.run(executor)
    #expect(report.failed == 1)
    #expect(
      report["r"].message
        == "data/in.txt was edited while it ran, so its result belongs to no key and was thrown away. Run again."
    )
    let again = try project.run()
    #expect(again.executed == 1)
    #expect(try project.text("r", again) == "6")
  }

  /// A7, H3: what was read of a file in between isn't known, whatever it holds now.
  @Test func aFileEditedAndPutBackWhileItIsReadIsReadAgain() throws {
    let project = try Project()
    let file = try project.write("hello", "data/in.txt")
    try project.add("r", "read", external: file)
    let executor = project.executor()
    var edits = 0
    executor.before = { _ in
      edits += 1
      if edits == 1 { _ = try project.write("hello, hello", "data/in.txt") }
    }
    executor.after = { _ in if edits == 1 { _ = try project.write("hello", "data/in.txt") } }
    let report = try project.run(executor)
    #expect(executor.ran == ["r", "r"])
    #expect(report.warnings == ["r: data/in.txt was edited and put back while it ran; running it again"])
    #expect(try project.text("r", report) == "5")
  }

  @Test func aFileThatIsEditedAndPutBackAgainAndAgainFails() throws {
    let project = try Project()
    let file = try project.write("hello", "data/in.txt")
    try project.add("r", "read", external: file)
    let executor = project.executor()
    executor.after = { _ in _ = try project.write("hello", "data/in.txt") }
    let report = try project.run(executor)
    #expect(executor.ran.count == 3)
    #expect(report["r"].failure?.cause == .input)
  }

  /// A7: what was edited since the run looked at it fails before it starts, not after.
  @Test func aFileEditedBeforeAStartIsSeenBeforeAnythingRuns() throws {
    let project = try Project()
    let file = try project.write("hello", "data/in.txt")
    try project.add("n", "number")
    try project.add("r", "read", external: file)
    let executor = project.executor()
    executor.after = { _ in _ = try project.write("hello!", "data/in.txt") }
    let report = try project.run(executor, jobs: 1, keepGoing: true)
    #expect(executor.ran == ["n"])
    #expect(
      report["r"].message
        == "data/in.txt was edited since this run looked at it, so it has another key now. Run again.")
  }

  @Test func aFileAddedToAFolderDuringTheRunIsNotPublished() throws {
    let project = try Project()
    let folder = try project.write("hello", "data/in.txt").deletingLastPathComponent()
    try project.add("r", "read", external: folder)
    let executor = project.executor()
    executor.after = { _ in _ = try project.write("more", "data/more.txt") }
    #expect(try project.run(executor)["r"].message?.hasPrefix("data/more.txt was edited") == true)
  }

  @Test func commandsAreKeyedByTheirFilesAndTheirProgram() throws {
    let project = try Project()
    _ = try project.write("print(1)", "scripts/probe.py")
    _ = try project.write("x = 1", "scripts/lib/deep.py")
    try FileManager.default.createDirectory(
      at: project.root.appendingPathComponent("bin"), withIntermediateDirectories: true)
    func install(_ text: String) throws {
      let program = try project.write(text, "bin/tool")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
    }
    try install("#!/usr/bin/env sh\necho 1")
    project.environment["PATH"] = project.root.appendingPathComponent("bin").path + ":/usr/bin:/bin"
    try project.add(
      "c", "number", code: CommandCode(patterns: ["scripts/**/*.py"], line: "tool", isPrivate: false))
    let first = try project.run()
    let record = try #require(try project.store.record(for: first["c"].key!))
    let code = try project.store.read(Digest(hex: record.action["code"]!.stringValue!)!)
    #expect(
      CodeManifest(parsing: code)?.files.keys.sorted()
        == ["program sh", "program tool", "scripts/lib/deep.py", "scripts/probe.py"])
    _ = try project.write("not code", "scripts/readme.md")
    #expect(try project.run().cached == 1)
    _ = try project.write("x = 2", "scripts/lib/deep.py")
    _ = try project.write("y = 2", "scripts/new.py")
    let edited = try project.run()
    #expect(
      edited["c"].reason?.description == "source scripts/lib/deep.py changed; source scripts/new.py added")
    try FileManager.default.removeItem(at: project.root.appendingPathComponent("scripts/new.py"))
    try install("#!/usr/bin/env sh\necho 2")
    let program = try project.run()
    #expect(program["c"].reason?.description == "program tool changed; source scripts/new.py removed")
    let executor = project.executor()
    executor.after = { _ in _ = try project.write("x = 3", "scripts/lib/deep.py") }
    _ = try project.write("print(3)", "scripts/probe.py")
    #expect(try project.run(executor)["c"].message?.hasPrefix("scripts/lib/deep.py was edited") == true)
  }

  @Test func aPatternThatMatchesNothingIsAnError() throws {
    let project = try Project()
    try project.add("c", "number", code: CommandCode(patterns: ["scripts/*.py"], line: "sh"))
    let error = #expect(throws: DecodingIssue.self) { try project.run() }
    #expect(error?.description.hasPrefix("toy.yaml:1:3: stage 'c': code: ") == true)
    #expect(error?.description.hasSuffix("no file matches 'scripts/*.py'") == true)
  }

  @Test func aProgramThatIsNotThereIsAnError() throws {
    let project = try Project()
    try project.add("c", "number", code: CommandCode(patterns: [], line: "no-such-tool"))
    let error = #expect(throws: DecodingIssue.self) { try project.run() }
    #expect(
      error?.description
        == "toy.yaml:1:3: stage 'c': run: there is no program 'no-such-tool' (looked for in PATH). "
        + "A command begins with the program that runs it; its content is part of the key")
  }
}

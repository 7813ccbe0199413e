import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// What of commands is in keys, what their trees hold, and what an edit means while they run.
@Suite struct PrivateCommandTests {
  private func project(isPrivate: Bool = true) throws -> Project {
    let project = try Project()
    _ = try project.write("print(1)", "scripts/probe.py")
    try project.add(
      "c", "number",
      code: CommandCode(patterns: ["scripts/**/*.py"], line: "true", isPrivate: isPrivate))
    return project
  }

  @Test("Done-when 5, F4: code that is edited while a command runs neither poisons nor wastes its result")
  func anEditOfCodeDuringTheRun() throws {
    let project = try project()
    let executor = project.executor()
    executor.after = { _ in _ = try project.write("print(2)", "scripts/probe.py") }
    let report = try project.run(executor)
    #expect(report["c"].state == .executed)
    let record = try #require(try project.store.record(for: report["c"].key!))
    let code = CodeManifest(
      parsing: try project.store.read(Digest(hex: record.action["code"]!.stringValue!)!))
    #expect(code?.files["scripts/probe.py"] == .of("print(1)".utf8))
    #expect(try project.plan().reason("c") == "source scripts/probe.py changed")
    // Edited and put back, or a new file: as little.
    executor.after = { _ in
      _ = try project.write("print(3)", "scripts/probe.py")
      _ = try project.write("print(2)", "scripts/probe.py")
      _ = try project.write("", "scripts/new.py")
    }
    let again = try project.run(executor)
    #expect(again["c"].state == .executed && again.warnings == [])
    #expect(executor.ran == ["c", "c"])
  }

  @Test func codeThatIsEditedWhileACommandRunsInPlaceGivesNoResult() throws {
    let project = try project(isPrivate: false)
    let executor = project.executor()
    executor.after = { _ in _ = try project.write("print(2)", "scripts/probe.py") }
    #expect(
      try project.run(executor)["c"].message?.hasPrefix("scripts/probe.py was edited while it ran") == true)
  }

  @Test func aDeclaredInputThatIsEditedMeanwhileGivesNoResult() throws {
    let project = try project()
    let data = try project.write("1", "data/a.txt")
    project.instances[0].externals = [
      ExternalBinding(name: "a", url: data, patterns: [], treePlace: "data/a.txt", place: .nowhere)
    ]
    let executor = project.executor()
    executor.after = { _ in _ = try project.write("2", "data/a.txt") }
    #expect(try project.run(executor)["c"].message?.hasPrefix("data/a.txt was edited while it ran") == true)
    #expect(
      executor.jobs[0].members[0].tree == [
        TreeFile(place: "data/a.txt", source: data.path, role: .input("a")),
        TreeFile(
          place: "scripts/probe.py", source: project.root.path + "/scripts/probe.py",
          role: .code(.of("print(1)".utf8))),
      ])
  }

  @Test func aPatternUnderInputsIsItsFilesByContent() throws {
    let project = try project()
    for name in ["data/a.npy", "data/deep/b.npy", "data/c.txt"] { _ = try project.write(name, name) }
    project.instances[0].externals = [
      ExternalBinding(
        name: "a", url: project.root.appendingPathComponent("data"), patterns: [], glob: "**/*.npy",
        treePlace: "data", place: .nowhere)
    ]
    let executor = project.executor()
    try project.run(executor)
    let tree = executor.jobs[0].members[0].tree.filter { $0.role == .input("a") }
    #expect(tree.map(\.place) == ["data/a.npy", "data/deep/b.npy"])
    _ = try project.write("other", "data/c.txt")
    #expect(try project.run().cached == 1)
    _ = try project.write("other", "data/deep/b.npy")
    #expect(try project.run().executed == 1)
    project.instances[0].externals[0].glob = "*.mat"
    #expect(throws: DecodingIssue.self) { try project.run() }
  }

  @Test("F4, A23: caches of programs, the store and what version control ignores are never code")
  func whatIsNeverCode() throws {
    let project = try Project()
    for name in ["a.py", "__pycache__/a.py", "lib/__pycache__/b.py", "build/c.py", "lib/b.py", "cache/x.py"] {
      _ = try project.write(name, name)
    }
    try FileManager.default.createDirectory(
      at: project.root.appendingPathComponent(".git/x"), withIntermediateDirectories: true)
    _ = try project.write("", ".git/x/d.py")
    func files(_ patterns: [String]) throws -> [String] {
      project.instances = []
      try project.add("c", "number", code: CommandCode(patterns: patterns, line: "true"))
      let executor = project.executor()
      try project.run(executor)
      let record = try #require(try project.store.record(for: try project.run()["c"].key!))
      let code = try project.store.read(Digest(hex: record.action["code"]!.stringValue!)!)
      return CodeManifest(parsing: code)!.files.keys.filter { !$0.hasPrefix("program ") }.sorted()
    }
    // Without a repository, only what is known by its name.
    #expect(try files(["**/*.py"]) == ["a.py", "build/c.py", "lib/b.py"])
    try FileManager.default.removeItem(at: project.root.appendingPathComponent(".git"))
    let git = Process()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    git.arguments = ["git", "init", "-q", project.root.path]
    git.standardError = FileHandle.nullDevice
    try git.run()
    git.waitUntilExit()
    guard git.terminationStatus == 0 else { return }  // no git here
    _ = try project.write("build/\n", ".gitignore")
    #expect(try files(["**/*.py"]) == ["a.py", "lib/b.py"])
    let error = #expect(throws: DecodingIssue.self) { try files(["build/*.py"]) }
    #expect(
      error?.description.hasSuffix(
        "'build/*.py' matches only what version control ignores, which is never code. Declare it under 'inputs' if "
          + "the command reads it") == true)
  }

  @Test func theShellCountsAsTheProgramDoes() throws {
    let project = try Project()
    try FileManager.default.createDirectory(
      at: project.root.appendingPathComponent("bin"), withIntermediateDirectories: true)
    func install(_ text: String) throws {
      let shell = try project.write(text, "bin/shell")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: shell.path)
    }
    try install("1")
    project.environment["PATH"] = project.root.appendingPathComponent("bin").path + ":/usr/bin:/bin"
    try project.add(
      "c", "number", code: CommandCode(patterns: [], line: "x", shell: .interpreter(["shell", "-c"])))
    try project.run()
    try install("2")
    #expect(try project.run()["c"].reason?.description == "program shell changed")
  }
}

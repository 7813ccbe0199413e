// What of the programs that commands start is in keys: content, interpreters of scripts, Python environments.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct ProgramTests {
  let project: Project
  init() throws { project = try Project() }

  private func program(_ path: String, _ text: String) throws {
    let url = try project.write(text, path)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
  }

  /// A virtual environment whose python is the given one.
  private func environment(_ folder: String, at home: String = "/opt/python") throws {
    _ = try project.write(
      "home = \(home)\ninclude-system-site-packages = false\nversion = 3.11.7\ncommand = \(home)/python3 -m venv x\n",
      "\(folder)/pyvenv.cfg")
    try program("\(folder)/bin/python", "\u{7F}ELF not really")
    try install("numpy-1.26.4", in: folder)
  }

  private func install(_ distribution: String, in folder: String) throws {
    _ = try project.write(
      "Metadata-Version: 2.1\n",
      "\(folder)/lib/python3.11/site-packages/\(distribution).dist-info/METADATA")
  }

  /// Runs a command, changes something, and says why it would run again; nil when it wouldn't.
  private func reason(_ line: String, after change: () throws -> Void) throws -> String? {
    try project.add("c", "number", code: CommandCode(patterns: [], line: line))
    try project.run()
    try change()
    let plan = try project.plan()
    return plan.entries[0].state == .upToDate ? nil : plan.reason("c")
  }

  @Test(
    "B8: every program that a line starts counts by content",
    arguments: [
      "cd . && ./tool x", "env A=1 ./tool", "true | exec ./tool", "if true; then './tool' x; fi",
      "echo $(./tool)",
      "./script", "cd sub && ../tool",
    ])
  func programsCount(line: String) throws {
    try program("tool", "\u{7F}ELF 1")
    try program("script", "#!\(project.root.path)/tool\n")
    _ = try project.write("", "sub/x")
    #expect(try reason(line) { try program("tool", "\u{7F}ELF 2") } == "program tool changed")
  }

  @Test func whatALineOnlyNamesDoesNotCount() throws {
    try program("tool", "1")
    #expect(try reason("echo ./tool") { try program("tool", "2") } == nil)
  }

  @Test func twoProgramsOfOneNameAreTwo() throws {
    try program("a/tool", "\u{7F}ELF 1")
    try program("b/tool", "\u{7F}ELF 2")
    #expect(
      try reason("a/tool; b/tool") { try program("b/tool", "\u{7F}ELF 3") } == "program tool (2) changed")
  }

  @Test("B8: the shell that counts is the one that runs")
  func theShell() throws {
    try program("bin/sh", "\u{7F}ELF 1")
    project.environment["PATH"] = "\(project.root.path)/bin:/usr/bin:/bin"
    #expect(try reason("echo x") { try program("bin/sh", "\u{7F}ELF 2") } == nil)
  }

  @Test func aPrivateTreeHasTheProgramsThatALineNamesByTheirPath() throws {
    try environment(".venv")
    try program("sub/tool", "\u{7F}ELF 1")
    try project.add(
      "c", "number", code: CommandCode(patterns: [], line: ".venv/bin/python x; cd sub && ./tool"))
    let executor = project.executor()
    try project.run(executor)
    let root = project.root.path
    #expect(
      executor.jobs[0].members[0].tree == [
        TreeFile(place: ".venv", source: root + "/.venv", role: .program),
        TreeFile(place: "sub/tool", source: root + "/sub/tool", role: .code(.of("\u{7F}ELF 1".utf8))),
      ])
  }

  @Test func aScriptThatNamesItselfEnds() throws {
    try program("python", "#!/usr/bin/env python\n")
    project.environment["PATH"] = project.root.path
    #expect(try reason("./python") {} == nil)
  }

  @Test("B8: a virtual environment counts by its distributions")
  func distributions() throws {
    try environment(".venv")
    let change = {
      let folder = self.project.root.appendingPathComponent(".venv/lib/python3.11/site-packages")
      try FileManager.default.removeItem(at: folder.appendingPathComponent("numpy-1.26.4.dist-info"))
      try self.install("numpy-2.0.0", in: ".venv")
      try self.install("scipy-1.14.0", in: ".venv")
    }
    #expect(
      try reason(".venv/bin/python fit.py", after: change)
        == "package numpy 1.26.4 → 2.0.0; package scipy 1.14.0 added")
  }

  @Test(
    "B8: an environment is found by path, by PATH, by activation and by its scripts",
    arguments: ["./.venv/bin/python x", "python x", ". .venv/bin/activate && python x", ".venv/bin/fit"])
  func environments(line: String) throws {
    try environment(".venv")
    _ = try project.write("VIRTUAL_ENV=\(project.root.path)/.venv", ".venv/bin/activate")
    try program(".venv/bin/fit", "#!\(project.root.path)/.venv/bin/python\n")
    if line.hasPrefix("python") { project.environment["PATH"]! += ":\(project.root.path)/.venv/bin" }
    #expect(try reason(line) { try install("x-1", in: ".venv") } == "package x 1 added")
  }

  /// Two people's environments lie in different places.
  @Test func whereAnEnvironmentLiesDoesNotCount() throws {
    try environment(".venv", at: "/opt/python")
    try program(".venv/bin/fit", "#!\(project.root.path)/.venv/bin/python\n")
    let change = {
      try self.environment(".venv", at: "/home/b/python")
      try self.program(".venv/bin/fit", "#!./.venv/bin/python\n")
    }
    #expect(try reason(".venv/bin/fit", after: change) == nil)
  }

  @Test func anotherPythonInAnEnvironmentIsAChange() throws {
    try environment(".venv")
    let change = {
      _ = try self.project.write(
        "version = 3.12.1\ninclude-system-site-packages = false\n", ".venv/pyvenv.cfg")
    }
    #expect(try reason(".venv/bin/python x", after: change) == "environment version 3.11.7 → 3.12.1")
  }

  @Test func aDistributionFromACommitCountsByThat() throws {
    try environment(".venv")
    func install(_ commit: String) throws {
      _ = try project.write(
        #"{"url": "https://x/y.git", "vcs_info": {"vcs": "git", "commit_id": "\#(commit)"}}"#,
        ".venv/lib/python3.11/site-packages/numpy-1.26.4.dist-info/direct_url.json")
    }
    try install("abc")
    let change = {
      try FileManager.default.removeItem(
        at: self.project.root.appendingPathComponent(
          ".venv/lib/python3.11/site-packages/numpy-1.26.4.dist-info"))
      try install("def")
    }
    #expect(
      try reason(".venv/bin/python x", after: change) == "package numpy 1.26.4 of abc → 1.26.4 of def")
  }

  /// Its version may stay the same while its author works on it.
  @Test func aDistributionFromAFolderCountsByItsFiles() throws {
    try environment(".venv")
    func install(_ digest: String, from place: String) throws {
      let folder = ".venv/lib/python3.11/site-packages/mine-0.1.dist-info"
      _ = try project.write(#"{"dir_info": {}, "url": "file://\#(place)"}"#, "\(folder)/direct_url.json")
      _ = try project.write(
        "mine/__init__.py,sha256=\(digest),7\nmine-0.1.dist-info/direct_url.json,sha256=\(place),9\n",
        "\(folder)/RECORD")
      // As pip does: the folder is made anew.
      _ = try project.write("", ".venv/lib/python3.11/site-packages/tmp\(place.count)")
    }
    try install("abc", from: "/home/a")
    #expect(try reason(".venv/bin/python x") { try install("abc", from: "/home/bob") } == nil)
    try install("def", from: "/home/carol")
    let why = try project.plan().reason("c")
    #expect(why.hasPrefix("package mine 0.1 of ") && why.contains(" → 0.1 of "), "\(why)")
  }

  @Test func anEnvironmentOfCondaCountsByItsPackages() throws {
    try program("env/bin/python", "\u{7F}ELF")
    _ = try project.write("{}", "env/conda-meta/numpy-base-1.26.4-py311_0.json")
    let change = { _ = try self.project.write("{}", "env/conda-meta/scipy-1.14.0-py311_1.json") }
    #expect(try reason("env/bin/python x", after: change) == "package conda:scipy 1.14.0-py311_1 added")
  }

  /// A run that changes what it runs with says so, as for files under `code`.
  @Test func anEnvironmentThatChangesMeanwhileIsSeen() throws {
    try environment(".venv")
    try project.add("c", "number", code: CommandCode(patterns: [], line: ".venv/bin/python x"))
    let executor = project.executor()
    executor.after = { _ in try install("x-1", in: ".venv") }
    #expect(try project.run(executor)["c"].message?.hasPrefix(".venv was edited") == true)
  }

  @Test("a word that names an undeclared file of the project is told, with the line to add")
  func undeclaredWords() throws {
    for file in [
      "scripts/a.py", "scripts/b.py", "scripts/sub/c.py", "data/s-01.npy", "data/in.csv", "lib/x.py",
    ] {
      _ = try project.write("", file)
    }
    let place = Place(file: "toy.yaml", line: 1, column: 3)
    func complaints(_ line: String, patterns: [String] = [], inputs: [String] = []) throws -> [String] {
      project.instances = []
      try project.add("c", "number", code: CommandCode(patterns: patterns, line: line))
      project.instances[0].parameters = ["run": .string(line)]
      project.instances[0].externals = inputs.map {
        ExternalBinding(name: "x", url: project.root.appendingPathComponent($0), patterns: [], place: place)
      }
      return project.graph.undeclaredWords.map(\.message)
    }
    func message(_ path: String, _ line: String) -> String {
      "stage 'c': 'run' names '\(path)', which nothing declares, so it isn't in the key. Add \(line)"
    }
    #expect(
      try complaints("true; python3 scripts/a.py --brain=data/s-01.npy < ./data/in.csv > scripts/b.py") == [
        message("data/in.csv", "inputs: { in: data/in.csv }"),
        message("scripts/a.py", "code: [scripts/a.py]"),
        message("data/s-01.npy", "inputs: { s_01: data/s-01.npy }"),
      ])
    #expect(
      try complaints("true; cd scripts && cat a.py") == [message("scripts/a.py", "code: [scripts/a.py]")])
    #expect(try complaints("true; cat scripts/a.py scripts/sub/c.py", patterns: ["scripts/**/*.py"]) == [])
    #expect(try complaints("true; cat scripts/a.py lib/x.py", patterns: ["scripts/*"], inputs: ["lib"]) == [])
    #expect(try complaints("true; cat scripts/sub/c.py", patterns: ["scripts/*.py"]).count == 1)
    #expect(
      try complaints("true; cat data scripts nowhere.py $x ${in.1} /etc/hostname ../project/x", patterns: [])
        == [])
    #expect(try complaints("true; cat data/in.csv", inputs: ["data/in.csv"]) == [])
  }

  @Test func aPatternMatchesWhatItFinds() throws {
    let files = ["a.py", "s/a.py", "s/t/a.py", "s/.h/a.py", "s/t/.a.py", "s/t/a.txt", ".x/a.py"]
    for file in files { _ = try project.write("", "g/" + file) }
    let folder = project.root.appendingPathComponent("g").path
    for pattern in [
      "*.py", "s/*.py", "s/**/*.py", "**", "**/a.*", "s/**", ".x/*", "s/?/a.py", "./a.py", "s/[st]/*",
    ] {
      let found = try Glob.files(under: folder, matching: [pattern])
      #expect(files.filter { Glob.matches($0, pattern) }.sorted() == found.sorted(), "\(pattern)")
    }
  }

  @Test func anEnvironmentOfTheProjectIsInAPrivateTree() throws {
    try environment(".venv")
    try program("tools/fit", "#!/bin/sh\n")
    try project.add(
      "c", "number", code: CommandCode(patterns: [], line: ".venv/bin/python x; tools/fit; sh y"))
    let executor = project.executor()
    _ = try project.run(executor)
    let tree = try #require(executor.jobs.first?.members.first?.tree)
    #expect(tree.map(\.place) == [".venv", "tools/fit"])
    #expect(
      tree[0]
        == TreeFile(
          place: ".venv", source: project.root.appendingPathComponent(".venv").path, role: .program))
  }

  @Test func whatDoesNotCountIsSaidWithWhatToDeclare() throws {
    try environment(".venv")
    try program("bin/python3", "#!/bin/sh\n")
    project.environment["PATH"] = "\(project.root.path)/bin:/usr/bin:/bin"
    let packages = ".venv/lib/python3.11/site-packages"
    _ = try project.write(
      #"{"url": "file:///home/a/mine", "dir_info": {"editable": true}}"#,
      "\(packages)/mine-0.1.dist-info/direct_url.json")
    _ = try project.write("/opt/lib\nimport os\n", "\(packages)/extra.pth")
    let line = "python3 a; $tool; .venv/bin/python b; uv run c; no-such-program; PATH=x y; Rscript z"
    try project.add("c", "number", code: CommandCode(patterns: [], line: "true; " + line))
    let facts = try #require(try project.plan().programs.first)
    #expect(facts.stage == "c")
    #expect(
      Array(facts.facts.recognised.prefix(4)) == [
        "/bin/sh", "python3 (bin/python3)", ".venv/bin/python with 2 distributions",
      ])
    let expected = [
      "python3 (bin/python3) is a script, which starts another that doesn't count: the packages that it imports "
        + "don't count. Use a virtual environment's, or list a lock file under 'code'",
      ".venv: extra.pth adds /opt/lib, whose modules don't count. List them under 'code'",
      ".venv: 'mine' is installed editable from /home/a/mine, whose files don't count. List them under 'code', or "
        + "install it without -e",
      "no-such-program was not found (looked for in PATH), so its content doesn't count. List it under 'code'",
      "$tool isn't known before it runs: what it starts doesn't count. Write the program's name, or list it under "
        + "'code'",
      "uv run chooses itself what it starts, which doesn't count. List its lock file under 'code'",
      "PATH=x: programs are looked up in Bobbin's own PATH all the same. Write their paths",
    ]
    for text in expected { #expect(facts.facts.unrecognised.contains(text), "\(facts.facts.unrecognised)") }
  }
}

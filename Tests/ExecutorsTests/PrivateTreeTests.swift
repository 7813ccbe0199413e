// Commands in trees of their own, run by real workers.

import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

private func write(_ text: String, _ path: String, in bench: Workbench, mode: Int = 0o644) throws -> TreeFile
{
  let url = bench.folder.appendingPathComponent(path)
  try FileManager.default.createDirectory(
    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
  try text.write(to: url, atomically: true, encoding: .utf8)
  try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: url.path)
  return TreeFile(place: path, source: url.path, role: .code(.of(text.utf8)))
}

private func input(_ name: String, _ file: TreeFile, at place: String? = nil) -> TreeFile {
  TreeFile(place: place ?? file.place, source: file.source, role: .input(name))
}

@Test func aPrivateTreeHoldsWhatIsDeclaredAndNothingElse() throws {
  let bench = try Workbench()
  let script = try write("#!/bin/sh\ncat data/a.txt\n", "scripts/show.sh", in: bench, mode: 0o755)
  let data = input("a", try write("data\n", "data/a.txt", in: bench))
  _ = try write("secret", "data/other.txt", in: bench)
  let line =
    "./scripts/show.sh > ${out.x}; find . -mindepth 1 | LC_ALL=C sort >> ${out.x}; cat ${in.a} >> ${out.x}"
  let job = bench.command(line, tree: [script, data], declared: ["a": "data/a.txt"], outputs: ["x"])
  #expect(
    try bench.success(job).texts["x"] == "data\n./data\n./data/a.txt\n./scripts\n./scripts/show.sh\ndata\n")
  // The input is the file itself, the code a copy.
  let look = bench.command(
    "readlink data/a.txt > ${out.x}; ! readlink scripts/show.sh; echo more >> scripts/show.sh",
    tree: [script, data], declared: ["a": "data/a.txt"], outputs: ["x"])
  #expect(try bench.success(look).texts["x"] == data.source + "\n")
  #expect(try String(contentsOfFile: script.source, encoding: .utf8) == "#!/bin/sh\ncat data/a.txt\n")
}

@Test func aFolderIsOnePathAndAPatternAreMany() throws {
  let bench = try Workbench()
  let (a, b) = (try write("1", "d/a.txt", in: bench), try write("2", "d/sub/b.txt", in: bench))
  let outside = input("far", a, at: "in/far/a.txt")
  let tree = [input("folder", a), input("folder", b), input("all", a), input("all", b), outside]
  let line =
    "cat ${in.folder}/a.txt ${in.all} ${in.far} > ${out.x}; for f in ${in.all}; do echo ${f##*/} >> ${out.x}; done"
    .replacing("${f##", with: "$${f##")
  let declared = ["folder": "d", "all": "d/**", "far": "in/far/a.txt"]
  #expect(
    try bench.success(bench.command(line, tree: tree, declared: declared, outputs: ["x"])).texts["x"]
      == "1121a.txt\nb.txt\n")
  // In the project's root it is given the files where they lie.
  var job = bench.command(line, declared: declared, outputs: ["x"])
  job.members[0].tree = tree
  #expect(try bench.success(job).texts["x"] == "1121a.txt\nb.txt\n")
}

@Test func codeThatWasEditedSinceItWasLookedAtIsNotRun() throws {
  let bench = try Workbench()
  let script = try write("echo old", "a.sh", in: bench)
  _ = try write("echo new", "a.sh", in: bench)
  let failure = try bench.typedFailure(bench.command("sh a.sh > ${out.x}", tree: [script], outputs: ["x"]))
  #expect(failure.cause == .input)
  #expect(
    failure.message == "a.sh was edited since this run looked at it, so it has another key now. Run again.")
}

@Test("an undeclared file is missing at once, and the error names the line to add")
func anUndeclaredFile() throws {
  let bench = try Workbench()
  for file in ["data/x 1.csv", "data/x.csv", "scripts/lib.py", "scripts/run.py"] {
    _ = try write("", file, in: bench)
  }
  func failure(_ line: String) throws -> String { try bench.failure(bench.command(line, tree: [])) }
  #expect(
    try failure("cat data/x.csv") == """
      the command ended with status 1
      data/x.csv is in the project, but this command doesn't declare it, so its private tree lacks it. Add \
      inputs: { x: data/x.csv }
        | cat: data/x.csv: No such file or directory
      """)
  #expect(try failure("sh ./scripts/run.py").contains("Add code: [scripts/run.py]\n"))
  // Places are said as they are in the project.
  #expect(try failure("sh \"$PWD/scripts/none.sh\"").contains("scripts/none.sh"))
  #expect(!(try failure("sh \"$PWD/scripts/none.sh\"").contains("/tree/")))
  // A word of the command, though what it prints says nothing.
  #expect(try failure("test -e data/x.csv").contains("Add inputs: { x: data/x.csv }"))
  #expect(try failure("cat \"$PWD/data/x.csv\"").contains("Add inputs: { x: data/x.csv }"))
  #expect(!(try failure("cat data/none.csv").contains("Add ")))
  // A Python module beside the script.
  let script = try write("", "scripts/main.py", in: bench)
  let line = "echo \"ModuleNotFoundError: No module named 'lib'\"; exit 1"
  #expect(
    try bench.failure(bench.command(line, tree: [script])).contains("Add code: [scripts/lib.py]"))
}

@Test func whatACommandLeavesBesideItsOutputsIsToldAndThrownAway() throws {
  let bench = try Workbench()
  let script = try write("", "a.py", in: bench)
  let line =
    "mkdir -p plots __pycache__; touch plots/a.png plots/b.png left.txt __pycache__/a.pyc; echo x > ${out.x}"
  _ = try bench.success(bench.command(line, tree: [script], outputs: ["x"]))
  #expect(
    bench.logText().hasSuffix(
      "\nbobbin: it left 3 files beside its outputs, thrown away now: left.txt, plots/a.png, plots/b.png\n"))
  #expect(!FileManager.default.fileExists(atPath: bench.folder.appendingPathComponent("left.txt").path))
  let many = "for i in 1 2 3 4 5 6 7 8 9 10 11; do touch f$i; done; echo x > ${out.x}"
  _ = try bench.success(bench.command(many, tree: [], outputs: ["x"]))
  #expect(bench.logText().contains("it left 11 files") && bench.logText().hasSuffix(" and 3 more\n"))
}

@Test func bashFailsWithAnyPartOfAPipe() throws {
  let bench = try Workbench()
  #expect(
    try bench.typedFailure(bench.command("false | true", shell: .bash)).cause == .exitStatus(1))
  let line = "x=(a b); echo $${x[1]} \"$1\" $# > ${out.x}"
  let job = bench.command(line, shell: .bash, arguments: ["it's ${out.x}", "", "${in.none}"], outputs: ["x"])
  let text = try #require(try bench.success(job).texts["x"])
  #expect(text.hasPrefix("b it's /") && text.hasSuffix("/out/x.txt 2\n"))
}

@Test func anyInterpreterGetsTheTextAndItsArguments() throws {
  let bench = try Workbench()
  let (artifact, path) = try bench.blob("input")
  let program = "BEGIN { while ((getline line < ARGV[1]) > 0) print line \" $${x} '\" ARGV[2] > ARGV[3] }"
  let job = bench.command(
    program, shell: .interpreter(["awk"]), arguments: ["${in.1}", "$(a) \"b\"", "${out.x}"], outputs: ["x"],
    inputs: ["1": [JobInput(artifact: artifact, labels: [], stage: "")]], files: [artifact.digest: path])
  #expect(try bench.success(job).texts["x"] == "input ${x} '$(a) \"b\"\n")
  #expect(
    try bench.failure(bench.command("x", shell: .interpreter(["no-such-program"])))
      == "shell: there is no program 'no-such-program' in PATH")
}

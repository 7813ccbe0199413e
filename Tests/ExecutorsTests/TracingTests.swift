// Commands that are traced, and commands in sandboxes, run by real workers.

import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

extension Workbench {
  /// What a file's content has to do with: a file of the project, written now.
  fileprivate func file(
    _ path: String, _ text: String, role: (String) -> TreeFile.Role = { .code(.of($0.utf8)) }
  )
    throws -> TreeFile
  {
    let url = folder.appendingPathComponent(path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: url, atomically: true, encoding: .utf8)
    return TreeFile(place: path, source: url.path, role: role(text))
  }

  fileprivate func traced(_ line: String, tree: [TreeFile]? = nil, outputs: [String] = ["x"]) -> Job {
    var job = command(line, tree: tree, outputs: outputs)
    job.set(["trace": true])
    return job
  }

  fileprivate func strict(
    _ line: String, tree: [TreeFile] = [], declared: [String: String] = [:], network: Bool = false,
    outputs: [String] = ["x"], environment: [String: String] = [:], time: Double? = nil
  ) -> Job {
    var job = command(
      line, tree: tree, declared: declared, outputs: outputs, environment: environment, time: time)
    job.set(["sandbox": "strict", "network": .bool(network)])
    return job
  }
}

extension Job {
  fileprivate mutating func set(_ parameters: [String: JSON]) {
    var action = members[0].action.json.objectValue ?? [:]
    action["parameters"] = .object((action["parameters"]?.objectValue ?? [:]).merging(parameters) { $1 })
    members[0].action = Action(json: .object(action))
  }
}

private func opened(_ facts: JSON, in bench: Workbench) throws -> (files: [String], absent: [String]) {
  let opened = try #require(facts["opened"].flatMap { OpenedFiles(json: $0) })
  let root = bench.folder.path + "/"
  func places(_ paths: some Sequence<String>) -> [String] {
    paths.map { $0.hasPrefix(root) ? String($0.dropFirst(root.count)) : $0 }.sorted()
  }
  return (places(opened.files.keys), places(opened.absent))
}

@Test func aTracedCommandTellsWhatItAndItsChildrenOpened() throws {
  let bench = try Workbench()
  let script = try bench.file(
    "scripts/main.sh", ". ./scripts/helper.sh; (cat data/x.csv; setsid cat data/y.csv)\n")
  for path in ["scripts/helper.sh", "data/x.csv", "data/y.csv", "data/other.csv"] {
    _ = try bench.file(path, "true\n")
  }
  var job = bench.traced(
    "sh scripts/main.sh > ${out.x}; test -e data/none.csv || echo n >> left.txt; cat left.txt")
  job.members[0].tree = [script]
  let facts = try bench.success(job).facts
  let (files, absent) = try opened(facts, in: bench)
  // The driver leaves out what is declared. What it writes is its own.
  #expect(files == ["data/x.csv", "data/y.csv", "scripts/helper.sh", "scripts/main.sh"])
  #expect(absent == ["data/none.csv"])
  // Who isn't traced tells nothing.
  #expect(
    try bench.success(bench.command("cat data/x.csv > ${out.x}", outputs: ["x"])).facts["opened"] == nil)
}

@Test func inATreeOfItsOwnOnlyWhatItOpensByOtherWaysIsUndeclared() throws {
  let bench = try Workbench()
  let data = try bench.file("data/a.txt", "a\n", role: { _ in .input("a") })
  let other = try bench.file("data/b.txt", "b\n")
  let line = "cat ${in.a} \"\(other.source)\" > ${out.x}; cat data/b.txt || true; echo s > s; cat s"
  var job = bench.traced(line, tree: [data])
  job.set(["inputs": ["a": "data/a.txt"]])
  let facts = try bench.success(job).facts
  #expect(try opened(facts, in: bench).files == ["data/b.txt"])
  #expect(
    bench.logText().contains(
      "bobbin: it looked for data/b.txt, which is in the project, but not declared. If it should be there, add "
        + "inputs: { b: data/b.txt }\n"))
}

@Test func modulesAreToldByTheFolderThatTheyAreInstalledIn() throws {
  let bench = try Workbench()
  for path in [
    "lib/site-packages/yaml/__init__.py", "lib/site-packages/six.py", "lib/site-packages/_x.cpython-311.so",
    "lib/site-packages/__pycache__/six.cpython-311.pyc", "lib/site-packages/a.pth",
    "lib/site-packages/six-1.16.dist-info/METADATA", "src/__pycache__/own.cpython-311.pyc", "src/own.py",
    "src/__pycache__/gone.cpython-311.pyc",
  ] { _ = try bench.file(path, "") }
  let line =
    "cd lib/site-packages; cat yaml/__init__.py __pycache__/*.pyc *.so a.pth six-*/METADATA > ${out.x}; cd ../..;"
    + "test -e src/own.py; cat src/__pycache__/*"
  let facts = try bench.success(bench.traced(line)).facts
  let told = try #require(facts["opened"].flatMap { OpenedFiles(json: $0) })
  #expect(told.modules == ["\(bench.folder.path)/lib/site-packages": ["yaml", "six", "_x"]])
  #expect(try opened(facts, in: bench).files == ["src/own.py"])
}

@Test func aTracedCommandPastItsTimeLimitIsEndedWithAllItStarted() throws {
  let bench = try Workbench()
  var job = bench.command(
    "trap '' TERM; (setsid sh -c 'while :; do cat none; done' 2>/dev/null & echo $! > daemon); echo $$ > shell; sleep 1000",
    outputs: ["x"], time: 1)
  job.set(["trace": true])
  #expect(try bench.typedFailure(job).cause == .time)
  #expect(!isAlive(try bench.process("daemon")))
  #expect(!isAlive(try bench.process("shell")))
}

// MARK: - Sandboxes

private func works(_ arguments: String) -> Bool { system("\(arguments) >/dev/null 2>&1") == 0 }
private let hasSandbox = works(
  "bwrap --unshare-pid --unshare-ipc --unshare-uts --unshare-net --ro-bind / / --proc /proc --dev /dev true")
private let without: Comment = "needs bubblewrap, and the right to make namespaces"

@Suite(.enabled(if: hasSandbox, without)) struct SandboxTests {
  let bench: Workbench
  init() throws { bench = try Workbench() }

  @Test func whatIsDeclaredIsThereAndNothingElse() throws {
    let script = try bench.file("scripts/run.sh", "cat data/a.txt; ls data scripts; ls \"$1\"\n")
    let data = try bench.file("data/a.txt", "a\n", role: { _ in .input("a") })
    _ = try bench.file("data/b.txt", "b\n")
    _ = try bench.file("README", "")
    let line = "sh scripts/run.sh \(bench.folder.path) > ${out.x}; cat ${in.a} >> ${out.x}"
    let job = bench.strict(line, tree: [script, data], declared: ["a": "data/a.txt"])
    #expect(
      try bench.success(job).texts["x"]
        == "a\na.txt\nrun.sh\ndata\nstore\na\n".replacing(
          "a.txt\nrun.sh", with: "data:\na.txt\n\nscripts:\nrun.sh"))
    // Neither its inputs nor the system can be written.
    for place in ["${in.a}", data.source, "/usr/x", "/etc/x"] {
      let job = bench.strict("echo x >> \(place)", tree: [data], declared: ["a": "data/a.txt"])
      #expect(try bench.failure(job).contains("Read-only file system"))
    }
    #expect(try String(contentsOfFile: data.source, encoding: .utf8) == "a\n")
  }

  @Test("Done-when 5: an undeclared file is refused, with the line to add")
  func anUndeclaredFile() throws {
    let helper = try bench.file("scripts/helper.sh", "echo secret\n")
    let outside = try Workbench()
    let far = try outside.file("far.csv", "")
    // By its name, by its path, and by a child that says nothing.
    for line in ["sh scripts/helper.sh", "cat \(helper.source)", "(cat \(helper.source) 2>/dev/null)"] {
      let failure = try bench.failure(bench.strict(line))
      #expect(
        failure.contains(
          """

          scripts/helper.sh is in the project, but this command doesn't declare it, so its private tree lacks it. Add \
          code: [scripts/helper.sh]
          """), "\(failure)")
      #expect(!failure.contains("secret"))
    }
    #expect(
      try bench.failure(bench.strict("cat \(far.source)")).contains(
        "\n\(far.source) is there, but this command doesn't declare it, so its sandbox lacks it. Add inputs: "
          + "{ far: \(far.source) }"))
    #expect(!(try bench.failure(bench.strict("cat none")).contains("Add ")))
    // Declared it is there.
    #expect(
      try bench.success(bench.strict("sh scripts/helper.sh > ${out.x}", tree: [helper])).texts["x"]
        == "secret\n")
  }

  @Test func thereIsNoNetworkUnlessItIsAskedFor() throws {
    let interfaces = "cut -d: -f1 -s /proc/net/dev | tr -d ' ' | sort | tr '\\n' ' ' > ${out.x}"
    #expect(try bench.success(bench.strict(interfaces)).texts["x"] == "lo ")
    let shared = try #require(try bench.success(bench.strict(interfaces, network: true)).texts["x"])
    let own = try #require(try bench.success(bench.command(interfaces, outputs: ["x"])).texts["x"])
    #expect(shared == own)
    #expect(
      try bench.failure(bench.strict("echo 'Network is unreachable'; exit 1"))
        .contains("\nIts sandbox has no network. Add network: true\n"))
  }

  @Test func itsEnvironmentIsCleanAndItsHomeEmpty() throws {
    let bench = try Workbench(environment: [
      "PATH": "/usr/bin:/bin", "HOME": "/root", "SECRET": "1", "OMP_DYNAMIC": "1",
    ])
    let job = bench.strict(
      "env | cut -d= -f1 | sort > ${out.x}; ls -A \"$HOME\" | wc -l >> ${out.x}; ls -d /root /home || true",
      environment: ["SEED": "1"])
    let text = try #require(try bench.success(job).texts["x"])
    #expect(
      text.split(separator: "\n").filter { !["_", "SHLVL", "PWD", "OLDPWD"].contains($0) } == [
        "BOBBIN_INPUTS", "BOBBIN_PROGRESS", "BOBBIN_WORKER", "HOME", "LANG", "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS", "PATH", "SEED", "TMPDIR", "0",
      ])
    for folder in ["/root", "/home"] {
      #expect(bench.logText().contains("ls: cannot access '\(folder)': No such file or directory"))
    }
  }

  @Test func anInterpreterOutsideTheSystemIsShownWithWhatBelongsToIt() throws {
    let bin = try bench.file(
      "opt/bin/tool", "#!/bin/sh\ncat \"$${0%/bin/tool}/lib/data\"\n".replacing("$$", with: "$"))
    chmod(bin.source, 0o755)
    _ = try bench.file("opt/lib/data", "from lib\n")
    let shown = TreeFile(place: "", source: bench.folder.path + "/opt", role: .installation)
    #expect(
      try bench.success(bench.strict("\(bin.source) > ${out.x}", tree: [shown])).texts["x"] == "from lib\n")
    #expect(try bench.failure(bench.strict("\(bin.source)")).contains("status 127"))
  }

  @Test func whateverItStartsEndsWithItsTimeAndWithItsWorker() throws {
    let line =
      "trap '' TERM; (setsid sleep 1000 & echo $! > ${out.x}); echo \"${out.x}\" > seen; sleep 1000"
    #expect(try bench.typedFailure(bench.strict(line, time: 1)).cause == .time)
    #expect(processes(mentioning: bench.folder).filter { $0 != getpid() }.isEmpty)
    var worker: pid_t?
    let message = try bench.failure(bench.strict(line)) { event in
      guard case .started = event, worker == nil else { return }
      try waitUntil { processes(mentioning: bench.folder).count >= 2 }
      let found = processes(mentioning: bench.folder).compactMap(parent).first { name($0) == "TestWorker" }
      let process: pid_t = try #require(found)
      worker = process
      kill(process, SIGKILL)
    }
    #expect(message.hasPrefix("killed by SIGKILL"))
    try waitUntil { processes(mentioning: bench.folder).isEmpty }
  }

  @Test func howItEndsIsSaidAsWithoutASandbox() throws {
    #expect(try bench.typedFailure(bench.strict("exit 7")).cause == .exitStatus(7))
    #expect(try bench.typedFailure(bench.strict("kill -SEGV $$")).cause == .exitStatus(139))
    let usage = try bench.success(
      bench.strict("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo $i > ${out.x}"))
    #expect((usage.facts["cpuSeconds"]?.doubleValue ?? 0) > 0)
  }

  @Test func whereAllOfAFolderIsDeclaredItIsShownAsAWhole() throws {
    var tree: [TreeFile] = []
    for n in 0..<80 {
      tree.append(try bench.file("data/all/\(n).txt", "\(n)\n", role: { _ in .input("all") }))
    }
    for n in 0..<2 {
      tree.append(try bench.file("data/some/\(n).txt", "\(n)\n", role: { _ in .input("some") }))
    }
    _ = try bench.file("data/some/hidden.txt", "")
    let line =
      "cat data/all/*.txt data/some/0.txt | wc -l > ${out.x}; ls \(bench.folder.path)/data/some >> ${out.x}"
    #expect(try bench.success(bench.strict(line, tree: tree)).texts["x"] == "81\n0.txt\n1.txt\n")
  }
}

@Test func withoutBubblewrapAStrictCommandIsRefusedBeforeItRuns() throws {
  let bench = try Workbench(environment: ["PATH": "/nowhere"])
  #expect(
    try bench.failure(bench.strict("/usr/bin/touch \(bench.folder.path)/ran")) == """
      sandbox: strict needs bubblewrap, and there is no bwrap in PATH. Install it (Debian, Ubuntu: apt-get install \
      bubblewrap), or leave out 'sandbox'
      """)
  let refusing = try bench.file(
    "bin/bwrap", "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n")
  chmod(refusing.source, 0o755)
  let other = try Workbench(environment: ["PATH": bench.folder.path + "/bin"])
  let failure = try other.failure(other.strict("/usr/bin/touch \(bench.folder.path)/ran"))
  #expect(
    failure.hasPrefix(
      "sandbox: strict can't be had here: bwrap: No permissions to create new namespace. Allow user namespaces "
    ))
  #expect(!FileManager.default.fileExists(atPath: bench.folder.path + "/ran"))
}

private func parent(of process: pid_t) -> pid_t? {
  guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
    let bracket = text.lastIndex(of: ")")
  else { return nil }
  return text[bracket...].split(separator: " ").dropFirst(2).first.flatMap { pid_t($0) }
}

private func name(_ process: pid_t) -> String {
  ((try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) ?? "")
    .trimmingCharacters(in: .newlines)
}

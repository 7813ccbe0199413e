// The command kind, run by real workers: what it does to processes is what matters.

import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

extension Workbench {
  /// A command with outputs `name: name.txt`.
  fileprivate func command(
    _ line: String, outputs names: [String] = [], inputs: [String: [JobInput]] = [:],
    files: [Digest: String] = [:], extensions: [String: String] = [:], environment: [String: String] = [:],
    time: Double? = nil
  ) -> Job {
    var job = job(
      "command",
      [
        "run": .string(line), "extensions": .object(extensions.mapValues(JSON.string)),
        "outputs": .object(Dictionary(uniqueKeysWithValues: names.map { ($0, .string("\($0).txt")) })),
      ], inputs: inputs, files: files, environment: environment, time: time)
    job.members[0].outputs = names.map {
      OutputDescription(name: $0, type: .file, help: "", fileName: "\($0).txt")
    }
    return job
  }

  /// A blob in a file, as an input.
  fileprivate func blob(_ text: String) throws -> (artifact: Artifact, path: String) {
    let path = folder.appendingPathComponent("blob-\(text.count)-\(Digest.of(text.utf8).hex.prefix(8))").path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return (Artifact(.blob, .of(text.utf8), size: text.utf8.count), path)
  }
}

@Test func aCommandReadsCopiesAndWritesItsOutputs() throws {
  let bench = try Workbench()
  let (artifact, path) = try bench.blob("input text")
  let job = bench.command(
    "pwd; case ${in.1} in *.csv) ;; *) exit 9;; esac; echo damage >> ${in.1}; cat \"${in.1}\" > ${out.result}",
    outputs: ["result"], inputs: ["1": [JobInput(artifact: artifact, labels: [], stage: "")]],
    files: [artifact.digest: path], extensions: ["1": "csv"])
  #expect(try bench.success(job).texts == ["result": "input textdamage\n"])
  #expect(try String(contentsOfFile: path, encoding: .utf8) == "input text")
  #expect(bench.logText().contains("\n\(bench.folder.path)\n"))
}

@Test func aGroupIsAListOfPathsAndAFolderIsAFolder() throws {
  let bench = try Workbench()
  let (a, pathA) = try bench.blob("a")
  let (b, pathB) = try bench.blob("bb")
  let manifest = Manifest(["x": a, "sub": Manifest(["y": b]).artifact])
  let (_, inner) = try bench.blob(Manifest(["y": b]).text)
  let (_, outer) = try bench.blob(manifest.text)
  func input(_ artifact: Artifact) -> JobInput { JobInput(artifact: artifact, labels: [], stage: "") }
  let job = bench.command(
    "cat ${in.1} ${in.2}/x ${in.2}/sub/y > ${out.result}", outputs: ["result"],
    inputs: ["1": [input(b), input(a), input(b)], "2": [input(manifest.artifact)]],
    files: [
      a.digest: pathA, b.digest: pathB, manifest.artifact.digest: outer,
      Manifest(["y": b]).artifact.digest: inner,
    ])
  #expect(try bench.success(job).texts == ["result": "bbabbabb"])
}

@Test func theShellsOwnBracesReachIt() throws {
  let bench = try Workbench()
  let job = bench.command("x=1; echo $${x} $x $$${x} '${out.result}' > ${out.result}", outputs: ["result"])
  let text = try #require(try bench.success(job).texts["result"])
  #expect(text.hasPrefix("1 1 "))
  #expect(text.hasSuffix("/out/result.txt\n"))
}

@Test func aCommandSeesAFixedEnvironmentAndWhatWasDeclared() throws {
  let bench = try Workbench(environment: [
    "PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "/x", "OMP_DYNAMIC": "1",
  ])
  let job = bench.command(
    "env | sort > ${out.result}", outputs: ["result"],
    environment: ["PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "2"])
  let text = try #require(try bench.success(job).texts["result"])
  let names = text.split(separator: "\n").map { $0.prefix { $0 != "=" } }.filter { $0 != "PWD" && $0 != "_" }
  #expect(
    names.filter { $0 != "SHLVL" && $0 != "OLDPWD" } == [
      "BOBBIN_WORKER", "HOME", "LANG", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH", "PYTHONHASHSEED",
      "TMPDIR",
    ])
  #expect(text.contains("OMP_NUM_THREADS=2\n"))
  #expect(text.contains("/store/scratch/"))
}

@Test func aCommandThatFailsSaysHowWithItsLastLines() throws {
  let bench = try Workbench()
  #expect(
    try bench.failure(bench.command("echo one; echo two >&2; exit 7"))
      == "the command ended with status 7\n  | one\n  | two")
  #expect(
    bench.logText() == "$ echo one; echo two >&2; exit 7\none\ntwo\nbobbin: the command ended with status 7\n"
  )
  let missing = try bench.failure(bench.command("no-such-program x"))
  #expect(missing.hasPrefix("the command ended with status 127 (a program was not found)\n"))
  #expect(missing.contains("no-such-program"))
  #expect(try bench.failure(bench.command("kill -SEGV $$")) == "the command was ended by SIGSEGV (11)")
}

@Test func aCommandWithoutItsOutputFails() throws {
  let bench = try Workbench()
  #expect(
    try bench.failure(bench.command("true", outputs: ["probe"])) == """
      it ended well but wrote no output 'probe' (the file probe.txt, which ${out.probe} names)
      """)
}

@Test func whatACommandLeavesRunningIsEndedBeforeItsOutputsAreRead() throws {
  let bench = try Workbench()
  let job = bench.command(
    """
    (setsid sh -c 'while :; do echo x >> ${out.result}; sleep 0.01; done' & echo $! > daemon)
    (env -i setsid sleep 1000 & echo $! > other)
    while [ ! -s ${out.result} ]; do sleep 0.01; done
    """, outputs: ["result"])
  _ = try bench.success(job)
  #expect(!isAlive(try bench.process("daemon")))
  #expect(!isAlive(try bench.process("other")))
}

@Test func aCommandsDaemonsDieWithAKilledWorker() throws {
  let bench = try Workbench()
  let line = "(setsid sleep 1000 & echo $! > daemon); echo $$ > shell; echo $PPID > worker; sleep 1000"
  var killed = false
  let message = try bench.failure(bench.command(line)) { _ in
    if killed { return }
    killed = true
    kill(try bench.process("worker"), SIGKILL)
  }
  #expect(message.hasPrefix("killed by SIGKILL"))
  #expect(!isAlive(try bench.process("daemon")))
  #expect(!isAlive(try bench.process("shell")))
}

@Test func aCommandPastItsTimeLimitIsEndedWithAllItStarted() throws {
  let bench = try Workbench()
  let line = "trap '' TERM; (setsid sleep 1000 & echo $! > daemon); echo $$ > shell; sleep 1000"
  let message = try bench.failure(bench.command(line, time: 0.5))
  #expect(message.hasPrefix("ended after 0.5 s, its time limit"))
  #expect(!isAlive(try bench.process("daemon")))
  #expect(!isAlive(try bench.process("shell")))
}

@Test func aCommandCanNotReachTheWorkersChannel() throws {
  let bench = try Workbench()
  let job = bench.command("ls /proc/self/fd > ${out.result}; cat; echo", outputs: ["result"])
  // Besides its three, ls has the folder open.
  #expect(try bench.success(job).texts["result"] == "0\n1\n2\n3\n")
}

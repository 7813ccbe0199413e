// The command kind, run by real workers: what it does to processes is what matters.

import Canonical
import ContentStore
import Executors
import Foundation
import Stages
import Testing
import Workflow

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
      "BOBBIN_INPUTS", "BOBBIN_PROGRESS", "BOBBIN_WORKER", "HOME", "LANG", "OMP_NUM_THREADS",
      "OPENBLAS_NUM_THREADS", "PATH",
      "PYTHONHASHSEED",
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

@Test("H2, F6: a line that fails fails the command")
func aFailingLineFails() throws {
  let bench = try Workbench()
  let failure = try bench.typedFailure(bench.command("false\necho made > ${out.x}", outputs: ["x"]))
  #expect(failure.cause == .exitStatus(1))
  // What asks for a status may have one, and of a pipe the last part counts.
  let line = "if false; then exit 3; fi; false || true; false | true; echo made > ${out.x}"
  #expect(try bench.success(bench.command(line, outputs: ["x"])).texts == ["x": "made\n"])
}

@Test func howACommandEndedIsTyped() throws {
  let bench = try Workbench()
  #expect(try bench.typedFailure(bench.command("exit 7")).cause == .exitStatus(7))
  #expect(try bench.typedFailure(bench.command("kill -SEGV $$")).cause == .signal(11))
  #expect(try bench.typedFailure(bench.command("sleep 100", time: 0.2)).cause == .time)
  let killed = try bench.typedFailure(bench.command("sh -c 'kill -KILL $$'; true"))
  #expect(killed.cause == .exitStatus(137))
  #expect(
    killed.message.hasPrefix(
      "the command ended with status 137 (a program in it was ended by SIGKILL (9): somebody killed it, or memory "
        + "ran out)"))
  #expect(
    try bench.failure(bench.command("sh -c 'kill -USR1 $$'; true")).contains("(a program in it was ended by"))
}

@Test("H16: a limit of the shell that ends something is named")
func aLimitIsNamed() throws {
  let bench = try Workbench()
  // Our own limit: what a worker starts has it from whoever started us.
  let line = "ulimit -f 1; head -c 100000 /dev/zero > ${out.x}"
  let failure = try bench.failure(bench.command(line, outputs: ["x"]))
  #expect(failure.hasPrefix("the command ended with status 153 (a program in it was ended by SIGXFSZ (25)"))
}

@Test("H16: an output that is a link out of its folder is refused")
func anOutputThatLeadsOut() throws {
  let bench = try Workbench()
  let failure = try bench.failure(bench.command("ln -s /etc/hostname ${out.x}", outputs: ["x"]))
  #expect(
    failure.hasPrefix("output 'x' is a symbolic link to /etc/hostname, out of its folder. Copy the file"))
  let line = "echo here > $TMPDIR/y; ln -s $TMPDIR/y ${out.x}"
  #expect(try bench.success(bench.command(line, outputs: ["x"])).texts == ["x": "here\n"])
}

@Test("H16: a NUL in a command is refused when the file is read")
func aNULInACommand() {
  let kind = KindDescription(Stages.Command.self, code: CodeManifest(files: [:]))
  for (name, value) in [("run", "echo a\0b"), ("outputs", "")] {
    let place = Place(file: "x.yaml", line: 7, column: 3)
    var members = [RawValue.Member(name: name, place: place, value: .scalar(value, quoted: true, place))]
    if name == "outputs" {
      let file = RawValue.Member(name: "x", place: place, value: .scalar("a\0b", quoted: true, place))
      let run = RawValue.Member(name: "run", place: place, value: .scalar("true", quoted: true, place))
      members = [run, RawValue.Member(name: name, place: place, value: .map([file], place))]
    }
    #expect {
      try kind.decode(members, at: place)
    } throws: {
      "\($0)".hasPrefix("x.yaml:7:3: ") && "\($0)".contains("NUL")
    }
  }
}

@Test("F1: what a command wrote arrives in the form of its type, or is refused with what is wrong with it")
func aTypedOutput() throws {
  let bench = try Workbench()
  func job(_ line: String) -> Job {
    var job = bench.command(line, outputs: ["n"])
    job.members[0].outputs = [
      OutputDescription(name: "n", type: ArtifactType("count"), help: "", fileName: "n.txt")
    ]
    return job
  }
  let good = job("printf '4\\n5\\n' > ${out.n}")
  let received = try #require(try bench.success(good).artifacts["n"])
  let store = try Store.open(at: URL(fileURLWithPath: good.store))
  #expect(
    try store.entries(of: received.digest).mapValues {
      String(decoding: try store.read($0.digest), as: UTF8.self)
    } == ["count": "2", "sum": "9"])
  let failure = try bench.typedFailure(job("echo four > ${out.n}"))
  #expect(failure.cause == .invalidValue)
  #expect(
    failure.message
      == "output 'n': n.txt is to be count (whole numbers, one a line): 'four' is not a whole number")
}

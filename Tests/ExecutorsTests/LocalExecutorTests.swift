import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

@Test func aJobsOutputsLogAndFactsComeBack() throws {
  let bench = try Workbench()
  let result = try bench.success(bench.job("say", ["text": "hello"], outputs: ["words"]))
  #expect(result.texts == ["words": "hello"])
  #expect(result.artifacts["words"] == Artifact(.blob, .of("hello".utf8), size: 5))
  #expect(bench.logText() == "saying hello\n")
  #expect(result.facts["versions"] == ["answer": 42])
  #expect(result.facts["host"]?.stringValue?.isEmpty == false)
  #expect(result.facts["instructionSet"]?.stringValue?.isEmpty == false)
  #expect(try #require(result.facts["peakMemory"]?.intValue) > 1 << 20)
  #expect(result.facts["cpuSeconds"]?.doubleValue != nil)
  #expect(result.facts["started"]?.stringValue?.hasSuffix("Z") == true)
}

@Test func threadsAreGrantedWhileAJobRuns() throws {
  let bench = try Workbench()
  var job = bench.job("threads", ["awaited": 5], outputs: ["counts"])
  job.threads = 3
  let results = try bench.run(job) { event in
    if case .started = event { bench.executor.grant(5, to: job.id) }
  }
  #expect(try bench.success(try #require(results[0]), of: job).texts == ["counts": "3 5"])
  // What a job was granted that is over means nothing to the next one.
  bench.executor.grant(9, to: job.id)
  let next = bench.job("threads", id: 1, ["awaited": 1], outputs: ["counts"])
  let result = try #require(try bench.run(next)[1])
  #expect(try bench.success(result, of: next).texts == ["counts": "3 5 1 1"])
}

@Test(
  arguments: [
    ("max 100000\n", nil), ("200000 100000\n", 2), ("250000 100000\n", 2), ("50000 100000\n", 1), ("", nil),
  ] as [(String, Int?)])
func aControlGroupsShareIsWholeCores(_ text: String, _ cores: Int?) {
  #expect(Machine.wholeCores(text) == cores)
}

@Test func thePeakOfMemoryIsThatOfTheJobAlone() throws {
  let bench = try Workbench()
  let large = try bench.success(bench.job("say", ["text": "x", "memory": 300_000_000], outputs: ["words"]))
  let small = try bench.success(bench.job("say", ["text": "x"], outputs: ["words"]))
  #expect(try #require(large.facts["peakMemory"]?.intValue) > 300_000_000)
  #expect(try #require(small.facts["peakMemory"]?.intValue) < 300_000_000)
}

@Test func inputsKeepTheirLabelsAndLinksAreNotCopied() throws {
  let bench = try Workbench()
  let a = bench.folder.appendingPathComponent("a")
  let file = bench.folder.appendingPathComponent("file")
  try Data("A".utf8).write(to: a)
  try Data("outside".utf8).write(to: file)
  let artifact = Artifact(.blob, .of("A".utf8), size: 1)
  let input = JobInput(artifact: artifact, labels: [Label(axis: "seed", value: "1")], stage: "model")
  let job = bench.job(
    "reader", outputs: ["folder"], inputs: ["parts": [input]], files: [artifact.digest: a.path],
    externals: ["file": file.path])
  guard case .success(let artifacts, let blobs, _)? = try bench.run(job)[0] else {
    Issue.record("it failed")
    return
  }
  let text = "outside model[seed=1]A"
  let manifest = Manifest(["text": Artifact(.blob, .of(text.utf8), size: text.utf8.count), "part0": artifact])
  #expect(artifacts == ["folder": manifest.artifact])
  #expect(Set(blobs.map(\.digest)) == [.of(text.utf8), manifest.artifact.digest])
}

@Test func aWorkerIsUsedAgainAndAlwaysComputesOnOneThread() throws {
  let bench = try Workbench()
  let first = try JSON(
    parsing: try #require(try bench.success(bench.job("surroundings", outputs: ["seen"])).texts["seen"]))
  let second = try JSON(
    parsing: try #require(try bench.success(bench.job("surroundings", outputs: ["seen"])).texts["seen"]))
  #expect(first["process"] == second["process"])
  #expect(first["thread"] == second["thread"])
  #expect(first["depth"] == 40_000)
  #expect(first["scratch"] == second["scratch"])
}

@Test func aWorkersEnvironmentIsFixed() throws {
  let outside = [
    "PATH": "/usr/bin:/bin", "HOME": "/somewhere", "TMPDIR": "/var/tmp", "LANG": "de_DE",
    "OMP_DYNAMIC": "true",
    "OMP_NUM_THREADS": "7", "OPENBLAS_CORETYPE": "Haswell", "DNNL_MAX_CPU_ISA": "AVX2", "MKL_THREADS": "3",
    "ONEDNN_VERBOSE": "1", "LD_PRELOAD": "", "SECRET": "x",
  ]
  let bench = try Workbench(environment: outside)
  let job = bench.job("surroundings", outputs: ["seen"], environment: ["DECLARED": "for commands only"])
  let seen = try JSON(parsing: try #require(try bench.success(job).texts["seen"]))
  var environment = try #require(seen["environment"]?.objectValue)
  #expect(environment.removeValue(forKey: "BOBBIN_WORKER") != nil)
  #expect(
    environment == [
      "PATH": "/usr/bin:/bin", "HOME": "/somewhere", "TMPDIR": "/var/tmp", "LANG": "C.UTF-8",
      "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
      "SWIFT_BACKTRACE": "color=no,registers=none,images=none",
    ])
  #expect(seen["group"] == seen["process"])
  #expect(seen["input"] == 0)
  #expect(seen["oom"]?.stringValue?.trimmingCharacters(in: .newlines) == "1000")
}

@Test func jobsRunSideBySideUpToTheLimit() throws {
  let bench = try Workbench(jobs: 2)
  var running = 0
  var most = 0
  let jobs = (0..<5).map { bench.job("say", id: $0, ["text": "x", "seconds": 0.05], outputs: ["words"]) }
  _ = try bench.run(jobs[0], jobs[1], jobs[2], jobs[3], jobs[4]) { event in
    if case .started = event { running += 1 }
    if case .finished(_, let result, let seconds) = event {
      running -= 1
      #expect(seconds >= 0.05)
      guard case .success = result else { Issue.record("it failed"); return }
    }
    most = max(most, running)
  }
  #expect(most == 2)
}

@Test func progressIsThinnedAndCarriesItsDetails() throws {
  let bench = try Workbench()
  var seen: [Workflow.Progress] = []
  let job = bench.job("say", ["text": "x", "reports": 100_000, "seconds": 0.05], outputs: ["words"])
  _ = try bench.run(job) { if case .progress(_, let progress) = $0 { seen.append(progress) } }
  #expect((1...20).contains(seen.count))
  #expect(seen.first?.fraction == 0)
  #expect(seen.first?.detail.first?.name == "step")
  #expect(seen.first?.detail.first?.value == "0/100000")
}

@Test func aStageThatThrowsFailsWithItsWordsInMessageAndLog() throws {
  let bench = try Workbench()
  #expect(try bench.failure(bench.job("ending", ["how": "throw"])) == "layer3.0: loss is NaN (throw)")
  #expect(bench.logText() == "about to end\nbobbin: layer3.0: loss is NaN (throw)\n")
  let file = try bench.failure(bench.job("ending", ["how": "file"]))
  #expect(file.contains("/nowhere/at/all"))
  #expect(!file.contains("Domain"))
}

@Test func anOutputThatWasNotWrittenIsNamed() throws {
  let bench = try Workbench()
  let message = try bench.failure(bench.job("forgetful", outputs: ["one", "other"]))
  #expect(message == "it ended well but wrote no output 'other'")
}

@Test func anUnknownKindFails() throws {
  let bench = try Workbench()
  #expect(try bench.failure(bench.job("nonsense")).contains("\"nonsense\""))
}

@Test func aJobPastItsTimeLimitIsEnded() throws {
  let bench = try Workbench()
  let start = Date()
  let message = try bench.failure(
    bench.job("say", ["text": "x", "seconds": 100, "busy": true], outputs: ["words"], time: 0.3))
  #expect(message == "ended after 0.3 s, its time limit (resources: time)\nlog: \(bench.log)")
  #expect(Date().timeIntervalSince(start) < 3)
  _ = try bench.success(bench.job("say", ["text": "next"], outputs: ["words"]))
}

@Test func aWorkerThatCannotBeStartedIsAnErrorAtOnce() throws {
  let bench = try Workbench(worker: "/nowhere/bobbin")
  #expect(throws: ExecutorError.self) { try bench.executor.submit(bench.job("say", ["text": "x"])) }
}

@Test func aWorkerThatDiesWhileStartingFailsItsJobWithWhatItSaid() throws {
  let bench = try Workbench(arguments: ["broken"])
  #expect(try bench.failure(bench.job("say", ["text": "x"])).contains("this worker can't start"))
}

// What workers tell of their work: progress, facts, failures by type, messages of any length.

import Canonical
import ContentStore
import Executors
import Foundation
import Synchronization
import Testing
import Workflow

@Test(
  "A18: progress that is no number stops nothing, and the log says so once", arguments: ["nan", "infinite"])
func progressThatIsNone(_ first: String) throws {
  let bench = try Workbench()
  var seen: [Double] = []
  _ = try bench.run(bench.job("reporter", ["first": .string(first)])) {
    if case .progress(_, let progress) = $0 { seen.append(progress.fraction) }
  }
  #expect(seen == [])
  #expect(
    bench.logText() == "bobbin: progress of \(first == "nan" ? "nan" : "inf") was reported, and ignored\n")
}

@Test func progressStaysWithinItsBounds() throws {
  let bench = try Workbench()
  var seen: [Double] = []
  _ = try bench.run(bench.job("reporter", ["first": "high"])) {
    if case .progress(_, let progress) = $0 { seen.append(progress.fraction) }
  }
  #expect(seen == [1])
}

@Test("F9: the log has a line for each epoch")
func epochsStandInTheLog() throws {
  let bench = try Workbench()
  _ = try bench.success(bench.job("reporter", ["first": "", "epochs": 2]))
  #expect(bench.logText() == "epoch 1/2, loss 0.9\nepoch 2/2, loss 1.9\n")
}

@Test func aCommandsLinesOfProgressShowLikeANativeStages() throws {
  let bench = try Workbench()
  let go = bench.folder.appendingPathComponent("go").path
  let line = """
    printf '{"progress": 0.25, "loss": 0.123456, "epoch": "1/4", "model": null, "step": 7}\\n' >> "$BOBBIN_PROGRESS"
    while [ ! -e '\(go)' ]; do sleep 0.01; done
    """
  var seen: [Workflow.Progress] = []
  _ = try bench.run(bench.command(line)) { event in
    guard case .progress(_, let progress) = event else { return }
    seen.append(progress)
    // It is seen while the command runs, or this would never end.
    try Data().write(to: URL(fileURLWithPath: go))
  }
  #expect(seen.map(\.fraction) == [0.25])
  #expect(seen.first?.detail.map { "\($0.name) \($0.value)" } == ["loss 0.1235", "epoch 1/4", "step 7"])
  #expect(bench.logText() == "loss 0.1235, epoch 1/4, step 7\n")
}

@Test func halfLinesAndNonsenseOfProgressStopNothing() throws {
  let bench = try Workbench()
  let line = """
    p=$BOBBIN_PROGRESS
    printf 'epoch 1\\n[1]\\n{"progress": "much"}\\n{"progress": NaN}\\n\\n' >> $p
    head -c 300000 /dev/zero | tr '\\0' '{' >> $p; echo >> $p
    printf '{"epoch": ' >> $p; printf '"2/4"}\\n{"progress": 7, "epoch": "3/4"}' >> $p
    """
  _ = try bench.success(bench.command(line))
  let lines = bench.logText().split(separator: "\n")
  #expect(
    lines.filter { $0.hasPrefix("bobbin: ") } == [
      "bobbin: a line of BOBBIN_PROGRESS is ignored: expected JSON such as {\"progress\": 0.3, \"loss\": 0.12}, found "
        + "epoch 1"
    ])
  #expect(lines.last == "epoch 3/4")
  // A folder, a pipe, or nothing in its place.
  for what in ["mkdir $BOBBIN_PROGRESS", "mkfifo $BOBBIN_PROGRESS", "true"] {
    _ = try bench.success(bench.command(what))
  }
}

@Test(
  "F9: a log has about 200 lines of progress, evenly, and each of a few", arguments: [5, 200, 3000, 100_000])
func linesOfProgressAreThinnedEvenly(_ epochs: Int) throws {
  let lines = Mutex<[String]>([])
  let reports = ProgressReports(send: { _ in }, write: { line in lines.withLock { $0.append(line) } })
  for epoch in 1...epochs {
    for step in 1...2 {
      reports.report(
        Progress(
          fraction: (Double(epoch - 1) + Double(step) / 2) / Double(epochs),
          detail: [("epoch", "\(epoch)"), ("step", "\(step)")]))
    }
  }
  reports.end()
  let written = lines.withLock { $0 }
  let numbers = try written.map { try #require(Int($0.dropFirst("epoch ".count).prefix { $0 != "," })) }
  #expect(written.allSatisfy { $0.hasSuffix(", step 2") })
  #expect(numbers.last == epochs)
  #expect(epochs <= 5 ? numbers.count == epochs : (190...201).contains(numbers.count), "\(numbers.count)")
  let gaps = zip(numbers.dropFirst(), numbers).map { $0 - $1 }.dropLast()
  #expect(gaps.max()! - gaps.min()! <= 1, "\(gaps)")
}

@Test("A23: a command's peak of memory and processor time are its own")
func aCommandsFactsAreItsOwn() throws {
  let bench = try Workbench()
  _ = try bench.success(bench.job("say", ["text": "x", "kept": 300_000_000], outputs: ["words"]))
  let small = try bench.success(bench.command("echo > ${out.x}", outputs: ["x"]))
  if let peak = small.facts["peakMemory"]?.intValue { #expect(peak < 300_000_000) }
  #expect(try #require(small.facts["cpuSeconds"]?.doubleValue) < 0.1)
  let fresh = try Workbench()
  let line = "x=$(head -c 100000000 /dev/zero | tr '\\0' a); echo ${#x} > ${out.x}"
  let large = try fresh.success(fresh.command(line, outputs: ["x"]))
  #expect(try #require(large.facts["peakMemory"]?.intValue) > 100_000_000)
  #expect(try #require(large.facts["cpuSeconds"]?.doubleValue) > 0.02)
}

@Test func theFactsNameMachineAndProgram() throws {
  let bench = try Workbench()
  let facts = try bench.success(bench.job("say", ["text": "x"], outputs: ["words"])).facts
  #expect(facts["program"] == "test worker 1")
  #expect(try #require(facts["kernel"]?.stringValue).hasPrefix("Linux "))
  #expect(try #require(facts["cLibrary"]?.stringValue).hasPrefix("glibc 2."))
}

@Test("A4: a job that is too long to be said fails, and nothing else does")
func aJobThatIsTooLong() throws {
  let bench = try Workbench(longestMessage: 20_000)
  let long = bench.job(
    "say", id: 0, ["text": .string(String(repeating: "x", count: 20_000))], outputs: ["words"])
  let results = try bench.run(long, bench.job("say", id: 1, ["text": "short"], outputs: ["words"]))
  guard case .failure(let failure)? = results[0], case .success? = results[1] else {
    Issue.record("not just the long one failed: \(results)")
    return
  }
  #expect(failure.cause == .input)
  #expect(failure.message.contains("reads too many files"))
}

@Test("A4: a result that is too long to be told is a failure, and says how to mend it")
func aResultThatIsTooLong() throws {
  let blob = WrittenBlob(
    StoredBlob(digest: .of("x".utf8), size: 1, codec: .raw, storedDigest: .of("x".utf8), storedSize: 1))
  let result = JobResult.success(artifacts: [:], blobs: Array(repeating: blob, count: 100), facts: [:])
  let message = WorkerMessage.finished(instance: 7, result, seconds: 1)
  #expect(message.framed().count > 5000)
  let bytes = message.framed(longest: 5000)
  var buffer = MessageBuffer()
  buffer.append(bytes)
  let read = try #require(try buffer.next().flatMap { try WorkerMessage(json: $0) })
  guard case .finished(7, .failure(let failure), 1) = read else {
    Issue.record("read as \(read)")
    return
  }
  #expect(failure.message.contains("100 files and folders"))
}

@Test func unknownMessagesAreIgnored() throws {
  #expect(try WorkerMessage(json: ["checkpoint": 3]) == nil)
  #expect(try DriverMessage(json: ["threads": 4]) == nil)
  #expect(throws: ProtocolError.self) { try WorkerMessage(json: ["finished": 3]) }
}

@Test("H5, A6: a log that can't be written stops nothing, and the result says so")
func aLogThatCannotBeWritten() throws {
  let bench = try Workbench()
  var job = bench.job("say", ["text": "x"], outputs: ["words"])
  job.members[0].log = "/dev/full"
  let result = try bench.success(job)
  #expect(result.texts == ["words": "x"])
  #expect(
    result.facts["logProblem"]
      == "/dev/full: the log isn't whole: what was printed is partly lost")
  job.members[0].log = "/proc/nowhere/log"
  #expect(try bench.success(job).facts["logProblem"]?.stringValue?.hasPrefix("/proc/nowhere/log: ") == true)
  job = bench.command("echo lost; echo > ${out.x}", outputs: ["x"])
  job.members[0].log = "/dev/full"
  #expect(try bench.failure(job).hasPrefix("the command ended with status "))
}

import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

@Test func aKilledWorkerFailsItsOneJobAndIsReplaced() throws {
  let bench = try Workbench(jobs: 2)
  let results = try bench.run(
    bench.job("ending", id: 0, ["how": "kill"]),
    bench.job("say", id: 1, ["text": "beside", "seconds": 0.3], outputs: ["words"]),
    bench.job("say", id: 2, ["text": "after"], outputs: ["words"]))
  guard case .failure(let failure)? = results[0], case .success? = results[1], case .success? = results[2]
  else {
    Issue.record("not just the killed one failed: \(results)")
    return
  }
  #expect(
    failure.message == """
      killed by SIGKILL (9): somebody killed it, or memory ran out
        | about to end
      log: \(bench.log)
      """)
  #expect(bench.logText().hasSuffix("bobbin: killed by SIGKILL (9): somebody killed it, or memory ran out\n"))
}

@Test func aCrashIsNamedWithWhatItPrinted() throws {
  let bench = try Workbench()
  let trap = try bench.failure(bench.job("ending", ["how": "trap"]))
  #expect(trap.hasPrefix("crashed with "))
  #expect(trap.contains("trapped on purpose"))
  let exit = try bench.failure(bench.job("ending", ["how": "exit"]))
  #expect(exit.hasPrefix("its process ended with status 3 in the middle of the work"))
}

@Test func whatAKilledWorkerStartedIsEnded() throws {
  let bench = try Workbench()
  _ = try bench.failure(bench.job("ending", ["how": "child"]))
  let child = try String(contentsOf: bench.folder.appendingPathComponent("child"), encoding: .utf8)
  #expect(!isAlive(try #require(pid_t(child))))
}

@Test func shutdownEndsWorkInProgressAtOnce() throws {
  let bench = try Workbench(jobs: 2)
  try bench.executor.submit(
    bench.job("say", id: 0, ["text": "x", "seconds": 1000, "busy": true], outputs: ["words"]))
  let line = "(setsid sleep 1000 & echo $! > daemon); sleep 1000"
  try bench.executor.submit(bench.job("command", id: 1, ["run": .string(line), "workdir": "project"]))
  let daemon = try bench.process("daemon")
  #expect(isAlive(daemon))
  let start = Date()
  bench.executor.shutdown()
  #expect(Date().timeIntervalSince(start) < 1)
  #expect(!isAlive(daemon))
  #expect(processes(mentioning: bench.folder) == [])
  while let event = bench.events.next(timeout: 0.1) {
    if case .finished = event { Issue.record("a result after the shutdown") }
  }
  #expect(throws: ExecutorError.self) { try bench.executor.submit(bench.job("say", ["text": "x"])) }
  let scratch = bench.folder.appendingPathComponent("store/scratch").path
  #expect(try FileManager.default.contentsOfDirectory(atPath: scratch) == [])
}

@Test("H16: shutdown ends stopped workers at once")
func shutdownEndsStoppedWorkers() throws {
  let bench = try Workbench()
  let line = "(setsid sleep 1000 & echo $! > daemon); echo $PPID > worker; sleep 1000"
  try bench.executor.submit(bench.command(line))
  let daemon = try bench.process("daemon")
  let worker = try bench.process("worker")
  kill(worker, SIGSTOP)
  try waitUntil { state(of: worker) == "T" }
  let start = Date()
  bench.executor.shutdown()
  // Before the patience with those that don't end is over.
  #expect(Date().timeIntervalSince(start) < 1.5)
  #expect(!isAlive(worker) && !isAlive(daemon))
}

/// `R`, `S`, `T` for stopped …
private func state(of process: pid_t) -> String? {
  let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
  return text.flatMap {
    $0[$0.lastIndex(of: ")")!...].split(separator: " ").dropFirst().first.map(String.init)
  }
}

@Test("H16: a killed driver leaves no process, though all of them were stopped", arguments: [false, true])
func aKilledDriverLeavesNoProcess(stopped: Bool) throws {
  let bench = try Workbench()
  let driver = Process()
  driver.executableURL = URL(fileURLWithPath: Workbench.worker)
  driver.arguments = ["drive", bench.folder.path]
  try driver.run()
  let daemon = try bench.process("daemon")
  let shell = try bench.process("shell")
  let pool = children(of: driver.processIdentifier)
  #expect(pool.count == 2)
  #expect(isAlive(daemon) && isAlive(shell))
  if stopped {
    for process in pool + [shell, daemon] { kill(process, SIGSTOP) }
    try waitUntil { pool.allSatisfy { state(of: $0) == "T" } }
  }
  kill(driver.processIdentifier, SIGKILL)
  try waitUntil { !isAlive(daemon) && !isAlive(shell) && !pool.contains(where: isAlive) }
}

@Test func aKilledWorkersFolderIsSweptByTheNext() throws {
  let bench = try Workbench()
  _ = try bench.failure(bench.job("ending", ["how": "kill"]))
  let scratch = bench.folder.appendingPathComponent("store/scratch").path
  let left = try FileManager.default.contentsOfDirectory(atPath: scratch)
  #expect(left.count == 1)
  _ = try bench.success(bench.job("say", ["text": "x"], outputs: ["words"]))
  let now = try FileManager.default.contentsOfDirectory(atPath: scratch)
  #expect(now.count == 1 && now != left)
}

private func children(of parent: pid_t) -> [pid_t] {
  let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { pid_t($0) } ?? []
  return all.filter { process in
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let bracket = text.lastIndex(of: ")")
    else { return false }
    return text[bracket...].split(separator: " ")[2] == "\(parent)" && isAlive(process)
  }
}

@Test func whatIsNotBobbinsStaysInTheScratchFolder() throws {
  // H1: every folder that nobody had locked was removed, through links too.
  let bench = try Workbench()
  let scratch = bench.folder.appendingPathComponent("store/scratch")
  let files = FileManager.default
  let other = bench.folder.appendingPathComponent("other")
  for folder in ["2024-results", "thesis", "17-1f"] {
    try files.createDirectory(at: scratch.appending(path: folder), withIntermediateDirectories: true)
    try Data([1]).write(to: scratch.appending(path: "\(folder)/precious"))
  }
  try files.createDirectory(at: other, withIntermediateDirectories: false)
  try Data([1]).write(to: other.appending(path: "precious"))
  try files.createSymbolicLink(
    at: scratch.appending(path: "elsewhere-0123abcd-4026531836-17-1f"), withDestinationURL: other)
  _ = try bench.success(bench.job("surroundings", outputs: ["seen"]))
  for place in ["store/scratch/2024-results", "store/scratch/thesis", "store/scratch/17-1f", "other"] {
    #expect(files.fileExists(atPath: bench.folder.appending(path: "\(place)/precious").path), "\(place)")
  }
}

// Limits of memory, kept by a control group where this process may make one, and by the pool otherwise.

import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

/// A command that holds this many megabytes, and nothing but a shell and its tools.
private func hold(_ megabytes: Int) -> String {
  "x=$(head -c \(megabytes)000000 /dev/zero | tr '\\0' a); echo ${#x} > ${out.size}"
}

@Test("what takes more memory than it said is ended, and told so", arguments: [true, false])
func aCommandOverItsMemory(controlGroups: Bool) throws {
  let bench = try Workbench(usesControlGroups: controlGroups)
  let failure = try bench.typedFailure(
    bench.command(hold(200) + "; sleep 1000", outputs: ["size"], memory: 100 << 20))
  #expect(failure.cause == .memory)
  #expect(failure.message.hasPrefix("ended: it used more than its 100M of memory (resources: memory)"))
  #expect(bench.logText().contains("bobbin: ended: it used more than its 100M"))
  #expect(processes(mentioning: bench.folder).filter { isCommand($0) } == [])
}

@Test("what stays within its memory runs", arguments: [true, false])
func aCommandWithinItsMemory(controlGroups: Bool) throws {
  let bench = try Workbench(usesControlGroups: controlGroups)
  let result = try bench.success(bench.command(hold(20), outputs: ["size"], memory: 400 << 20))
  #expect(result.texts == ["size": "20000000\n"])
}

@Test("the whole tree of a command counts", arguments: [true, false])
func aTreeOverItsMemory(controlGroups: Bool) throws {
  let bench = try Workbench(usesControlGroups: controlGroups)
  let part = "(x=$(head -c 40000000 /dev/zero | tr '\\0' a); sleep 1000; echo ${#x}) &\n"
  let line = String(repeating: part, count: 5) + "wait; echo > ${out.size}"
  let failure = try bench.typedFailure(bench.command(line, outputs: ["size"], time: 60, memory: 150 << 20))
  #expect(failure.cause == .memory)
}

@Test("a worker over its memory is replaced", arguments: [true, false])
func aWorkerOverItsMemory(controlGroups: Bool) throws {
  let bench = try Workbench(usesControlGroups: controlGroups)
  let failure = try bench.typedFailure(
    bench.job(
      "say", ["text": "x", "kept": 400_000_000, "seconds": 60], outputs: ["words"], memory: 200 << 20))
  #expect(failure.cause == .memory)
  #expect(failure.message.hasPrefix("ended: it used more than its 200M of memory (resources: memory)"))
  _ = try bench.success(bench.job("say", ["text": "next"], outputs: ["words"], memory: 200 << 20))
}

@Test("a limit is the job's, not the worker's", arguments: [true, false])
func theLimitIsOfTheJobAlone(controlGroups: Bool) throws {
  let bench = try Workbench(usesControlGroups: controlGroups)
  // What the worker holds from before isn't counted, and the next job without a limit has none.
  _ = try bench.success(bench.job("say", ["text": "x", "kept": 200_000_000], outputs: ["words"]))
  _ = try bench.success(
    bench.job("say", ["text": "x", "memory": 50_000_000], outputs: ["words"], memory: 150 << 20))
  _ = try bench.success(bench.job("say", ["text": "x", "memory": 300_000_000], outputs: ["words"]))
}

@Test(
  "H2: a part of a pipe that is killed for memory is no success", .enabled(if: controlsMemory))
func aPipesPartOverItsMemory() throws {
  let bench = try Workbench()
  let failure = try bench.typedFailure(
    bench.command(
      "sh -c '" + #"x=$(head -c 200000000 /dev/zero | tr "\\0" a); echo ${#x}"# + "' | cat > ${out.size}",
      outputs: ["size"], memory: 100 << 20))
  #expect(failure.cause == .memory)
}

@Test("who is killed while the system runs out of memory is told that, and nobody else")
func whatTheSystemEndedForLackOfMemory() {
  let killed = Failure(.signal(9), "the command was ended by SIGKILL (9)")
  let inside = Failure(.exitStatus(137), "the command ended with status 137")
  for failure in [killed, inside] {
    let explained = Death.explained(failure, ranOutOfMemory: true)
    #expect(explained.cause == .memory)
    #expect(
      explained.message
        == "memory ran out and the system ended it. Run fewer at a time (--jobs), or make the work smaller\n"
        + failure.message)
    #expect(Death.explained(failure, ranOutOfMemory: false) == failure)
  }
  for cause in [Failure.Cause.exitStatus(1), .signal(11), .time, .input, .other] {
    let other = Failure(cause, "something else")
    #expect(Death.explained(other, ranOutOfMemory: true) == other)
  }
}

@Test("no control group is left", .enabled(if: controlsMemory))
func groupsAreRemoved() throws {
  let before = ownGroups()
  for kind in [["text": "x"], ["text": "x", "kept": 400_000_000]] as [JSON] {
    let bench = try Workbench()
    _ = try bench.run(bench.job("say", kind, outputs: ["words"], memory: 200 << 20))
    bench.executor.shutdown()
  }
  // Other tests have some meanwhile; they go too.
  try waitUntil { ownGroups().isSubset(of: before) || ownGroups().isEmpty }
}

private func isCommand(_ process: pid_t) -> Bool {
  let name = try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)
  return ["sh\n", "sleep\n"].contains(name)
}

/// Where control groups of memory (version 1) may be made, if anywhere.
private let memoryGroup: String? = {
  let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
  let line = groups.split(separator: "\n").first { $0.contains(":memory:") }
  guard let path = line?.split(separator: ":", maxSplits: 2).last else { return nil }
  let folder = "/sys/fs/cgroup/memory" + path
  return access(folder + "/cgroup.procs", W_OK) == 0 ? folder : nil
}()

private let controlsMemory = memoryGroup != nil

private func ownGroups() -> Set<String> {
  let names = memoryGroup.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0) } ?? []
  return Set(names.filter { OwnName($0) != nil })
}

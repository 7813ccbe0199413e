// A place for tests: a project's folder with a store, jobs for it, and an executor over the test worker.

import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

final class Workbench {
  let folder: URL
  let executor: LocalExecutor
  let events = EventQueue<ExecutorEvent>()
  var log: String { folder.appendingPathComponent("logs/0.log").path }

  /// The test worker stands beside the tests.
  static let worker: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("TestWorker").path
  }()

  init(
    jobs: Int = 1, gpus: [String] = [], worker: String = Workbench.worker, arguments: [String] = ["worker"],
    environment: [String: String] = ["PATH": "/usr/bin:/bin"], longestMessage: Int = 1 << 28,
    usesControlGroups: Bool = true
  ) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("executors-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    executor = LocalExecutor(
      jobs: jobs, gpus: gpus, worker: worker, arguments: arguments, environment: environment,
      longestMessage: longestMessage, usesControlGroups: usesControlGroups)
    let events = events
    executor.start { events.post($0) }
  }

  deinit {
    executor.shutdown()
    try? FileManager.default.removeItem(at: folder)
  }

  func job(
    _ kind: String, id: Int = 0, _ parameters: JSON = [:], outputs: [String] = [],
    inputs: [String: [JobInput]] = [:], files: [Digest: String] = [:], externals: [String: String] = [:],
    environment: [String: String] = [:], time: Double? = nil, memory: Int? = nil
  ) -> Job {
    let member = JobMember(
      instance: id, name: "\(kind)[\(id)]",
      action: Action(json: ["kind": .string(kind), "parameters": parameters]), inputs: inputs,
      externals: externals, outputs: outputs.map { OutputDescription(name: $0, type: .file, help: "") },
      environment: environment, log: folder.appendingPathComponent("logs/\(id).log").path)
    return Job(
      id: id, members: [member], files: files, resources: Resources(memory: memory, time: time),
      projectRoot: folder.path,
      store: folder.appendingPathComponent("store").path)
  }

  /// Runs jobs and waits for the results of all, by instance.
  func run(_ jobs: Job..., whileRunning act: (ExecutorEvent) throws -> Void = { _ in }) throws -> [Int:
    JobResult]
  {
    for job in jobs { try executor.submit(job) }
    var results: [Int: JobResult] = [:]
    var running = Set(jobs.map(\.id))
    let deadline = Date(timeIntervalSinceNow: 120)
    while !running.isEmpty, Date() < deadline {
      guard let event = events.next(timeout: 0.2) else { continue }
      switch event {
      case .finished(let instance, let result, _): results[instance] = result
      case .lost(let instances, let failure, _):
        for instance in instances { results[instance] = .failure(failure) }
      case .ended(let job): running.remove(job)
      case .started, .progress, .saved: break
      }
      try act(event)
    }
    try #require(running.isEmpty, "some jobs never ended")
    return results
  }

  /// Runs one job that is expected to fail; its message.
  func failure(_ job: Job, whileRunning act: (ExecutorEvent) throws -> Void = { _ in }) throws -> String {
    try typedFailure(job, whileRunning: act).message
  }

  /// Runs one job that is expected to fail.
  func typedFailure(
    _ job: Job, whileRunning act: (ExecutorEvent) throws -> Void = { _ in }
  ) throws -> Failure {
    let results = try run(job, whileRunning: act)
    guard case .failure(let failure)? = results[job.id] else {
      Issue.record("it did not fail")
      return Failure(.other, "")
    }
    return failure
  }

  /// Runs one job that is expected to succeed; its artifacts' bytes by name, and its facts.
  func success(_ job: Job) throws -> (texts: [String: String], artifacts: [String: Artifact], facts: JSON) {
    try success(try #require(try run(job)[job.id]), of: job)
  }

  /// A result that is expected to be a success.
  func success(
    _ result: JobResult, of job: Job, member: Int = 0
  ) throws -> (texts: [String: String], artifacts: [String: Artifact], facts: JSON) {
    switch result {
    case .failure(let failure):
      Issue.record("it failed: \(failure)")
      return ([:], [:], .null)
    case .success(let artifacts, let blobs, let facts):
      // As a driver does: the bytes are there once a record is.
      let store = try Store.open(at: URL(fileURLWithPath: job.store))
      let record = Record(
        action: job.members[member].action.json, artifacts: artifacts, blobs: blobs.map(\.form), facts: facts)
      _ = try store.publish(record, blobs: blobs, replacing: true)
      let texts = try artifacts.filter { $0.value.form == .blob }
        .mapValues { String(decoding: try store.read($0.digest), as: UTF8.self) }
      return (texts, artifacts, facts)
    }
  }

  func logText(_ id: Int = 0) -> String {
    (try? String(contentsOf: folder.appendingPathComponent("logs/\(id).log"), encoding: .utf8)) ?? ""
  }

  /// A process id that a job wrote into a file.
  func process(_ file: String) throws -> pid_t {
    let url = folder.appendingPathComponent(file)
    try waitUntil { ((try? String(contentsOf: url, encoding: .utf8)) ?? "").hasSuffix("\n") }
    let text = try String(contentsOf: url, encoding: .utf8)
    return try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
  }
}

extension Workbench {
  /// A command with outputs `name: name.txt`; in the project's root unless it has a tree.
  func command(
    _ line: String, tree: [TreeFile]? = nil, declared: [String: String] = [:], shell: CommandShell = .sh,
    arguments: [String] = [], outputs names: [String] = [], inputs: [String: [JobInput]] = [:],
    files: [Digest: String] = [:], extensions: [String: String] = [:], environment: [String: String] = [:],
    time: Double? = nil, memory: Int? = nil, resume: String? = nil
  ) -> Job {
    var job = job(
      "command",
      [
        "run": .string(line), "workdir": tree == nil ? "project" : "private",
        "shell": .array(shell.words.map(JSON.string)), "arguments": .array(arguments.map(JSON.string)),
        "inputs": .object(declared.mapValues(JSON.string)),
        "extensions": .object(extensions.mapValues(JSON.string)),
        "resume": resume.map(JSON.string) ?? .null,
        "outputs": .object(Dictionary(uniqueKeysWithValues: names.map { ($0, .string("\($0).txt")) })),
      ], inputs: inputs, files: files, environment: environment, time: time, memory: memory)
    job.members[0].tree = tree ?? []
    job.members[0].outputs = names.map {
      OutputDescription(name: $0, type: .file, help: "", fileName: "\($0).txt")
    }
    return job
  }

  /// A blob in a file, as an input.
  func blob(_ text: String) throws -> (artifact: Artifact, path: String) {
    let path = folder.appendingPathComponent("blob-\(text.count)-\(Digest.of(text.utf8).hex.prefix(8))").path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return (Artifact(.blob, .of(text.utf8), size: text.utf8.count), path)
  }
}

/// Whether a process runs; one that has ended but wasn't reaped by its parent doesn't.
func isAlive(_ process: pid_t) -> Bool {
  guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
    let bracket = text.lastIndex(of: ")")
  else { return false }
  return !["Z", "X"].contains(text[bracket...].dropFirst(2).first)
}

/// The processes whose command line names this folder, or that have it as working folder.
func processes(mentioning folder: URL) -> [pid_t] {
  let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { pid_t($0) } ?? []
  return all.filter { process in
    let arguments = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
    let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd")
    return isAlive(process) && ((arguments ?? "").contains(folder.path) || place == folder.path)
  }
}

func waitUntil(seconds: Double = 120, _ holds: () throws -> Bool) throws {
  let deadline = Date(timeIntervalSinceNow: seconds)
  while try !holds() {
    try #require(Date() < deadline, "it didn't become true in \(seconds) s")
    usleep(5000)
  }
}

// Owns the folder through which drivers and the tasks of a cluster speak: jobs go in, and each task leaves there what
// came of it. It is on the filesystem that all of them share, and the only truth: a driver that is started again finds in
// it what others before it have begun. Whoever publishes a result first has published it.
//
//   <store>/slurm/<submission>/tasks.json         which actions its tasks compute; there once all their jobs are
//   <store>/slurm/<submission>/script.sh          what Slurm starts
//   <store>/slurm/<submission>/job                the number that Slurm gave it
//   <store>/slurm/<submission>/3.json             the job of task 3
//   <store>/slurm/<submission>/3.begun.0          its first attempt has begun, on this host
//   <store>/slurm/<submission>/3.0.saved.0.1.json a state that its member 0 has saved
//   <store>/slurm/<submission>/3.0.done.json      what came of its member 0
//   <store>/slurm/<submission>/3.out              what Slurm and the shell had to say

import Canonical
import ContentStore
import Foundation
import Processes
import Workflow

/// All submissions of a store.
struct Spool: Sendable {
  let folder: String

  init(store: String) { folder = store + "/slurm" }

  /// Their names, the oldest first.
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .filter { SubmissionName($0) != nil }.sorted()
  }

  /// Removes what nobody has touched for a month.
  func sweep() {
    for name in names {
      var status = stat()
      guard stat("\(folder)/\(name)", &status) == 0,
        time(nil) - status.st_mtim.tv_sec > Spool.longestUntouched
      else { continue }
      OwnFolder(folder)?.removeTree(name)
    }
  }

  private static let longestUntouched = 30 * 24 * 3600
}

/// What a submission is called: when it was made, and by whom.
struct SubmissionName {
  let text: String
  private let maker: OwnName

  init(at time: Date) {
    maker = OwnName()
    let milliseconds = String(Int(time.timeIntervalSince1970 * 1000))
    text = String(repeating: "0", count: max(0, 13 - milliseconds.count)) + milliseconds + "-" + maker.text
  }

  init?(_ text: String) {
    guard let dash = text.firstIndex(of: "-"), text[..<dash].allSatisfy(\.isNumber),
      let maker = OwnName(String(text[text.index(after: dash)...]))
    else { return nil }
    self.text = text
    self.maker = maker
  }

  /// Under what its job is known to Slurm.
  var job: String { "bobbin-" + (text.split(separator: "-").last ?? "") }

  /// Whether nobody is about to submit it any more: its maker is dead, or can't be asked and has had ten minutes.
  var isAbandoned: Bool {
    maker.isDead
      ?? (Int(text.prefix { $0.isNumber }).map { Date().timeIntervalSince1970 - Double($0) / 1000 > 600 }
        ?? true)
  }
}

/// Where a member of a task stands.
struct SpoolPlace: Hashable, Sendable {
  var submission: String
  var task: Int
  var member: Int
}

/// What came of a member of a task.
enum Completion {
  case finished(JobResult, seconds: Double)
  /// The members `of` were lost together, and which was to blame isn't known.
  case lost(of: [Int], Failure, seconds: Double)

  /// - Parameter task: who says so, for people who look.
  func json(member: Int, task: JSON) -> JSON {
    var members: [String: JSON]
    switch self {
    case .finished(let result, let seconds):
      members = WorkerMessage.finished(instance: member, result, seconds: seconds).json.objectValue!
    case .lost(let all, let failure, let seconds):
      members = [
        "lost": .array(all.map(JSON.integer)), "failure": failure.json, "seconds": .number(seconds),
      ]
    }
    members["task"] = task
    return .object(members)
  }

  /// Reads what `json` wrote; nil for anything else.
  init?(json: JSON) {
    if let all = json["lost"]?.arrayValue {
      guard let failure = json["failure"].flatMap({ Failure(json: $0) }),
        let seconds = json["seconds"]?.doubleValue
      else { return nil }
      self = .lost(of: all.compactMap(\.intValue), failure, seconds: seconds)
    } else {
      guard case .finished(_, let result, let seconds)? = try? WorkerMessage(json: json) else { return nil }
      self = .finished(result, seconds: seconds)
    }
  }
}

/// One submission's folder.
struct Submission: Sendable {
  let name: String
  let path: String

  init(_ name: String, in spool: Spool) {
    self.name = name
    path = "\(spool.folder)/\(name)"
  }

  /// Tasks are counted from 0; of a longer one Slurm would want another `MaxArraySize`.
  static let mostTasks = 1000

  private static let format = 1

  // MARK: The driver's side

  /// Makes the folder of a submission. The jobs may hold values of secret variables, so nobody else may read it.
  static func make(_ tasks: [Job], in spool: Spool, binary: String, identity: ProgramIdentity) throws
    -> Submission
  {
    let submission = Submission(SubmissionName(at: Date()).text, in: spool)
    try makeDirectory(spool.folder)
    guard mkdir(submission.path, 0o700) == 0 else {
      throw ExecutorError("can't make \(submission.path): \(SystemError(errno))")
    }
    for (n, job) in tasks.enumerated() { try submission.write(SpooledJob(job).json.canonical, "\(n).json") }
    let line = "exec \(quoted(binary)) slurm-task \(quoted(submission.path))"
    try submission.write("#!/bin/sh\n\(line)\n", "script.sh")
    let keys = tasks.map { job in JSON.array(job.members.map { .string($0.action.key.hex) }) }
    let list: JSON = [
      "format": .integer(format), "program": .string(identity.program), "kinds": .string(identity.kinds.hex),
      "tasks": .array(keys),
    ]
    try submission.write(list.canonical, "tasks.json", synced: true)
    return submission
  }

  /// The keys that each task computes; nil where that can't be read.
  var keys: [[Digest]]? {
    guard let json = read("tasks.json"), json["format"] == .integer(Submission.format),
      let tasks = json["tasks"]?.arrayValue
    else { return nil }
    return tasks.map { ($0.arrayValue ?? []).compactMap { $0.stringValue.flatMap { Digest(hex: $0) } } }
  }

  /// The number that Slurm gave it.
  var job: String? {
    let text = try? String(contentsOfFile: path + "/job", encoding: .utf8)
    return text.flatMap { $0.isEmpty ? nil : $0 }
  }

  func note(job: String) throws { try write(job, "job", synced: true) }

  /// The names in its folder; nil when that is gone.
  var names: [String]? { try? FileManager.default.contentsOfDirectory(atPath: path) }

  /// Has a network filesystem look afresh what others have put here: after a change of one's own it has to.
  func refresh() {
    let probe = "\(path)/probe.\(OwnName().text)"
    let file = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if file >= 0 { close(file) }
    unlink(probe)
  }

  /// Removes a task whose results are recorded, and with the last one the folder.
  func remove(task: Int) {
    let names = names ?? []
    for name in names where name.hasPrefix("\(task).") { unlink("\(path)/\(name)") }
    if !names.contains(where: { Submission.taskOfJob($0).map { $0 != task } ?? false }) { remove() }
  }

  func remove() {
    let url = URL(fileURLWithPath: path)
    OwnFolder(url.deletingLastPathComponent().path)?.removeTree(url.lastPathComponent)
  }

  /// `3` of `3.json`.
  static func taskOfJob(_ name: String) -> Int? {
    name.hasSuffix(".json") ? Int(name.dropLast(5)) : nil
  }

  /// The last lines of what Slurm and the shell said of a task.
  func lastWords(task: Int) -> String {
    quotedLines(lastLines(of: "\(path)/\(task).out").suffix(5))
  }

  // MARK: The task's side

  func program() -> (program: String, kinds: String)? {
    guard let json = read("tasks.json"), let program = json["program"]?.stringValue,
      let kinds = json["kinds"]?.stringValue
    else { return nil }
    return (program, kinds)
  }

  /// The job of a task; nil once nobody wants it any more.
  func job(task: Int) throws -> Job? {
    guard access("\(path)/\(task).json", F_OK) == 0 else { return nil }
    guard let json = read("\(task).json") else { throw ExecutorError("\(path)/\(task).json can't be read") }
    return try SpooledJob(json: json).job
  }

  func begin(task: Int, attempt: Int, _ facts: JSON) throws {
    try write(facts.canonical, "\(task).begun.\(attempt)", synced: true)
  }

  func save(task: Int, member: Int, attempt: Int, count: Int, _ message: WorkerMessage) throws {
    try write(message.json.canonical, "\(task).\(member).saved.\(attempt).\(count).json", synced: true)
  }

  /// The last state that any attempt of a member has saved.
  func lastState(task: Int, member: Int) -> (state: WorkState, blobs: [WrittenBlob])? {
    let states = (names ?? []).filter { $0.hasPrefix("\(task).\(member).saved.") }.compactMap { name in
      read(name).flatMap { try? WorkerMessage(json: $0) }
    }
    let all: [(state: WorkState, blobs: [WrittenBlob])] = states.compactMap {
      if case .saved(_, let state, let blobs) = $0 { (state, blobs) } else { nil }
    }
    return all.max { $0.state.point < $1.state.point }
  }

  // MARK: Both sides

  func isDone(task: Int, member: Int) -> Bool { access("\(path)/\(task).\(member).done.json", F_OK) == 0 }

  /// What came of a member of a task; nil while nobody has said.
  func completion(task: Int, member: Int) -> Completion? {
    read("\(task).\(member).done.json").flatMap { Completion(json: $0) }
  }

  /// Says what came of a member of a task, unless somebody has: a dead node's task that still runs, its successor, or a
  /// driver that has given it up.
  /// - Returns: whether this is what holds.
  @discardableResult
  func publish(_ completion: Completion, task: Int, member: Int, by facts: JSON) throws -> Bool {
    try write(
      completion.json(member: member, task: facts).canonical, "\(task).\(member).done.json", synced: true,
      onlyFirst: true)
  }

  func read(_ name: String) -> JSON? {
    (try? Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))).flatMap { try? JSON(parsing: $0) }
  }

  /// Puts a file here, whole or not at all.
  /// - Parameter onlyFirst: where one of this name is, that stays, and this returns false.
  @discardableResult
  private func write(_ text: String, _ name: String, synced: Bool = false, onlyFirst: Bool = false) throws
    -> Bool
  {
    let place = "\(path)/\(name)"
    let temporary = "\(path)/new.\(OwnName().text)"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    func problem(_ code: Int32) -> ExecutorError {
      ExecutorError("can't write \(place): \(SystemError(code))")
    }
    guard file >= 0 else { throw problem(errno) }
    var code = writeText(text, to: file)
    if code == 0, synced, fsync(file) != 0 { code = errno }
    if close(file) != 0, code == 0 { code = errno }
    guard code == 0 else {
      unlink(temporary)
      throw problem(code)
    }
    guard onlyFirst else {
      guard rename(temporary, place) == 0 else {
        code = errno
        unlink(temporary)
        throw problem(code)
      }
      return true
    }
    let linked = link(temporary, place)
    code = errno
    // On a network the answer to a link that was made may be lost, and a second try say that it is there.
    var status = stat()
    let isOurs = linked == 0 || stat(temporary, &status) == 0 && status.st_nlink == 2
    unlink(temporary)
    guard isOurs || code == EEXIST else { throw problem(code) }
    return isOurs
  }
}

/// A word as a shell takes it.
private func quoted(_ word: String) -> String {
  "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
}

/// Which program it is, as far as results depend on it.
public struct ProgramIdentity: Sendable, Hashable {
  /// Name and version.
  let program: String
  /// The code of its kinds.
  let kinds: Digest

  public init(_ program: String, _ catalogue: KindCatalogue) {
    self.program = program
    let codes =
      catalogue.all.map { "\($0.name) \($0.code.digest)" }
      + catalogue.receivers.map { "\($0.type) \($0.code.digest)" }
    kinds = .of(codes.joined(separator: "\n").utf8)
  }
}

/// A job in a file, with what it needs. Members are counted from 0, and it is no run's: many may come and go meanwhile.
struct SpooledJob {
  var job: Job

  init(_ job: Job) {
    self.job = job
    self.job.id = 0
    self.job.run = nil
    for i in job.members.indices { self.job.members[i].instance = i }
  }

  var json: JSON {
    let needs = job.resources
    return [
      "job": job.json, "cpus": .integer(needs.cpus), "gpus": .integer(needs.gpus),
      "memory": needs.memory.map(JSON.integer) ?? .null, "time": needs.time.map(JSON.number) ?? .null,
    ]
  }

  init(json: JSON) throws {
    guard let job = json["job"], let cpus = json["cpus"]?.intValue, let gpus = json["gpus"]?.intValue else {
      throw ProtocolError("a job without what it needs")
    }
    self.job = try Job(json: job)
    self.job.resources = Resources(
      cpus: cpus, memory: json["memory"]?.intValue, gpus: gpus, time: json["time"]?.doubleValue)
  }
}

// Owns how Slurm is spoken to: its own programs, and what they print. https://slurm.schedmd.com/sbatch.html, squeue.html

import Foundation
import Processes
import Workflow

/// `sbatch` and `squeue`, where PATH has them.
struct SlurmCommands: Sendable {
  private let sbatch: String
  private let squeue: String
  private let environment: [String: String]
  private let settings: SlurmSettings

  init(_ settings: SlurmSettings, environment: [String: String]) throws {
    func program(_ name: String) throws -> String {
      let folders = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
      let places: [String] = folders.map { "\($0)/\(name)" }
      guard let path = places.first(where: { access($0, X_OK) == 0 }) else {
        throw ExecutorError(
          "there is no \(name) on PATH, so this machine can't submit to Slurm. Run it where `\(name)` works (a login "
            + "node; perhaps `module load slurm`), or without --executor slurm")
      }
      return path
    }
    sbatch = try program("sbatch")
    squeue = try program("squeue")
    self.environment = environment
    self.settings = settings
  }

  /// Why Slurm didn't take a submission, in its own words.
  struct Refusal: Error {
    let words: String
  }

  /// Submits a job array whose tasks need this much each. Returns its number.
  /// - Throws: `Refusal`.
  func submit(_ submission: Submission, tasks: Int, needs: Resources) throws -> String {
    var words = [
      "--parsable", "--array=0-\(tasks - 1)", "--job-name=\(SubmissionName(submission.name)!.job)",
      "--output=\(submission.path)/%a.out", "--open-mode=append", "--chdir=/", "--requeue",
      // Nothing else of this environment is a task's business, and some of it would decide bits.
      "--export=PATH,HOME,LD_LIBRARY_PATH",
      "--nodes=1", "--ntasks=1", "--cpus-per-task=\(needs.cpus)",
    ]
    if let memory = needs.memory { words.append("--mem=\(max(1, (memory + (1 << 20) - 1) >> 20))M") }
    if needs.gpus > 0 { words.append("--gres=gpu:\(needs.gpus)") }
    // In minutes. The task keeps the limit itself, to the second, and says so; Slurm's is a minute behind.
    if let time = needs.time { words.append("--time=\(Int((time / 60).rounded(.up)) + 1)") }
    words += settings.partition.map { ["--partition=\($0)"] } ?? []
    words += settings.account.map { ["--account=\($0)"] } ?? []
    let (status, text) = try run(sbatch, words + settings.words + ["\(submission.path)/script.sh"])
    // The number may come with a cluster's name, and warnings before it.
    let number = text.split(separator: "\n").last { $0.first?.isNumber == true }?.prefix { $0.isNumber }
    if status == .status(0), let number, !number.isEmpty { return String(number) }
    // What it didn't hear the answer to may have been taken all the same.
    if let number = job(of: submission) { return number }
    throw Refusal(words: text.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  /// The number of a submission that wasn't heard; nil where Slurm doesn't know it, or can't be asked.
  func job(of submission: Submission) -> String? {
    let name = SubmissionName(submission.name)!.job
    guard let (_, text) = try? run(squeue, ["--noheader", "--states=all", "--name=\(name)", "--format=%F"])
    else {
      return nil
    }
    return text.split(separator: "\n").first { $0.allSatisfy(\.isNumber) }.map(String.init)
  }

  /// The states of all tasks of these jobs, by `12_3`, in one call; nil when Slurm can't be asked, which says nothing of
  /// any of them. What isn't in it, Slurm has forgotten.
  func states(of jobs: [String]) -> [String: SlurmState]? {
    let words = [
      "--noheader", "--states=all", "--array", "--jobs=\(jobs.joined(separator: ","))", "--format=%i %T",
    ]
    guard let (status, text) = try? run(squeue, words) else { return nil }
    // When it has forgotten all of them.
    if status != .status(0) { return text.contains("Invalid job id") ? [:] : nil }
    var states: [String: SlurmState] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ")
      if parts.count == 2 { states[String(parts[0])] = SlurmState(String(parts[1])) }
    }
    return states
  }

  /// Runs a program to its end, in a process group of its own, so that Ctrl-C isn't its business.
  private func run(_ path: String, _ words: [String]) throws -> (end: ProcessEnd, text: String) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Refusal(words: "\(path): \(SystemError(errno))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    let name = (path as NSString).lastPathComponent
    let program = Program(
      path: path, arguments: [name] + words, environment: environment, output: ends[1], deathSignal: 0)
    let process: pid_t
    do { process = try program.start() } catch {
      close(ends[1])
      throw Refusal(words: "\(path): \(error)")
    }
    close(ends[1])
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = read(ends[0], &chunk, chunk.count)
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { break }
      text += chunk[..<n]
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return (ProcessEnd(waitStatus: status), String(decoding: text, as: UTF8.self))
  }
}

/// What Slurm says of a task, as far as it matters here.
enum SlurmState: Equatable {
  /// Queued, running, stopping, or anything that this doesn't know: nothing is over.
  case underWay
  /// It has ended, and should have left a result.
  case ended(String)
  case cancelled
  case outOfTime
  case outOfMemory
  case nodeFailed
  case preempted

  init(_ word: String) {
    switch word {
    case "COMPLETED", "FAILED": self = .ended(word)
    case "CANCELLED", "REVOKED": self = .cancelled
    case "TIMEOUT", "DEADLINE": self = .outOfTime
    case "OUT_OF_MEMORY": self = .outOfMemory
    case "NODE_FAIL", "BOOT_FAIL": self = .nodeFailed
    case "PREEMPTED": self = .preempted
    default: self = .underWay
    }
  }

  /// Why a task has failed that is in this state and left no result; nil state: Slurm has forgotten it.
  /// - Parameters:
  ///   - task: as Slurm calls it, `12_3`.
  ///   - words: the end of what Slurm and the shell said.
  static func failure(_ state: SlurmState?, _ task: String, needs: Resources, words: String) -> Failure {
    func failure(_ cause: Failure.Cause, _ what: String) -> Failure {
      Failure(cause, "Slurm's task \(task) \(what)\(words)")
    }
    switch state {
    case .cancelled: return failure(.cancelled, "was cancelled on the cluster (scancel)")
    case .outOfTime:
      return failure(.time, "was ended by Slurm at its time limit. `resources: time` asks for more")
    case .outOfMemory:
      let had = needs.memory.map { "its \(Resources.spelled($0)) of memory (resources: memory)" }
      return failure(
        .memory, "used more than " + (had ?? "the memory it got. `resources: memory` asks for more"))
    case .nodeFailed: return failure(.signal(Int(SIGKILL)), "was lost with its node")
    case .preempted: return failure(.signal(Int(SIGTERM)), "was preempted, and not put back into the queue")
    case .ended(let word): return failure(.other, "ended (\(word)) and left no result")
    case nil:
      return failure(.signal(Int(SIGKILL)), "has gone: Slurm doesn't know it any more, and it left no result")
    case .underWay: preconditionFailure("BUG: a task under way has failed")
    }
  }
}

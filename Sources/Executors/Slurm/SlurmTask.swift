// Owns a task on a machine of the cluster: a small driver of one worker, which computes the task's job as any worker does,
// and leaves what came of it in the spool.

import Canonical
import ContentStore
import Foundation
import Processes
import Synchronization
import Workflow

/// Set once Slurm has told this task to end.
private let isToldToEnd = Atomic(false)

/// `bobbin slurm-task FOLDER`.
public enum SlurmTask {
  /// Computes the task of a submission that the environment names, and returns the exit status for it.
  public static func run(folder: String, identity: ProgramIdentity, environment: [String: String]) -> Int32 {
    let url = URL(fileURLWithPath: folder)
    guard SubmissionName(url.lastPathComponent) != nil,
      let number = environment["SLURM_ARRAY_TASK_ID"].flatMap({ Int($0) })
    else {
      _ = writeText("bobbin has Slurm start its tasks; there is nothing to run here\n", to: 2)
      return 2
    }
    // It is told, and told again a while later by SIGKILL: what is cut short is nobody's result.
    signal(SIGTERM) { _ in isToldToEnd.store(true, ordering: .relaxed) }
    let spool = Spool(store: url.deletingLastPathComponent().deletingLastPathComponent().path)
    let task = Running(
      submission: Submission(url.lastPathComponent, in: spool), number: number,
      attempt: environment["SLURM_RESTART_COUNT"].flatMap { Int($0) } ?? 0, environment: environment)
    do { return try task.run(identity) } catch {
      _ = writeText("\(error)\n", to: 2)
      return 1
    }
  }

  private struct Running {
    let submission: Submission
    let number: Int
    /// How often Slurm has begun it before.
    let attempt: Int
    let environment: [String: String]

    func run(_ identity: ProgramIdentity) throws -> Int32 {
      // A job that is gone is nobody's wish any more.
      guard var job = try submission.job(task: number) else { return 0 }
      // What an earlier attempt has published stays.
      job.members.removeAll { submission.isDone(task: number, member: $0.instance) }
      if job.members.isEmpty { return 0 }
      let all = job.members.map(\.instance)
      if let difference = difference(to: identity) {
        for member in all {
          try publish(.finished(.failure(Failure(.other, difference)), seconds: 0), member)
        }
        return 1
      }
      try submission.begin(task: number, attempt: attempt, facts)
      job.threads = environment["SLURM_CPUS_PER_TASK"].flatMap { Int($0) } ?? max(1, job.resources.cpus)
      // Which GPUs are its own Slurm has said, and nobody else is given them.
      for i in job.members.indices where job.resources.gpus > 0 {
        job.members[i].environment[Machine.visibleDevices] = environment[Machine.visibleDevices]
      }
      job.resources.gpus = 0
      for i in job.members.indices { goOn(&job, i) }
      return try compute(job)
    }

    /// Has a member go on from the last state that an attempt before this one has saved. Without it the work begins where
    /// its job says.
    private func goOn(_ job: inout Job, _ i: Int) {
      guard let (state, blobs) = submission.lastState(task: number, member: job.members[i].instance),
        state.point > job.members[i].state?.point ?? -1
      else { return }
      do {
        for blob in blobs { job.files[blob.digest] = try job.writer.open(blob).path }
        job.members[i].state = state
      } catch { job.members[i].notes.append("the state after \(state.place) can't be used: \(error)") }
    }

    /// Who says what this task publishes, for people who look.
    private var facts: JSON {
      [
        "job": .string("\(environment["SLURM_ARRAY_JOB_ID"] ?? "?")_\(number)"),
        "node": .string(environment["SLURMD_NODENAME"] ?? ""), "attempt": .integer(attempt),
      ]
    }

    /// Why this program isn't the driver's; nil when it is.
    private func difference(to identity: ProgramIdentity) -> String? {
      guard let (program, kinds) = submission.program() else {
        return "\(submission.path)/tasks.json can't be read"
      }
      if program == identity.program, kinds == identity.kinds.hex { return nil }
      let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "bobbin"
      let what =
        program == identity.program
        ? "was built from other sources than the program that submitted this"
        : "is \(identity.program), but \(program) submitted this"
      return
        "\(own) on the cluster \(what). Put the same program there, and see `slurm: { binary: PATH }` in bobbin.yaml"
    }

    private func compute(_ job: Job) throws -> Int32 {
      let events = EventQueue<ExecutorEvent>()
      let executor = LocalExecutor(jobs: 1, cores: job.threads, environment: environment)
      defer { executor.shutdown() }
      executor.start { events.post($0) }
      try executor.submit(job)
      var states = 0
      var hasFailed = false
      while true {
        if isToldToEnd.load(ordering: .relaxed) { return 128 + SIGTERM }
        switch events.next(timeout: 0.2) {
        case .finished(let member, let result, let seconds)?:
          if case .failure = result {
            if endsForGood() { return 128 + SIGTERM }
            hasFailed = true
          }
          try publish(.finished(located(result), seconds: seconds), member)
        case .lost(let members, let failure, let seconds)?:
          if endsForGood() { return 128 + SIGTERM }
          hasFailed = true
          for member in members { try publish(.lost(of: members, failure, seconds: seconds), member) }
        case .saved(let member, let state, let blobs)?:
          states += 1
          try submission.save(
            task: number, member: member, attempt: attempt, count: states,
            .saved(instance: member, state, blobs: blobs))
        case .ended?: return hasFailed ? 1 : 0
        case .started?, .progress?, nil: break
        }
      }
    }

    /// Whether a failure is none of its own: all that belongs to a task is told to end at the same time, and a part may end
    /// before this has heard of it.
    private func endsForGood() -> Bool {
      usleep(300_000)
      return isToldToEnd.load(ordering: .relaxed)
    }

    /// A result with where it was computed.
    private func located(_ result: JobResult) -> JobResult {
      guard case .success(let artifacts, let blobs, let facts) = result, var members = facts.objectValue
      else {
        return result
      }
      members["slurm"] = self.facts
      return .success(artifacts: artifacts, blobs: blobs, facts: .object(members))
    }

    private func publish(_ completion: Completion, _ member: Int) throws {
      try submission.publish(completion, task: number, member: member, by: facts)
    }
  }
}

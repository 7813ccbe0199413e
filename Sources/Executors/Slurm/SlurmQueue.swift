// Owns what is on the cluster for this driver: jobs go out in arrays, their tasks' results come back from the spool, and
// now and then Slurm is asked what it has lost. Runs on one thread; nothing else touches it.

import Canonical
import ContentStore
import Foundation
import Synchronization
import Workflow

/// How long things are waited for, in seconds.
package struct SlurmPatience: Sendable {
  /// For more jobs after the last, and after the first.
  package var quiet = 0.1
  package var collecting = 2.0
  /// Between two looks into the spool, at least and at most.
  package var poll = 0.1...2.0
  /// Between two questions to Slurm, at least and at most.
  package var look = 5.0...60.0
  /// For the result of a task that Slurm calls ended: on a network a file may take a while to be seen.
  package var result = 3.0

  package init() {}
}

final class SlurmQueue {
  /// What the driver's thread leaves for this one.
  enum Order: Sendable {
    case job(Job)
    case settled(Digest)
    case stop
  }

  /// A member that is waited for.
  private struct Wanted {
    var instance: Int
    /// Its job here, with it alone in it.
    var job: Job
    /// Whether an earlier driver submitted it.
    var isAdopted: Bool
    var hasBegun = false
    /// The states of its that were told.
    var saved: Set<String> = []
  }

  private let spool: Spool
  private let commands: SlurmCommands
  private let binary: String
  private let identity: ProgramIdentity
  private let patience: SlurmPatience
  private let orders: EventQueue<Order>
  private let post: (ExecutorEvent) -> Void

  private var collected: [Job] = []
  private var firstCollected = 0.0
  private var lastCollected = 0.0
  private var wanted: [SpoolPlace: Wanted] = [:]
  private var submissions: [String: Submission] = [:]
  /// The numbers that Slurm gave them.
  private var numbers: [String: String] = [:]
  /// What the tasks of earlier drivers compute, the newest of each key.
  private var known: [Digest: SpoolPlace] = [:]
  private var seen: Set<String> = []
  /// Results that were told of and aren't recorded yet, by action.
  private var told: [Digest: [SpoolPlace]] = [:]
  /// How many members of each task there are, and how many of them are recorded.
  private var recorded: [String: [Int: (of: Int, count: Int)]] = [:]
  /// The members of each job here that have no result.
  private var unfinished: [Int: Set<Int>] = [:]
  /// Since when tasks are thought to be lost.
  private var suspects: [String: Double] = [:]
  private var nextPoll = Double.infinity
  private var pollInterval = 0.0
  private var nextLook = Double.infinity
  private var lookInterval = 0.0

  init(
    _ spool: Spool, _ commands: SlurmCommands, binary: String, identity: ProgramIdentity,
    patience: SlurmPatience,
    orders: EventQueue<Order>, post: @escaping (ExecutorEvent) -> Void
  ) {
    self.spool = spool
    self.commands = commands
    self.binary = binary
    self.identity = identity
    self.patience = patience
    self.orders = orders
    self.post = post
  }

  /// Serves until it is told to stop. Returns the Slurm jobs that go on, and how many instances are in them.
  func run() -> (jobs: [String], instances: Int) {
    spool.sweep()
    while true {
      let now = monotonicSeconds()
      switch orders.next(timeout: min(max(0, due - now), 3600)) {
      case .job(let job)?:
        lastCollected = monotonicSeconds()
        if collected.isEmpty { firstCollected = lastCollected }
        collected.append(job)
      case .settled(let key)?: settle(key)
      case .stop?: return (Set(wanted.keys.compactMap { numbers[$0.submission] }).sorted(), wanted.count)
      case nil:
        let now = monotonicSeconds()
        if now >= sendTime { send() }
        if now >= nextLook { look() }
        if now >= nextPoll { poll() }
      }
    }
  }

  /// When the jobs go out that were collected.
  private var sendTime: Double {
    collected.isEmpty
      ? .infinity : min(lastCollected + patience.quiet, firstCollected + patience.collecting)
  }

  private var due: Double { min(sendTime, nextPoll, nextLook) }

  // MARK: Going out

  private func send() {
    let jobs = collected
    collected = []
    learn()
    var fresh: [Job] = []
    for var job in jobs {
      unfinished[job.id] = Set(job.members.map(\.instance))
      let all = job
      job.members.removeAll { adopt($0, of: all) }
      if !job.members.isEmpty { fresh.append(job) }
    }
    // In the order in which they came.
    var groups: [(needs: Resources, jobs: [Job])] = []
    for job in fresh {
      if let n = groups.firstIndex(where: {
        $0.needs == job.resources && $0.jobs.count < Submission.mostTasks
      }) {
        groups[n].jobs.append(job)
      } else {
        groups.append((job.resources, [job]))
      }
    }
    for (needs, jobs) in groups { submit(jobs, needs) }
    hasten()
  }

  private func submit(_ jobs: [Job], _ needs: Resources) {
    do {
      let submission = try Submission.make(jobs, in: spool, binary: binary, identity: identity)
      seen.insert(submission.name)
      do {
        let number = try commands.submit(submission, tasks: jobs.count, needs: needs)
        numbers[submission.name] = number
        // Without it a later driver asks Slurm for the name.
        try? submission.note(job: number)
      } catch {
        submission.remove()
        throw error
      }
      submissions[submission.name] = submission
      for (n, job) in jobs.enumerated() {
        for (m, member) in job.members.enumerated() {
          want(
            member, of: job, at: SpoolPlace(submission: submission.name, task: n, member: m), isAdopted: false
          )
        }
        recorded[submission.name, default: [:]][n] = (job.members.count, 0)
      }
    } catch {
      let words = (error as? SlurmCommands.Refusal).map { "sbatch refused it: \($0.words)" } ?? "\(error)"
      for job in jobs {
        for member in job.members { end(member.instance, of: job.id, .failure(Failure(.other, words)), 0) }
      }
    }
  }

  private func want(_ member: JobMember, of job: Job, at place: SpoolPlace, isAdopted: Bool) {
    var own = job
    own.members = [member]
    wanted[place] = Wanted(instance: member.instance, job: own, isAdopted: isAdopted)
  }

  /// Learns what others before have submitted.
  private func learn() {
    for name in spool.names where seen.insert(name).inserted {
      let submission = Submission(name, in: spool)
      guard let keys = submission.keys else {
        // Whoever began it is at it still, or didn't come so far.
        if SubmissionName(name)!.isAbandoned { submission.remove() } else { seen.remove(name) }
        continue
      }
      guard let names = submission.names else { continue }
      let hasBegun = names.contains { $0.contains(".begun.") || $0.hasSuffix(".done.json") }
      var number = submission.job
      if number == nil {
        number = commands.job(of: submission)
        if number == nil, !hasBegun {
          // Its driver died before Slurm had it; or lives, and is about to tell it.
          if SubmissionName(name)!.isAbandoned { submission.remove() } else { seen.remove(name) }
          continue
        }
        if let number { try? submission.note(job: number) }
      }
      submissions[name] = submission
      numbers[name] = number
      let jobs = Set(names.compactMap { Submission.taskOfJob($0) })
      for (n, keys) in keys.enumerated() where jobs.contains(n) {
        recorded[name, default: [:]][n] = (keys.count, 0)
        for (m, key) in keys.enumerated() { known[key] = SpoolPlace(submission: name, task: n, member: m) }
      }
    }
  }

  /// Goes on with what an earlier driver has submitted; false when there is no such thing.
  private func adopt(_ member: JobMember, of job: Job) -> Bool {
    guard let place = known.removeValue(forKey: member.action.key),
      wanted[place] == nil, let submission = submissions[place.submission],
      access("\(submission.path)/\(place.task).json", F_OK) == 0
    else { return false }
    want(member, of: job, at: place, isAdopted: true)
    return true
  }

  // MARK: Coming back

  /// Things change: looks again soon.
  private func hasten() {
    let now = monotonicSeconds()
    pollInterval = patience.poll.lowerBound
    lookInterval = patience.look.lowerBound
    nextPoll = wanted.isEmpty ? .infinity : now + pollInterval
    nextLook = wanted.isEmpty ? .infinity : min(nextLook, now + lookInterval)
  }

  /// Looks what the tasks have left.
  private func poll() {
    let began = monotonicSeconds()
    var news = false
    for (name, places) in Dictionary(grouping: wanted.keys, by: \.submission) {
      guard let names = submissions[name]!.names else { continue }
      if take(Set(names), places.sorted { ($0.task, $0.member) < ($1.task, $1.member) }) { news = true }
    }
    let took = monotonicSeconds() - began
    // A small part of the time in any case.
    pollInterval = max(
      20 * took, min(news ? patience.poll.lowerBound : 1.5 * pollInterval, patience.poll.upperBound))
    nextPoll = wanted.isEmpty ? .infinity : monotonicSeconds() + pollInterval
    if wanted.isEmpty { nextLook = .infinity }
  }

  /// Whether there was anything new.
  private func take(_ names: Set<String>, _ places: [SpoolPlace]) -> Bool {
    let begun = Set(
      names.compactMap { name -> Int? in
        let parts = name.split(separator: ".")
        return parts.count == 3 && parts[1] == "begun" ? Int(parts[0]) : nil
      })
    var saved: [String: [String]] = [:]
    for name in names where name.contains(".saved.") {
      let parts = name.split(separator: ".")
      if parts.count == 6 { saved["\(parts[0]).\(parts[1])", default: []].append(name) }
    }
    var news = false
    for place in places {
      guard let member = wanted[place] else { continue }
      let submission = submissions[place.submission]!
      if !member.hasBegun, begun.contains(place.task) {
        news = true
        wanted[place]!.hasBegun = true
        post(.started(instance: member.instance))
      }
      for name in (saved["\(place.task).\(place.member)"] ?? []).sorted(by: isEarlier)
      where wanted[place]!.saved.insert(name).inserted {
        guard
          case .saved(_, let state, let blobs)?? = submission.read(name).map({ try? WorkerMessage(json: $0) })
        else { continue }
        post(.saved(instance: member.instance, state, blobs: blobs))
      }
      if names.contains("\(place.task).\(place.member).done.json") {
        news = true
        takeResult(place)
      }
    }
    return news
  }

  /// `3.0.saved.0.9.json` before `3.0.saved.0.10.json`.
  private func isEarlier(_ a: String, _ b: String) -> Bool { a.count != b.count ? a.count < b.count : a < b }

  private func takeResult(_ place: SpoolPlace) {
    guard let member = wanted[place] else { return }
    let submission = submissions[place.submission]!
    guard let completion = submission.completion(task: place.task, member: place.member) else {
      return deliver(
        place,
        .failure(
          Failure(.other, "\(submission.path)/\(place.task).\(place.member).done.json isn't a result")), 0)
    }
    switch completion {
    case .finished(.success(_, let blobs, _), _)
    where member.isAdopted && !blobs.allSatisfy(member.job.writer.holds):
      // Nobody kept the bytes while nobody waited for them.
      _ = forget(place)
      submit([member.job], member.job.resources)
    case .finished(let result, let seconds): deliver(place, result, seconds)
    case .lost(let all, let failure, let seconds):
      let others = all.map { SpoolPlace(submission: place.submission, task: place.task, member: $0) }
      lose(others.filter { wanted[$0] != nil && submission.isLost($0) }, failure, seconds)
    }
  }

  private func deliver(_ place: SpoolPlace, _ result: JobResult, _ seconds: Double) {
    let member = forget(place)
    if !member.hasBegun, case .success = result { post(.started(instance: member.instance)) }
    end(member.instance, of: member.job.id, result, seconds)
  }

  private func lose(_ places: [SpoolPlace], _ failure: Failure, _ seconds: Double) {
    let members = places.map(forget)
    post(.lost(instances: members.map(\.instance), failure, seconds: seconds))
    for member in members { close(member.instance, of: member.job.id) }
  }

  private func forget(_ place: SpoolPlace) -> Wanted {
    let member = wanted.removeValue(forKey: place)!
    told[member.job.members[0].action.key, default: []].append(place)
    return member
  }

  private func end(_ instance: Int, of job: Int, _ result: JobResult, _ seconds: Double) {
    post(.finished(instance: instance, result, seconds: seconds))
    close(instance, of: job)
  }

  private func close(_ instance: Int, of job: Int) {
    unfinished[job]!.remove(instance)
    guard unfinished[job]!.isEmpty else { return }
    unfinished[job] = nil
    post(.ended(job: job))
  }

  /// What came of an action is recorded: the spool needn't tell it any more.
  private func settle(_ key: Digest) {
    for place in told.removeValue(forKey: key) ?? [] {
      recorded[place.submission]?[place.task]?.count += 1
      guard let (all, count) = recorded[place.submission]?[place.task], count >= all else { continue }
      submissions[place.submission]?.remove(task: place.task)
      recorded[place.submission]![place.task] = nil
      if recorded[place.submission]!.isEmpty {
        recorded[place.submission] = nil
        submissions[place.submission] = nil
        numbers[place.submission] = nil
      }
    }
  }

  // MARK: What was lost

  /// Asks Slurm what has ended without leaving a result.
  private func look() {
    let now = monotonicSeconds()
    lookInterval = min(2 * lookInterval, patience.look.upperBound)
    nextLook = now + lookInterval
    let tasks = Dictionary(grouping: wanted.keys) { Task(submission: $0.submission, number: $0.task) }
    let asked = Set(tasks.keys.compactMap { numbers[$0.submission] }).sorted()
    // Of a submission whose number nobody knows, nobody knows anything.
    guard !asked.isEmpty, let states = commands.states(of: asked) else { return }
    for (task, places) in tasks {
      guard let number = numbers[task.submission] else { continue }
      let name = "\(number)_\(task.number)"
      let state = states[name]
      if state == .underWay {
        suspects[name] = nil
      } else if let since = suspects[name], now - since >= patience.result {
        suspects[name] = nil
        giveUp(places, state, name)
      } else {
        if suspects[name] == nil { suspects[name] = now }
        nextLook = min(nextLook, now + patience.result + 0.01)
        submissions[task.submission]!.refresh()
        nextPoll = now
      }
    }
  }

  private struct Task: Hashable {
    var submission: String
    var number: Int
  }

  /// These members of a task have no result and will have none. That is published as their result, so that all agree; had
  /// they one after all, that stays.
  private func giveUp(_ places: [SpoolPlace], _ state: SlurmState?, _ name: String) {
    let submission = submissions[places[0].submission]!
    submission.refresh()
    let members = places.map(\.member).sorted()
    let needs = wanted[places[0]]!.job.resources
    let failure = SlurmState.failure(
      state, name, needs: needs, words: submission.lastWords(task: places[0].task))
    for place in places {
      // Somebody's wish concerns each of them; otherwise it isn't known which was to blame.
      let completion: Completion =
        state == .cancelled
        ? .finished(.failure(failure), seconds: 0) : .lost(of: members, failure, seconds: 0)
      _ = try? submission.publish(
        completion, task: place.task, member: place.member, by: ["driver": .string(name)])
    }
    for place in places where wanted[place] != nil { takeResult(place) }
  }
}

extension Submission {
  fileprivate func isLost(_ place: SpoolPlace) -> Bool {
    if case .lost? = completion(task: place.task, member: place.member) { true } else { false }
  }
}

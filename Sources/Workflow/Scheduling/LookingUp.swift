// Owns finding out what is there, in bulk: in the store at once, then on the remotes, beside the loop.

import Canonical
import ContentStore

extension Scheduler {
  /// Looks up all whose inputs are known, and what follows from that.
  func lookUp() {
    do {
      while case let answers = try resolution.advance({ self.isWaiting($0) }), !answers.isEmpty {
        for (i, answer) in answers { take(answer, of: i) }
      }
    } catch { storeFailed("\(error)") }
    let asked = asked
    self.asked = []
    ask(asked)
  }

  private func isWaiting(_ i: Int) -> Bool { if case .waiting = phases[i] { true } else { false } }

  private func take(_ answer: Resolution.Answer, of i: Int) {
    switch answer {
    case .hit, .miss:
      guard options.compared.contains(i) else { break }
      return enqueue(i, Attempt(purpose: .comparison, reason: .comparison, isAlone: true))
    case .impossible, .unread: break
    }
    switch answer {
    case .hit(let platform): finish(i, cachedFrom: platform)
    case .impossible(let why): fail(i, Failure(.input, why))
    case .unread(let manifest): readParts(of: manifest, for: i)
    case .miss(let undeclared):
      let key = resolution.key[i]!
      if let leader = claims.leader(of: key) {
        claims.follow(i, leader)
        phases.move(i, to: .following(leader))
        return
      }
      claims.lead(i, key)
      if let undeclared {
        enqueue(i, Attempt(purpose: .miss, reason: .outputUndeclared(undeclared)))
      } else if canAsk {
        phases.move(i, to: .asking)
        asked.append(i)
      } else {
        miss(i)
      }
    }
  }

  private func miss(_ i: Int) {
    enqueue(i, Attempt(purpose: .miss, reason: explainer.reason(i, keys.action(i, resolution))))
  }

  /// Whether any remote still answers.
  private var canAsk: Bool { remotes.contains { $0.silence == nil } }

  /// So many records are asked for in one call.
  private static let mostAsked = 1000

  /// Whether the remotes have records of these instances: all misses known at a moment are one question.
  private func ask(_ instances: [Int], again: Bool = false) {
    for start in stride(from: 0, to: instances.count, by: Scheduler.mostAsked) {
      let batch = Array(instances[start..<min(start + Scheduler.mostAsked, instances.count)])
      let keys = batch.map { resolution.key[$0]! }
      let epochs = batch.map { phases.epochs[$0] }
      /// Those of them that still wait for an answer.
      func waiting() -> [(n: Int, instance: Int)] {
        zip(batch, epochs).enumerated().filter { phases.epochs[$1.0] == $1.1 }.map { ($0, $1.0) }
      }
      beside(.asking) { [store, remotes] in
        Result { try store.pullRecords(keys, from: remotes.filter { $0.silence == nil }) }
          .mapError(StoreError.init(wrapping:))
      } giveUp: { [self] in
        let left = waiting().map(\.instance)
        if canAsk { ask(left) } else { for i in left { miss(i) } }
      } then: { [self] answers in
        switch answers {
        case .success(let answers):
          var unanswered: [Int] = []
          for (n, i) in waiting() where !take(answers[n], of: i, again: again) { unanswered.append(i) }
          guard !unanswered.isEmpty else { return }
          let epochs = unanswered.map { phases.epochs[$0] }
          after(Scheduler.pause(0)) { [self] in
            ask(zip(unanswered, epochs).filter { phases.epochs[$0] == $1 }.map(\.0), again: true)
          }
        case .failure(let error):
          problems.fault("\(error)")
          for (_, i) in waiting() { miss(i) }
        }
      }
    }
  }

  /// What remotes said of `i`; false when it is worth asking again.
  private func take(_ answer: RecordAnswer, of i: Int, again: Bool) -> Bool {
    if let known = answer.known,
      graph.instances[i].outputs.allSatisfy({ known.artifacts[$0.name] != nil })
    {
      settle(i, known.artifacts, Outcome(platform: known.platform))
      return true
    }
    if !again, canAsk, answer.problems.contains(where: { $0.error.isOfRemote }) { return false }
    for (remote, error) in answer.problems {
      switch error {
      // A remote that fails says so itself.
      case .remote, .remoteAbsent: break
      case .record(let reason): problems.warn("\(remote): not a valid record: \(reason). It was not used")
      default: problems.fault("\(error)")
      }
    }
    miss(i)
    return true
  }

  /// Gets a manifest that isn't here, of which the key of `i` needs a part.
  private func readParts(of manifest: Digest, for i: Int, tries: Int = 0) {
    phases.move(i, to: .asking)
    beside(.opening, for: i) { [store] in
      Result { try store.entries(of: manifest) }.mapError(StoreError.init(wrapping:))
    } giveUp: { [self] in
      rebuild([manifest: .missing(manifest)], for: i, .key)
    } then: { [self] answer in
      switch answer {
      case .success(let entries):
        resolution.learn(manifest, entries)
        phases.move(i, to: .waiting)
        resolution.recheck(i)
      case .failure(let error) where !error.isLostBlob && tries < Scheduler.mostFaults:
        after(Scheduler.pause(tries), for: i) { [self] in readParts(of: manifest, for: i, tries: tries + 1) }
      case .failure(let error): rebuild([manifest: error], for: i, .key)
      }
    }
  }

  /// The artifacts of `i` are known, and those of all with its key.
  func settle(_ i: Int, _ artifacts: [String: Artifact], _ outcome: Outcome) {
    let followers = takeFollowers(of: i)
    for j in [i] + followers {
      var its = outcome
      if j != i, outcome.state == .executed {
        its.sharedWith = i
        copyLog(from: i, to: j)
      }
      resolution.observe(j, like: i)
      resolution.settle(j, artifacts)
      finish(j, its)
    }
  }

  /// What `i` asks for that can never be had here, with its place; nil when all can.
  func lacking(_ i: Int) -> String? {
    let instance = graph.instances[i]
    let needs = resources(of: i)
    guard let lacking = needs.lacking(in: capacity(for: needs)) else { return nil }
    let start = instance.place.line == 0 ? "" : "\(instance.place): "
    return "\(start)stage '\(instance.stage)' needs \(lacking)"
  }

  /// What `i` says that it needs, and what its kind needs in any case where its stage says less.
  private func resources(of i: Int) -> Resources {
    let instance = graph.instances[i]
    var needs = instance.resources
    guard let usual = options.needsOfKinds[instance.kind.name], !needs.isHere else { return needs }
    needs.cpus = max(needs.cpus, usual.cpus)
    needs.gpus = max(needs.gpus, usual.gpus)
    needs.memory = needs.memory ?? usual.memory
    needs.time = needs.time ?? usual.time
    return needs
  }

  /// What an attempt takes of the machine.
  func needs(of i: Int, _ attempt: Attempt) -> Resources {
    var needs = resources(of: i)
    if needs.memory != nil {
      needs.memory = attempt.memory ?? needs.memory
    } else if executor.jobsShareMachine || needs.isHere {
      // Elsewhere nothing has to fit beside others.
      needs.expectedMemory = attempt.memory ?? memoryGuesses.guess(i)
    }
    return needs
  }

  /// Has `i` wait for its turn.
  func enqueue(_ i: Int, _ attempt: Attempt) {
    if let lacking = lacking(i) { return fail(i, Failure(.other, lacking)) }
    let needs = needs(of: i, attempt)
    phases.move(i, to: .queued(attempt))
    let instance = graph.instances[i]
    let goesAlone = attempt.isAlone || instance.kind.varying.isEmpty
    let company =
      goesAlone
      ? nil
      : JobQueue.Company(
        group: keys.group(i, resolution), most: instance.kind.mostMembers(parameters: instance.parameters))
    queue.insert(i, needs, company)
  }
}

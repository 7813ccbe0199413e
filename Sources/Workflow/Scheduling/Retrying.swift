// Owns trying again: after failures that may pass, later and perhaps with more memory.

import ContentStore

extension Scheduler {
  /// Has `i`, which failed, tried again if that may help; false when it may not.
  func tryAgain(_ i: Int, _ work: Work, _ failure: Failure) -> Bool {
    let instance = graph.instances[i]
    let retry = instance.retry ?? .unasked
    var attempt = work.attempt
    guard let pause = retry.pause(after: failure, tries: attempt.failures.count) else { return false }
    if failure.cause == .memory {
      guard let more = moreMemory(than: needs(of: i, attempt)) else { return false }
      attempt.memory = more
    }
    // Alone, so that nothing of others can be to blame.
    attempt.isAlone = true
    attempt.failures.append(failure.firstLine)
    let number = attempt.failures.count + 1
    observe.tell(
      .retrying(
        instance: i, failure: failure, attempt: number, of: max(number, retry.times + 1), pause: pause))
    guard pause > 0 else {
      enqueue(i, attempt)
      return true
    }
    phases.move(i, to: .resting(attempt))
    after(pause, for: i) { [self] in enqueue(i, attempt) }
    return true
  }

  /// Twice as much, as far as there is any; nil when it had all.
  private func moreMemory(than needs: Resources) -> Int? {
    guard let all = capacity(for: needs).memory else {
      return (needs.memory ?? needs.expectedMemory).map { 2 * $0 }
    }
    // Of what said nothing it isn't known what it had.
    guard let had = needs.memory ?? needs.expectedMemory else { return all }
    return had < all ? min(2 * had, all) : nil
  }
}

extension Attempt {
  /// What the log says of the attempts before.
  var notes: [String] {
    guard let last = failures.last else { return [] }
    return ["attempt \(failures.count + 1); the one before: \(last)"]
  }
}

extension Failure {
  /// What a line has room for.
  var firstLine: String { message.split(separator: "\n").first.map(String.init) ?? cause.name }
}

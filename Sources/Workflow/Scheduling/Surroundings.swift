// Owns the seam between a run's loop and everything that takes time: threads, the clock, the order in which things
// happen. The loop itself waits for nothing else.

import Foundation

/// What a run's loop is told.
package enum Happening: Sendable {
  case executor(ExecutorEvent)
  /// An errand is done; its number and what came of it.
  case errand(Int, any Sendable)
  case interruption
}

/// What is done beside the loop, each with threads of its own, so that none keeps another waiting.
package enum Lane: CaseIterable, Sendable {
  /// Asking a remote for records.
  case asking
  /// Fetching, decompressing and verifying what instances read.
  case opening
  /// Publishing here: one at a time, as the index takes them.
  case publishing
  case uploading
  /// Telling displays.
  case telling

  /// How many errands of it are under way at a time.
  var width: Int {
    switch self {
    case .asking, .opening: 8
    case .uploading: 3
    case .publishing, .telling: 1
    }
  }
}

/// A clock, a queue of happenings and hands for errands.
package protocol Surroundings: AnyObject, Sendable {
  /// Seconds since some start; it never steps back.
  var now: Double { get }
  /// From any thread.
  func post(_ happening: Happening)
  /// The next happening. Waits until `deadline`, without one for ever; nil when none came.
  func next(until deadline: Double?) -> Happening?
  /// Does `work` when a hand of its lane is free; where `id` is given, what it returns happens afterwards.
  func errand(_ lane: Lane, _ id: Int?, _ work: @escaping @Sendable () -> any Sendable)
  /// How many errands of a lane aren't done.
  func backlog(of lane: Lane) -> Int
  /// Begins no more errands. Those under way go on, and nobody waits for them.
  func close()
}

/// Threads, and the machine's clock.
final class Threads: Surroundings, @unchecked Sendable {
  private let events = EventQueue<Happening>()
  private let condition = NSCondition()
  private var queues: [Lane: Queue] = [:]
  private var isClosed = false

  private typealias Errand = (id: Int?, work: @Sendable () -> any Sendable)

  /// A lane's errands, and its hands.
  private struct Queue {
    var errands: [Errand] = []
    /// How many of them have been taken.
    var taken = 0
    var hands = 0
    var idle = 0

    var waiting: Int { errands.count - taken }
  }

  var now: Double { ProcessInfo.processInfo.systemUptime }

  func post(_ happening: Happening) { events.post(happening) }

  func next(until deadline: Double?) -> Happening? {
    events.next(timeout: deadline.map { max(0, $0 - now) })
  }

  func errand(_ lane: Lane, _ id: Int?, _ work: @escaping @Sendable () -> any Sendable) {
    condition.withLock {
      queues[lane, default: Queue()].errands.append((id, work))
      if queues[lane]!.idle >= queues[lane]!.waiting {
        condition.broadcast()
      } else if queues[lane]!.hands < lane.width {
        queues[lane]!.hands += 1
        let thread = Thread { [self] in
          while let (id, work) = take(lane) {
            let outcome = work()
            if let id { events.post(.errand(id, outcome)) }
          }
        }
        thread.name = "\(lane)"
        thread.start()
      }
    }
  }

  func backlog(of lane: Lane) -> Int {
    condition.withLock { queues[lane].map { $0.waiting + $0.hands - $0.idle } ?? 0 }
  }

  func close() {
    condition.withLock {
      isClosed = true
      queues = [:]
      condition.broadcast()
    }
  }

  private func take(_ lane: Lane) -> Errand? {
    condition.withLock {
      queues[lane]?.idle += 1
      while !isClosed, queues[lane]?.waiting == 0 { condition.wait() }
      if isClosed { return nil }
      queues[lane]!.idle -= 1
      queues[lane]!.taken += 1
      let errand = queues[lane]!.errands[queues[lane]!.taken - 1]
      if queues[lane]!.taken == queues[lane]!.errands.count {
        queues[lane]!.errands.removeAll(keepingCapacity: true)
        queues[lane]!.taken = 0
      }
      return errand
    }
  }
}

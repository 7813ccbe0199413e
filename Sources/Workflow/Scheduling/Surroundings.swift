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
  /// Asking remotes for records.
  case asking
  /// Fetching, decompressing and verifying what instances read.
  case opening
  /// Publishing here: one at a time, as the index takes them.
  case publishing
  /// Asking the store who computes what: one at a time too, in order.
  case leasing
  case uploading
  /// Telling displays.
  case telling

  /// How many errands of it are under way at a time.
  var width: Int {
    switch self {
    case .asking, .opening, .uploading: 8
    case .publishing, .leasing, .telling: 1
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
  /// Doesn't count on hands that wait for a remote any longer: others take their places.
  func replaceHands()
  /// Begins no more errands. Those under way go on, and nobody waits for them.
  func close()
}

/// Threads, and the machine's clock.
final class Threads: Surroundings, @unchecked Sendable {
  private let events = EventQueue<Happening>()
  private let queues = Dictionary(uniqueKeysWithValues: Lane.allCases.map { ($0, Queue()) })

  private typealias Errand = (id: Int?, work: @Sendable () -> any Sendable)

  /// A lane's errands, and its hands. Each lane has a lock of its own, so that an errand wakes one hand of its lane and
  /// nobody else.
  private final class Queue: @unchecked Sendable {
    let condition = NSCondition()
    var errands: [Errand] = []
    /// How many of them have been taken.
    var taken = 0
    var hands = 0
    var idle = 0
    var isClosed = false

    var waiting: Int { errands.count - taken }

    /// The next errand, once there is one; nil when there won't be any more.
    func take() -> Errand? {
      condition.withLock {
        idle += 1
        while !isClosed, waiting == 0 { condition.wait() }
        if isClosed { return nil }
        idle -= 1
        taken += 1
        let errand = errands[taken - 1]
        if taken == errands.count {
          errands.removeAll(keepingCapacity: true)
          taken = 0
        }
        return errand
      }
    }
  }

  var now: Double { ProcessInfo.processInfo.systemUptime }

  func post(_ happening: Happening) { events.post(happening) }

  func next(until deadline: Double?) -> Happening? {
    events.next(timeout: deadline.map { max(0, $0 - now) })
  }

  func errand(_ lane: Lane, _ id: Int?, _ work: @escaping @Sendable () -> any Sendable) {
    let queue = queues[lane]!
    queue.condition.withLock {
      queue.errands.append((id, work))
      if queue.idle >= queue.waiting {
        queue.condition.signal()
      } else if queue.hands < lane.width {
        addHand(to: queue, lane)
      }
    }
  }

  private func addHand(to queue: Queue, _ lane: Lane) {
    queue.hands += 1
    let thread = Thread { [self] in
      while let (id, work) = queue.take() {
        let outcome = work()
        if let id { events.post(.errand(id, outcome)) }
      }
    }
    thread.name = "\(lane)"
    thread.start()
  }

  func replaceHands() {
    for lane in [Lane.asking, .opening, .uploading] {
      let queue = queues[lane]!
      queue.condition.withLock {
        queue.hands = queue.idle
        while queue.hands < min(queue.waiting, lane.width) { addHand(to: queue, lane) }
      }
    }
  }

  func backlog(of lane: Lane) -> Int {
    let queue = queues[lane]!
    return queue.condition.withLock { queue.waiting + queue.hands - queue.idle }
  }

  func close() {
    for queue in queues.values {
      queue.condition.withLock {
        queue.isClosed = true
        queue.errands = []
        queue.taken = 0
        queue.condition.broadcast()
      }
    }
  }
}

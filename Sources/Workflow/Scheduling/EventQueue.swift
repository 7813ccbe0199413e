// Owns where a run waits: events from other threads, in the order in which they came.

import Foundation

/// A queue that one thread takes from.
package final class EventQueue<Event: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var events: [Event] = []
  private var next = 0

  package init() {}

  package func post(_ event: Event) {
    condition.withLock {
      events.append(event)
      condition.signal()
    }
  }

  /// Waits for the next event, at most `timeout` seconds, without one for ever; nil when none came.
  package func next(timeout: Double?) -> Event? {
    condition.withLock {
      let deadline = timeout.map { Date(timeIntervalSinceNow: $0) }
      while next == events.count {
        events.removeAll(keepingCapacity: true)
        next = 0
        guard let deadline else {
          condition.wait()
          continue
        }
        if !condition.wait(until: deadline) { break }
      }
      guard next < events.count else { return nil }
      defer { next += 1 }
      return events[next]
    }
  }
}

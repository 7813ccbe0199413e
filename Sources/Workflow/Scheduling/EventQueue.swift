// Owns where a run waits: events from other threads, in the order in which they came. It waits by a clock that nobody
// sets: with Foundation's conditions a clock set back by an hour makes a wait of a second one of an hour.

import Foundation

/// A queue that one thread takes from.
package final class EventQueue<Event: Sendable>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var events: [Event] = []
  private var next = 0

  package init() {
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  package func post(_ event: Event) {
    pthread_mutex_lock(mutex)
    events.append(event)
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Waits for the next event, at most `timeout` seconds, without one for ever; nil when none came.
  package func next(timeout: Double?) -> Event? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    var deadline = timeout.map { timespec(monotonicIn: $0) }
    while next == events.count {
      events.removeAll(keepingCapacity: true)
      next = 0
      if deadline == nil {
        pthread_cond_wait(condition, mutex)
      } else if pthread_cond_timedwait(condition, mutex, &deadline!) == ETIMEDOUT {
        break
      }
    }
    guard next < events.count else { return nil }
    defer { next += 1 }
    return events[next]
  }
}

extension timespec {
  /// So many seconds from now.
  fileprivate init(monotonicIn seconds: Double) {
    self.init()
    clock_gettime(CLOCK_MONOTONIC, &self)
    // No wait is longer than a century.
    let nanoseconds = tv_nsec + Int(min(max(seconds, 0), 3e9) * 1e9)
    tv_sec += nanoseconds / 1_000_000_000
    tv_nsec = nanoseconds % 1_000_000_000
  }
}

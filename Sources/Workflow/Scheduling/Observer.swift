// Owns the way of events to a display: one after another, on a thread of its own, so that one that blocks or throws
// keeps nothing waiting but itself.

import Foundation
import Synchronization

/// Tells a display what happens.
final class Observer {
  private let surroundings: any Surroundings
  private let display: Display

  /// How many events may wait for a display before progress is left out.
  private static let backlog = 256

  /// How long the end of a run waits for a display that hangs, in seconds.
  private static let patience = 2.0

  init(_ surroundings: any Surroundings, _ show: @escaping (RunEvent) throws -> Void) {
    self.surroundings = surroundings
    display = Display(show)
  }

  func tell(_ event: RunEvent) {
    if case .progress = event, surroundings.backlog(of: .telling) > Observer.backlog { return }
    surroundings.errand(.telling, nil) { [display] in display.show(event) }
  }

  /// Waits until everything has been told, if the display takes it. Nothing is told afterwards.
  func end() {
    let deadline = surroundings.now + Observer.patience
    while surroundings.backlog(of: .telling) > 0, surroundings.now < deadline {
      _ = surroundings.next(until: surroundings.now + 0.002)
    }
    display.end()
  }
}

/// What shows events. It is called from one thread at a time, which is why its function needn't be `Sendable`.
private final class Display: @unchecked Sendable {
  private let show: (RunEvent) throws -> Void
  private let isOver = Mutex(false)

  init(_ show: @escaping (RunEvent) throws -> Void) { self.show = show }

  func show(_ event: RunEvent) {
    if isOver.withLock({ $0 }) { return }
    // Without a display a run goes on.
    do { try show(event) } catch { end() }
  }

  func end() { isOver.withLock { $0 = true } }
}

// Owns what Ctrl-C does: the first one asks the run to end cleanly, a second one ends the program at once.

import Foundation
import Synchronization

private let wasInterrupted = Atomic(false)

enum Interruption {
  /// Listens for SIGINT, SIGTERM and SIGHUP from now on.
  static func listen() {
    // Who started this may have had them blocked.
    var numbers = sigset_t()
    sigemptyset(&numbers)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      sigaddset(&numbers, number)
      signal(number) { number in
        wasInterrupted.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
    pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
  }

  static var happened: Bool { wasInterrupted.load(ordering: .relaxed) }
}

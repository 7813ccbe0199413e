// Owns what Ctrl-C does: the first one asks the run to end cleanly, a second one ends the program at once.

import Foundation
import Synchronization

private let wasInterrupted = Atomic(false)

enum Interruption {
  /// Listens for SIGINT, SIGTERM and SIGHUP from now on.
  static func listen() {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { number in
        wasInterrupted.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }

  static var happened: Bool { wasInterrupted.load(ordering: .relaxed) }
}

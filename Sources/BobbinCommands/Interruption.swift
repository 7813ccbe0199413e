// Owns what Ctrl-C does: the first one asks the run to end cleanly, a second one ends the program at once. Either way
// what had finished is kept.

import Foundation
import Synchronization
import Workflow

/// The end of the pipe by which the signal handler wakes a thread.
private let wakeWriter = Atomic<Int32>(-1)
private let wasInterrupted = Atomic(false)
/// The signals that have come, a bit for each.
private let seen = Atomic<UInt64>(0)
private let current = Mutex<(@Sendable () -> Void)?>(nil)

enum Interruption {
  /// It happened before anything ran.
  struct Happened: Error {}

  /// Listens for SIGINT, SIGTERM and SIGHUP from now on. Throws where too few files may be open for that.
  static func listen() throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw CommandFailure(
        "can't wait for Ctrl-C beside the work (\(String(cString: strerror(errno)))). See `ulimit -n`")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    wakeWriter.store(ends[1], ordering: .relaxed)
    let reader = ends[0]
    // A handler of signals may do next to nothing itself.
    Thread {
      var byte: UInt8 = 0
      while read(reader, &byte, 1) != 1 {}
      current.withLock { $0 }?()
    }.start()
    // Who started this may have had them blocked.
    var numbers = sigset_t()
    sigemptyset(&numbers)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      sigaddset(&numbers, number)
      signal(number) { number in
        let bit: UInt64 = 1 << UInt64(number)
        if seen.bitwiseOr(bit, ordering: .relaxed).oldValue & bit != 0 {
          let words: StaticString =
            "ended at once; what had finished is kept, and the same command goes on from there\n"
          _ = write(STDERR_FILENO, words.utf8Start, words.utf8CodeUnitCount)
          _exit(130)
        }
        wasInterrupted.store(true, ordering: .relaxed)
        var byte: UInt8 = 1
        _ = write(wakeWriter.load(ordering: .relaxed), &byte, 1)
      }
    }
    pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
  }

  static var happened: Bool { wasInterrupted.load(ordering: .relaxed) }

  /// Ends this run when it happens, or has happened.
  static func ends(_ run: Run) { ends(run.interruption) }

  /// Does this when it happens, or has happened.
  static func ends(_ interrupt: Interrupt) { ends { interrupt() } }

  static func ends(_ interrupt: @escaping @Sendable () -> Void) {
    current.withLock { $0 = interrupt }
    if happened { interrupt() }
  }
}

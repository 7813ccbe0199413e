// Owns how many threads compute in a worker: what the driver grants to the job at hand, which may change at any time. Who
// takes heed of it is the program's affair.

import Synchronization

/// The threads of the job that is being computed.
final class GrantedThreads: Sendable {
  private struct State {
    var job: Int?
    var threads = 1
    /// What later jobs were granted since they were sent.
    var ahead: [Int: Int] = [:]
  }

  private let state = Mutex(State())
  private let changed: @Sendable (Int) -> Void

  /// - Parameter changed: told of each new number, in their order.
  init(_ changed: @escaping @Sendable (Int) -> Void) { self.changed = changed }

  var now: Int { state.withLock { $0.threads } }

  /// A job begins, which was sent with so many.
  func begin(_ job: Int, _ threads: Int) {
    state.withLock { state in
      state.job = job
      set(state.ahead[job] ?? threads, &state)
      state.ahead = [:]
    }
  }

  /// The job is over. What is still granted to it means nothing.
  func end() {
    state.withLock { state in
      state.job = nil
      set(1, &state)
    }
  }

  /// The driver has granted so many to a job: the one at hand, one that is yet to come, or one that is over.
  func grant(_ threads: Int, to job: Int) {
    state.withLock { state in
      if job == state.job { set(threads, &state) } else { state.ahead[job] = threads }
    }
  }

  private func set(_ threads: Int, _ state: inout State) {
    state.threads = max(1, threads)
    changed(state.threads)
  }
}

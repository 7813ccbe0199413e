// Owns what each member of a job cost. A member bears what passes in its turn; what passes in everybody's turn, the
// members that aren't over bear in equal shares, so that the shares of a job add up to the job.

import Foundation
import Processes
import Workflow

/// Time and memory by member. Confined to the computing thread.
struct Meter {
  /// What a member bears.
  struct Share {
    var seconds = 0.0
    /// Of the worker and of all children it has reaped.
    var cpuSeconds = 0.0
  }

  private var shares: [Share]
  private var open: Set<Int>
  private var holder: Int?
  private var clock = monotonicSeconds()
  private var cpu = processorSeconds()

  init(members: Int) {
    shares = Array(repeating: Share(), count: members)
    open = Set(0..<members)
  }

  /// From now on it is this member's turn; nil: everybody's.
  mutating func pass(to member: Int?) {
    // Of one member everything is its own.
    guard shares.count > 1 else { return }
    charge()
    holder = member
  }

  /// A member is over; what it bears.
  mutating func end(_ member: Int) -> Share {
    charge()
    open.remove(member)
    return shares[member]
  }

  private mutating func charge() {
    let (now, cpuNow) = (monotonicSeconds(), processorSeconds())
    defer { (clock, cpu) = (now, cpuNow) }
    let payers = holder.map { [$0] } ?? Array(open)
    for payer in payers {
      shares[payer].seconds += (now - clock) / Double(payers.count)
      shares[payer].cpuSeconds += (cpuNow - cpu) / Double(payers.count)
    }
  }
}

/// Processor time of this process and of the children it has reaped, so far.
private func processorSeconds() -> Double {
  [RUSAGE_SELF.rawValue, RUSAGE_CHILDREN.rawValue].reduce(0) { sum, who in
    var usage = rusage()
    getrusage(__rusage_who_t(who), &usage)
    return sum + usage.cpuSeconds
  }
}

/// Seconds on a clock that nobody sets.
func monotonicSeconds() -> Double {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
}

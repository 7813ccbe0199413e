// A world on one thread: errands and jobs are done while the loop waits, one at a time. Which one is next is first come
// first served, or drawn; either way everything that happens follows from the seed.

import Foundation
import Workflow

final class World: Surroundings, @unchecked Sendable {
  private(set) var now = 0.0
  private var happenings: [Happening] = []
  private var errands: [(lane: Lane, id: Int?, work: @Sendable () -> any Sendable)] = []
  /// What an executor can do next; each step is done once.
  private var steps: [() -> Void] = []
  /// Draws what is next; nil: errands in their order, then jobs in theirs.
  var random: SeededRandom?
  /// Whether an errand may wait for ever: then each is done on a thread of its own, while this one waits until it is done
  /// or hangs.
  var mayHang = false
  private var current: Hand?
  private var hanging: [Hand] = []
  /// Whether the loop waited though nothing could happen any more.
  private(set) var isStuck = false
  private var waits = 0
  private var stuckWaits = 0

  /// Has an executor do something while the loop waits.
  func later(_ step: @escaping () -> Void) { steps.append(step) }

  /// What an executor that was shut down won't do any more.
  func forgetSteps() { steps = [] }

  func post(_ happening: Happening) { happenings.append(happening) }

  func errand(_ lane: Lane, _ id: Int?, _ work: @escaping @Sendable () -> any Sendable) {
    if lane == .telling { _ = work() } else { errands.append((lane, id, work)) }
  }

  func backlog(of lane: Lane) -> Int { errands.count { $0.lane == lane } }

  func replaceHands() {}

  func close() { errands = [] }

  func next(until deadline: Double?) -> Happening? {
    waits += 1
    if waits > 2_000_000 { isStuck = true }
    while happenings.isEmpty, !isStuck {
      if let deadline, deadline <= now { return nil }
      if act() { continue }
      guard let deadline else {
        isStuck = true
        break
      }
      now = deadline
      return nil
    }
    guard isStuck else { return happenings.removeFirst() }
    // Whoever goes on waiting then would do so for ever.
    stuckWaits += 1
    precondition(stuckWaits < 1_000_000, "a run that is interrupted and doesn't end")
    return stuckWaits == 1 ? .interruption : nil
  }

  /// Does something, if there is anything to be done.
  private func act() -> Bool {
    // Of these one is under way at a time, in order.
    let first = [Lane.publishing, .leasing].map { lane in errands.firstIndex { $0.lane == lane } }
    let open = errands.indices.filter { n in
      ![.publishing, .leasing].contains(errands[n].lane) || first.contains(n)
    }
    let count = open.count + steps.count
    if count == 0 { return false }
    let choice = random?.next(below: count) ?? 0
    if choice < open.count {
      let errand = errands.remove(at: open[choice])
      guard let outcome = outcome(of: errand.work) else { return true }
      if let id = errand.id { happenings.append(.errand(id, outcome)) }
    } else {
      steps.remove(at: choice - open.count)()
    }
    if random != nil { now += 0.01 }
    return true
  }
}

// What hangs.
extension World {
  /// A thread with an errand. One thread at a time goes on, here or there.
  private final class Hand: @unchecked Sendable {
    let paused = DispatchSemaphore(value: 0)
    let released = DispatchSemaphore(value: 0)
    var outcome: (any Sendable)?
  }

  /// What an errand comes to; nil when it hangs.
  private func outcome(of work: @escaping @Sendable () -> any Sendable) -> (any Sendable)? {
    guard mayHang else { return work() }
    let hand = Hand()
    current = hand
    Thread {
      hand.outcome = work()
      hand.paused.signal()
    }.start()
    hand.paused.wait()
    current = nil
    if hand.outcome == nil { hanging.append(hand) }
    return hand.outcome
  }

  /// Waits, as an errand, until everything is over.
  func hang() {
    // What comes to its end doesn't hang again.
    guard let hand = current else { return }
    hand.paused.signal()
    hand.released.wait()
  }

  /// Lets what hangs come to its end, one after the other.
  func release() {
    for hand in hanging {
      hand.released.signal()
      hand.paused.wait()
    }
    hanging = []
  }
}

/// SplitMix64, see "Fast Splittable Pseudorandom Number Generators" (Steele, Lea, Flood 2014).
final class SeededRandom {
  private var state: UInt64
  init(_ seed: Int) { state = UInt64(bitPattern: Int64(seed)) &* 0x2545_F491_4F6C_DD1D &+ 1 }

  func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  func next(below bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// True once in `n` times, on average.
  func once(in n: Int) -> Bool { next(below: n) == 0 }
}

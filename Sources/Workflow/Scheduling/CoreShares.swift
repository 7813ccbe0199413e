// Owns how the cores that no instance needs are divided among the jobs that can use them. What a job may use beyond its
// own cores is lent: nobody waits for it, and no bit and no key depends on it.

/// How many threads each running job may compute with.
package struct CoreShares {
  private struct Share {
    /// What it needs, and holds.
    let cpus: Int
    let use: ThreadUse
    var threads: Int
  }

  private var shares: [Int: Share] = [:]

  package init() {}

  /// A job runs from now on; it has as many threads as it needs cores until they are divided anew.
  package mutating func add(_ job: Int, cpus: Int, _ use: ThreadUse) {
    shares[job] = Share(cpus: cpus, use: use, threads: max(1, cpus))
  }

  package mutating func remove(_ job: Int) { shares[job] = nil }

  /// Divides cores that nobody needs: one after the other to the job with the fewest threads, the older one of two.
  /// - Returns: what has changed, first what is withdrawn.
  package mutating func divide(_ free: Int) -> [(job: Int, threads: Int)] {
    let takers = shares.filter { $0.value.use == .any }.keys.sorted()
    var threads = takers.map { max(1, shares[$0]!.cpus) }
    for _ in 0..<(takers.isEmpty ? 0 : max(0, free)) {
      threads[threads.indices.min { threads[$0] < threads[$1] }!] += 1
    }
    var changes: [(job: Int, threads: Int)] = []
    var withdrawn = 0
    for (job, now) in zip(takers, threads) where shares[job]!.threads != now {
      if now < shares[job]!.threads {
        changes.insert((job, now), at: withdrawn)
        withdrawn += 1
      } else {
        changes.append((job, now))
      }
      shares[job]!.threads = now
    }
    return changes
  }
}

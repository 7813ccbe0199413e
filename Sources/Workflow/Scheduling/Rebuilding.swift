// Owns lost blobs: a record outlives its bytes, so who needs them has their producer run again. If that gives other
// bytes, the run goes on with those.

import Canonical
import ContentStore

extension Run {
  /// Has the producers of lost blobs run again, and instance `i` wait for them.
  func rebuild(_ lost: [Digest: StoreError], for i: Int) throws {
    let ancestors = graph.closure(of: graph.dependencies[i])
    let producers = try producers(of: Set(lost.keys), among: ancestors)
    for (digest, error) in lost.sorted(by: { $0.key < $1.key }) {
      guard let producer = producers[digest] else {
        fail(i, "it reads \(error), and no stage of this pipeline makes it")
        return
      }
      if rebuilds.contains(producer), case .done = phases[producer] {
        fail(
          i, "it reads \(error), although '\(graph.instances[producer].name)' has just been run again for it")
        return
      }
    }
    phases[i] = .blocked
    for producer in Set(producers.values).sorted() {
      waiters[producer, default: []].append(i)
      let digest = producers.filter { $0.value == producer }.keys.min()!
      schedule(rebuildOf: producer, lost[digest]!)
    }
  }

  /// Has those run again whose lost blobs the caller wants to read. Returns whether there are any.
  func rebuildRequired() throws -> Bool {
    var scheduled = false
    for i in options.required.sorted() {
      guard let report = reports[i], report.state == .executed || report.state == .cached else { continue }
      let (_, lost) = try blobs.open(report.artifacts.values)
      guard !lost.isEmpty else { continue }
      let producers = try producers(of: Set(lost.keys), among: graph.closure(of: [i]))
      for (digest, producer) in producers {
        if rebuilds.contains(producer), case .done = phases[producer] {
          fail(i, "its output can't be read although it has just been run again: \(lost[digest]!)")
        } else {
          schedule(rebuildOf: producer, lost[digest]!)
          scheduled = true
        }
      }
      if let digest = lost.keys.first(where: { producers[$0] == nil }) {
        fail(i, "its output can't be read: \(lost[digest]!)")
      }
    }
    return scheduled
  }

  /// The instance that came out with its rebuild.
  func rebuilt(_ i: Int, _ artifacts: [String: Artifact], seconds: Double) {
    let before = resolution.artifacts[i] ?? [:]
    let key = resolution.key[i]
    let sharing = scope.filter { resolution.key[$0] == key && resolution.artifacts[$0] != nil }.sorted()
    phases[i] = .done
    if before != artifacts {
      let names = artifacts.keys.filter { before[$0] != artifacts[$0] }.sorted()
      let changes = names.map { name in
        "\(name) \(before[name]?.digest.hex.prefix(12) ?? "none") → \(artifacts[name]!.digest.hex.prefix(12))"
      }
      warn(
        "\(graph.instances[i].name) gave other bytes when it ran again (\(changes.joined(separator: ", "))): stage "
          + "'\(graph.instances[i].stage)' isn't reproducible. What follows from it gets new keys")
      let leading = Dictionary(leaders.map { ($0.value, $0.key) }) { first, _ in first }
      for j in sharing {
        let unsettled = resolution.adopt(j, artifacts) {
          if case .running = phases[$0] { true } else { false }
        }
        for u in unsettled {
          if let key = leading[u] { release(u, key) }
          phases[u] = .waiting
        }
        reports[j] = report(
          j, j == i ? .executed : reports[j]?.state ?? .cached, seconds: reports[j]?.seconds ?? 0)
      }
    }
    reports[i] = report(i, .executed, seconds: seconds)
    observe(.finished(reports[i]!))
    for waiter in waiters.removeValue(forKey: i) ?? [] {
      if case .blocked = phases[waiter] { enqueue(waiter) }
    }
  }

  private func schedule(rebuildOf i: Int, _ error: StoreError) {
    guard case .done = phases[i] else { return }
    rebuilds.insert(i)
    let what =
      switch error {
      case .damaged(let digest, let reason): "its output was lost (blob \(digest.hex.prefix(12)): \(reason))"
      default: "its output is no longer in the store"
      }
    reasons[i] = .outputLost(what)
    warn("\(graph.instances[i].name): \(what); running it again")
    enqueue(i)
  }

  /// For each of these blobs, the first instance in topological order whose output holds it.
  private func producers(of lost: Set<Digest>, among ancestors: Set<Int>) throws -> [Digest: Int] {
    var producers: [Digest: Int] = [:]
    for i in graph.order where ancestors.contains(i) && producers.count < lost.count {
      guard let artifacts = resolution.artifacts[i] else { continue }
      for digest in try blobs.walk(artifacts.values).digests.intersection(lost) where producers[digest] == nil
      {
        producers[digest] = i
      }
    }
    return producers
  }
}

// Owns the order in which stale instances get their turn: those with the longest way to go before others, then the
// file's order; and which of them go out together.

import Canonical

/// Stale instances by turn, apart by what they need, since what doesn't fit mustn't stand before what does.
struct JobQueue {
  /// What each instance's turn is; the smallest goes first.
  let turn: [Int]
  private var heaps: [Resources: [Int]] = [:]
  /// Instances that can be computed together, by what they share.
  private var groups: [Digest: [Int]] = [:]
  private var company: [Int: Company] = [:]

  /// Whom an instance can be computed with.
  struct Company {
    /// What all share.
    let group: Digest
    /// How many a job may have that this one is in.
    let most: Int
  }

  /// - Parameter graph: the longer the chain of instances that wait for one, the earlier is its turn.
  init(_ graph: Graph) {
    var height = [Int](repeating: 0, count: graph.instances.count)
    for i in graph.order.reversed() {
      for d in graph.dependencies[i] { height[d] = max(height[d], height[i] + 1) }
    }
    // By height, descending; within one, the topological order stays (counting sort).
    let highest = height.max() ?? 0
    var next = [Int](repeating: 0, count: highest + 2)
    for h in height { next[highest - h + 1] += 1 }
    for h in 1..<next.count { next[h] += next[h - 1] }
    var turn = [Int](repeating: 0, count: graph.instances.count)
    for i in graph.order {
      turn[i] = next[highest - height[i]]
      next[highest - height[i]] += 1
    }
    self.turn = turn
  }

  /// What there is by need.
  var needs: [Resources] { heaps.keys.sorted { turn[heaps[$0]![0]] < turn[heaps[$1]![0]] } }

  /// - Parameter company: whom it can be computed with; nil when it goes alone.
  mutating func insert(_ i: Int, _ resources: Resources, _ company: Company?) {
    push(i, resources)
    self.company[i] = company
    if let company { groups[company.group, default: []].append(i) }
  }

  /// Takes out the next instance of these needs, and with it others of its group: an equal share of it for each of
  /// `jobs` that could start now.
  /// - Parameter isQueued: whether an entry still holds; instances may have turned to other things.
  mutating func next(_ resources: Resources, sharedBy jobs: Int, where isQueued: (Int) -> Bool) -> [Int] {
    while let first = pop(resources) {
      let own = company.removeValue(forKey: first)
      guard isQueued(first) else { continue }
      guard let own, var others = groups.removeValue(forKey: own.group) else { return [first] }
      let group = own.group
      others = Set(others).filter { $0 != first && company[$0]?.group == group && isQueued($0) }
        .sorted { turn[$0] < turn[$1] }
      var most = min(own.most, (others.count + 1 + jobs - 1) / max(1, jobs))
      var taken: [Int] = []
      for i in others {
        most = min(most, company[i]!.most)
        guard taken.count + 1 < most else { break }
        taken.append(i)
      }
      for i in taken { company[i] = nil }
      if others.count > taken.count { groups[group] = Array(others.dropFirst(taken.count)) }
      return [first] + taken
    }
    return []
  }

  private mutating func push(_ i: Int, _ resources: Resources) {
    var heap = heaps[resources, default: []]
    heaps[resources] = nil  // so that the array isn't copied
    heap.append(i)
    var child = heap.count - 1
    while child > 0, case let parent = (child - 1) / 2, turn[heap[child]] < turn[heap[parent]] {
      heap.swapAt(child, parent)
      child = parent
    }
    heaps[resources] = heap
  }

  private mutating func pop(_ resources: Resources) -> Int? {
    guard var heap = heaps.removeValue(forKey: resources) else { return nil }
    let first = heap[0]
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      var parent = 0
      while case let left = 2 * parent + 1, left < heap.count {
        let right = left + 1
        let child = right < heap.count && turn[heap[right]] < turn[heap[left]] ? right : left
        if turn[heap[parent]] <= turn[heap[child]] { break }
        heap.swapAt(parent, child)
        parent = child
      }
      heaps[resources] = heap
    }
    return first
  }
}

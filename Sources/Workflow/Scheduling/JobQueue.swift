// Owns the order in which stale instances start: those with the longest way to go before others, then the file's
// order; one that doesn't fit lets others pass.

/// Stale instances by priority, apart by what they need.
struct JobQueue {
  /// What each instance's turn is; the smallest goes first.
  private let turn: [Int]
  private var heaps: [Resources: [Int]] = [:]

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

  mutating func insert(_ i: Int, _ resources: Resources) {
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

  /// Takes out the first one whose resources fit.
  mutating func next(where fits: (Resources) -> Bool) -> Int? {
    var best: (resources: Resources, turn: Int)?
    for (resources, heap) in heaps where turn[heap[0]] < best?.turn ?? .max && fits(resources) {
      best = (resources, turn[heap[0]])
    }
    guard let resources = best?.resources, var heap = heaps.removeValue(forKey: resources) else { return nil }
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

/// The tokens of an executor that are not taken.
struct Tokens {
  private(set) var free: Resources

  init(_ capacity: Resources) { free = capacity }

  func fits(_ needs: Resources) -> Bool {
    needs.cpus <= free.cpus && needs.gpus <= free.gpus
      && (needs.memory ?? 0) <= free.memory ?? .max
  }

  mutating func take(_ needs: Resources) { add(needs, -1) }
  mutating func giveBack(_ needs: Resources) { add(needs, 1) }

  private mutating func add(_ needs: Resources, _ sign: Int) {
    free.cpus += sign * needs.cpus
    free.gpus += sign * needs.gpus
    if let memory = free.memory { free.memory = memory + sign * (needs.memory ?? 0) }
  }
}

extension Resources {
  /// What of these can never be had from `capacity`; nil when all can.
  func lacking(in capacity: Resources) -> String? {
    if cpus > capacity.cpus { return "\(cpus) cpus, but there are \(capacity.cpus)" }
    if gpus > capacity.gpus { return "\(gpus) gpus, but there are \(capacity.gpus)" }
    if let memory, let most = capacity.memory, memory > most {
      return "\(Resources.spelled(memory)) of memory, but there are \(Resources.spelled(most))"
    }
    return nil
  }

  /// A size as `memory:` takes it: `2G`.
  package static func spelled(_ bytes: Int) -> String {
    let units = ["B", "K", "M", "G", "T"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let tenths = (value * 10).rounded() / 10
    return (tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)") + units[unit]
  }
}

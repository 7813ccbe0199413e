// Owns the forecast of a run: how long it will take, what it will write, and the chain that nothing can make shorter.
// It goes by what earlier runs took, and says how much that is worth.

import Canonical

/// What bringing a plan up to date will take, as far as earlier runs tell.
public struct Forecast: Sendable {
  /// A stage that has something to run.
  public struct Stage: Sendable {
    public let name: String
    public let kind: String
    /// Indices of its instances that would run.
    public let instances: [Int]
    /// Nil where nothing is known.
    public let cost: EarlierCost?
  }

  /// A link of the longest chain.
  public struct Link: Sendable, Hashable {
    public let instance: Int
    public let seconds: Double
  }

  /// How many run at a time.
  public let jobs: Int
  /// From start to end, in seconds: as the medians of earlier runs have it, and as their shortest and longest have it.
  /// Instances of which nothing is known count nothing.
  public let seconds: Double
  public let bounds: ClosedRange<Double>
  /// The bytes that will be written, as stored; of what is up to date by then, too many.
  public let bytes: Int
  /// What is to run, in the order of the file.
  public let stages: [Stage]
  /// The chain of instances, each of which waits for the one before, that takes longest.
  public let criticalPath: [Link]
  /// How many instances wait for others, and needn't run if those come to the bytes that they had.
  public let pending: Int

  /// How many would run.
  public var count: Int { stages.reduce(0) { $0 + $1.instances.count } }
  /// How many of them nothing is known of.
  public var unknown: Int { stages.reduce(0) { $0 + ($1.cost == nil ? $1.instances.count : 0) } }

  /// - Parameter capacity: what the machine has for all jobs together.
  public init(_ plan: Plan, graph: Graph, costs: EarlierCosts, jobs: Int, capacity: Resources) {
    self.jobs = jobs
    var toRun: [Int] = []
    var keys = Set<Digest>()
    var pending = 0
    for entry in plan.entries {
      switch entry.state {
      case .upToDate, .impossible: continue
      case .pending: pending += 1
      default: break
      }
      // Instances with one key are computed once.
      if let key = entry.key, !keys.insert(key).inserted { continue }
      toRun.append(entry.instance)
    }
    self.pending = pending
    var order: [String] = []
    var members: [String: [Int]] = [:]
    for i in toRun {
      let stage = graph.instances[i].stage
      if members[stage] == nil { order.append(stage) }
      members[stage, default: []].append(i)
    }
    let stages = order.map {
      Stage(
        name: $0, kind: graph.instances[members[$0]![0]].kind.name, instances: members[$0]!, cost: costs[$0])
    }
    self.stages = stages
    bytes = stages.reduce(0) { $0 + ($1.cost?.medianBytes ?? 0) * $1.instances.count }
    let simulation = Simulation(graph, toRun: toRun, jobs: jobs, capacity: capacity)
    func times(_ of: (EarlierCost) -> Double) -> [String: Double] {
      Dictionary(uniqueKeysWithValues: stages.map { ($0.name, $0.cost.map(of) ?? 0) })
    }
    let medians = times(\.medianSeconds)
    let expected = simulation.wallClock(medians)
    let shortest = simulation.wallClock(times { $0.seconds[0] })
    let longest = simulation.wallClock(times { $0.seconds.last! })
    seconds = expected
    // A schedule can be worse for shorter work; the bounds hold what is expected all the same.
    bounds = min(shortest, expected)...max(longest, expected)
    criticalPath = simulation.criticalPath(medians)
  }
}

/// The scheduler's way through what is to run, with times instead of work.
private struct Simulation {
  private let graph: Graph
  private let toRun: [Int]
  private let isToRun: Set<Int>
  private let turn: [Int]
  private let jobs: Int
  private let capacity: Resources

  init(_ graph: Graph, toRun: [Int], jobs: Int, capacity: Resources) {
    self.graph = graph
    self.toRun = toRun
    isToRun = Set(toRun)
    turn = JobQueue(graph).turn
    self.jobs = max(1, jobs)
    self.capacity = capacity
  }

  /// Seconds until all has run.
  func wallClock(_ seconds: [String: Double]) -> Double {
    var waiting: [Int: Int] = [:]
    var ready: [Resources: Heap] = [:]
    func makeReady(_ i: Int) {
      ready[graph.instances[i].resources, default: Heap()].push(Double(turn[i]), i)
    }
    for i in toRun {
      let count = graph.dependencies[i].count { isToRun.contains($0) }
      if count == 0 { makeReady(i) } else { waiting[i] = count }
    }
    var running = Heap()
    var tokens = Tokens(capacity)
    var now = 0.0
    while true {
      while running.count < jobs {
        // What could never fit fails at once; here it takes its time alone.
        var next: (turn: Double, needs: Resources)?
        for (needs, heap) in ready where tokens.fits(needs) || running.count == 0 {
          if heap.first! < next?.turn ?? .infinity { next = (heap.first!, needs) }
        }
        guard let needs = next?.needs else { break }
        let (_, i) = ready[needs]!.pop()!
        if ready[needs]!.count == 0 { ready[needs] = nil }
        tokens.take(needs)
        running.push(now + seconds[graph.instances[i].stage]!, i)
      }
      guard let (end, i) = running.pop() else { return now }
      now = end
      tokens.giveBack(graph.instances[i].resources)
      for c in graph.consumers[i] where isToRun.contains(c) {
        waiting[c]! -= 1
        if waiting[c] == 0 { makeReady(c) }
      }
    }
  }

  /// The chain that takes longest; only links that take any time.
  func criticalPath(_ seconds: [String: Double]) -> [Forecast.Link] {
    var total: [Int: Double] = [:]
    var before: [Int: Int] = [:]
    var last: Int?
    for i in graph.order where isToRun.contains(i) {
      let longest = graph.dependencies[i].filter { isToRun.contains($0) }
        .max { (total[$0]!, -$0) < (total[$1]!, -$1) }
      before[i] = longest
      total[i] = (longest.map { total[$0]! } ?? 0) + seconds[graph.instances[i].stage]!
      if total[i]! > last.map({ total[$0]! }) ?? 0 { last = i }
    }
    var path: [Forecast.Link] = []
    while let i = last {
      path.append(Forecast.Link(instance: i, seconds: seconds[graph.instances[i].stage]!))
      last = before[i]
    }
    return path.reversed().filter { $0.seconds > 0 }
  }
}

/// Instances by when their time comes, the earliest first; of two at one time that of the smaller index.
private struct Heap {
  private var members: [(at: Double, instance: Int)] = []

  var count: Int { members.count }
  var first: Double? { members.first?.at }

  mutating func push(_ at: Double, _ instance: Int) {
    members.append((at, instance))
    var child = members.count - 1
    while child > 0, case let parent = (child - 1) / 2, members[child] < members[parent] {
      members.swapAt(child, parent)
      child = parent
    }
  }

  mutating func pop() -> (at: Double, instance: Int)? {
    guard let first = members.first else { return nil }
    let last = members.removeLast()
    guard !members.isEmpty else { return first }
    members[0] = last
    var parent = 0
    while case let left = 2 * parent + 1, left < members.count {
      let right = left + 1
      let child = right < members.count && members[right] < members[left] ? right : left
      if members[parent] <= members[child] { break }
      members.swapAt(parent, child)
      parent = child
    }
    return first
  }
}

extension Forecast {
  /// The member `forecast` of what `run --dry-run --json` prints.
  public func json(_ graph: Graph) -> JSON {
    let stages = stages.map { stage -> JSON in
      var members: [String: JSON] = [
        "stage": .string(stage.name), "kind": .string(stage.kind),
        "instances": .integer(stage.instances.count),
        "basis": .string(stage.cost?.basis.rawValue ?? "none"),
        "earlierRuns": .integer(stage.cost?.seconds.count ?? 0),
      ]
      if let cost = stage.cost {
        members["seconds"] = .number(cost.medianSeconds)
        members["shortest"] = .number(cost.seconds[0])
        members["longest"] = .number(cost.seconds.last!)
        members["bytes"] = .integer(cost.medianBytes)
      }
      return .object(members)
    }
    return [
      "jobs": .integer(jobs), "instances": .integer(count), "seconds": .number(seconds),
      "shortest": .number(bounds.lowerBound), "longest": .number(bounds.upperBound), "bytes": .integer(bytes),
      "unknown": .integer(unknown), "pending": .integer(pending), "stages": .array(stages),
      "criticalPath": .array(
        criticalPath.map {
          ["name": .string(graph.instances[$0.instance].name), "seconds": .number($0.seconds)]
        }),
    ]
  }
}

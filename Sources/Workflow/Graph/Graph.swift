// Owns the DAG as compact arrays: who reads whom, and an order in which everything comes after what it reads.

/// The instances of a pipeline and their edges.
public struct Graph: Sendable {
  public let instances: [Instance]
  /// The project that the history belongs to: the absolute path of its root.
  public let project: String
  /// The pipeline file, relative to the root.
  public let file: String
  /// What the project has its keys hold.
  public let settings: KeySettings
  /// The distinct instances that instance `i` reads, ascending.
  public let dependencies: [[Int]]
  /// The distinct instances that read instance `i`, ascending.
  public let consumers: [[Int]]
  /// Every instance after all that it reads; otherwise in the order of the file.
  public let order: [Int]
  private let indexByName: [String: Int]

  /// Links instances. A cycle here is a bug: the pipeline file's loader reports cycles with their place.
  public init(instances: [Instance], project: String, file: String, settings: KeySettings = KeySettings()) {
    self.instances = instances
    self.settings = settings
    self.project = project
    self.file = file
    dependencies = instances.map { instance in
      instance.inputs.isEmpty ? [] : Set(instance.inputs.flatMap { $0.sources.map(\.instance) }).sorted()
    }
    var consumers = [[Int]](repeating: [], count: instances.count)
    for (i, reads) in dependencies.enumerated() {
      for d in reads { consumers[d].append(i) }
    }
    self.consumers = consumers
    var waiting = dependencies.map(\.count)
    var order = instances.indices.filter { waiting[$0] == 0 }
    order.reserveCapacity(instances.count)
    var next = 0
    while next < order.count {
      for c in consumers[order[next]] {
        waiting[c] -= 1
        if waiting[c] == 0 { order.append(c) }
      }
      next += 1
    }
    precondition(order.count == instances.count, "BUG: the graph has a cycle")
    self.order = order
    indexByName = Dictionary(instances.enumerated().map { ($1.name, $0) }) { first, _ in
      preconditionFailure("BUG: two instances are named '\(instances[first].name)'")
    }
  }

  /// The index of the instance with this canonical name.
  public func index(of name: String) -> Int? { indexByName[name] }

  /// The given instances and everything they read, directly or not.
  public func closure(of targets: some Sequence<Int>) -> Set<Int> {
    var seen = Set<Int>()
    var stack = Array(targets)
    while let i = stack.popLast() {
      if seen.insert(i).inserted { stack += dependencies[i] }
    }
    return seen
  }
}

// Owns the DAG as compact arrays: who reads whom, and an order in which everything comes after what it reads.

/// The instances of a pipeline and their edges.
public struct Graph: Sendable {
  public let instances: Instances
  /// The project that the history belongs to: the absolute path of its root.
  public let project: String
  /// The pipeline file, relative to the root.
  public let file: String
  /// What the project has its keys hold.
  public let settings: KeySettings
  /// The distinct instances that instance `i` reads, ascending.
  public let dependencies: Links
  /// The distinct instances that read instance `i`, ascending.
  public let consumers: Links
  /// Every instance after all that it reads; otherwise in the order of the file.
  public let order: [Int]
  /// The blocks by the name of their stage, or of the instance that stands for itself.
  private let blocks: [String: [Int]]

  /// Links the instances of stages, which follow each other in the order of the file. A cycle here is a bug: the
  /// pipeline file's loader reports cycles with their place.
  public init(
    stages: [StageInstances], project: String, file: String, settings: KeySettings = KeySettings()
  ) {
    self.init(Instances(stages), project: project, file: file, settings: settings)
  }

  /// Links instances that stand for themselves.
  public init(instances: [Instance], project: String, file: String, settings: KeySettings = KeySettings()) {
    self.init(Instances(instances), project: project, file: file, settings: settings)
  }

  private init(_ instances: Instances, project: String, file: String, settings: KeySettings) {
    self.instances = instances
    self.settings = settings
    self.project = project
    self.file = file
    dependencies = Graph.dependencies(instances)
    consumers = dependencies.reversed()
    order = Graph.order(dependencies, consumers)
    blocks = Dictionary(grouping: instances.blocks.indices) { instances.blocks[$0].its.names.first }
    for block in instances.blocks {
      let name = block.its.names.name(of: block.rows.lowerBound)
      precondition(index(of: name) == block.start, "BUG: two instances are named '\(name)'")
    }
  }

  private static func dependencies(_ instances: Instances) -> Links {
    var ends: [UInt32] = []
    ends.reserveCapacity(instances.count)
    var others: [UInt32] = []
    var own: [UInt32] = []
    for block in instances.blocks {
      let columns = block.its.columns
      for row in block.rows {
        if !columns.readsNothing {
          own.removeAll(keepingCapacity: true)
          columns.visitSources(row) { own.append($0) }
          if own.count > 1 { own.sort() }
          var last: UInt32?
          for source in own where source != last {
            others.append(source)
            last = source
          }
        }
        ends.append(UInt32(others.count))
      }
    }
    return Links(ends: ends, others: others)
  }

  private static func order(_ dependencies: Links, _ consumers: Links) -> [Int] {
    var waiting = dependencies.map { UInt32($0.count) }
    var order: [Int] = []
    order.reserveCapacity(waiting.count)
    for i in waiting.indices where waiting[i] == 0 { order.append(i) }
    var next = 0
    while next < order.count {
      for c in consumers[order[next]] {
        waiting[c] -= 1
        if waiting[c] == 0 { order.append(c) }
      }
      next += 1
    }
    precondition(order.count == waiting.count, "BUG: the graph has a cycle")
    return order
  }

  /// The index of the instance with this canonical name.
  public func index(of name: String) -> Int? {
    let stage = name.utf8.firstIndex(of: UInt8(ascii: "[")).map { String(name[..<$0]) }
    for n in (blocks[name] ?? []) + (stage.flatMap { blocks[$0] } ?? []) {
      let block = instances.blocks[n]
      guard let row = block.its.names.instance(named: name), block.rows.contains(row) else { continue }
      return block.start + row - block.rows.lowerBound
    }
    return nil
  }

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

// Owns the points of a stage's matrix: which there are, their canonical names and labels, and finding the
// points that have a member. It doesn't know what the stage does.

import Workflow

/// A stage with its instances, before they are bound to what they read.
final class ExpandedStage {
  let name: String
  let axes: Axes
  let names: InstanceNames
  let outputs: [OutputDescription]
  /// For each axis, once asked for: member → instances.
  private var instancesByMember: [[[Int]]?]

  var count: Int { names.count }

  /// - Parameter coordinates: member of each axis of each instance: instances × axes.
  init(name: String, axes: Axes, coordinates: [UInt32], outputs: [OutputDescription]) {
    self.name = name
    self.axes = axes
    self.outputs = outputs
    instancesByMember = Array(repeating: nil, count: axes.count)
    names = InstanceNames(
      stage: name,
      axes: axes.map { axis in
        axis.members.map { InstanceNames.Member(part: "\(axis.name)=\($0.spelling)", labels: $0.labels) }
      }, coordinates: coordinates)
  }

  func member(of instance: Int, on axis: Int) -> Int { names.member(of: instance, on: axis) }

  /// The point at which an instance stands.
  func point(of instance: Int) -> Point {
    Point(axes: axes, coordinates: axes.indices.map { member(of: instance, on: $0) })
  }

  /// The instances whose member of `axis` is `member`, ascending.
  func instances(with member: Int, on axis: Int) -> [Int] {
    if instancesByMember[axis] == nil {
      var lists = [[Int]](repeating: [], count: axes[axis].members.count)
      for i in 0..<count { lists[self.member(of: i, on: axis)].append(i) }
      instancesByMember[axis] = lists
    }
    return instancesByMember[axis]![member]
  }
}

/// A point of a matrix.
struct Point {
  let axes: Axes
  /// Member of each axis.
  var coordinates: [Int]

  func member(_ axis: Int) -> Axis.Member { axes[axis].members[coordinates[axis]] }
  func seat(on axis: Int) -> Seat { Seat(axis: axes[axis], member: coordinates[axis]) }
}

/// Remembers results that depend on some of the axes only, so that 100,000 instances don't repeat the same
/// work. What was thrown is remembered too.
struct Memo<T> {
  private let axes: [(index: Int, stride: Int)]
  private let isUseful: Bool
  private var slots: [Int: Int] = [:]
  private var results: [Result<T, any Error>] = []

  /// `templates` are what the result is made from.
  init(for templates: [Template], axes: Axes, _ evaluator: Evaluator) {
    var used = Set<Int>()
    for template in templates {
      template.visitPaths { path, place in
        guard path.root == "matrix", !path.members.isEmpty else { return }
        // What names no axis says so when it is evaluated.
        if let found = try? evaluator.axis(path.members, of: axes, "", at: place) { used.insert(found.axis) }
      }
    }
    var stride = 1
    self.axes = used.sorted().map { i in
      defer { stride *= axes[i].members.count }
      return (i, stride)
    }
    isUseful = used.count < axes.count || axes.isEmpty
  }

  mutating func value(at point: Point, make: () throws -> T) throws -> T {
    guard isUseful else { return try make() }
    return try results[slot(at: point, make: make)].get()
  }

  /// The value, and a number that points have in common which have the value in common; nil where
  /// every point has its own.
  mutating func numbered(at point: Point, make: () throws -> T) throws -> (value: T, number: Int?) {
    guard isUseful else { return (try make(), nil) }
    let slot = slot(at: point, make: make)
    return (try results[slot].get(), slot)
  }

  private mutating func slot(at point: Point, make: () throws -> T) -> Int {
    let key = axes.reduce(0) { $0 + point.coordinates[$1.index] * $1.stride }
    if let slot = slots[key] { return slot }
    results.append(Result { try make() })
    slots[key] = results.count - 1
    return results.count - 1
  }
}

// Owns the tree of what an instance came from, or of what is made from it: from the graph, each instance once, many of a
// stage together, so that it stays readable whatever the graph's size.

import Canonical
import ContentStore
import Foundation

/// A tree of instances. One that stood further up already stands again without what is below it.
public struct Lineage: Sendable {
  public enum Direction: Sendable { case roots, leaves }

  /// Instances of one stage that stand on one line.
  public struct Node: Sendable {
    /// Indices into the graph's instances.
    public let instances: [Int]
    /// Whether all of them stood further up already.
    public let isRepeated: Bool
    public fileprivate(set) var children: [Node] = []
  }

  public let root: Node
  /// All that the root came from, or that is made from it, without itself, in the order of the file.
  public let all: [Int]
  /// How many of them the tree has no room for.
  public let left: Int

  /// So many of a stage stand by themselves below one node; more stand together.
  private static let mostApart = 4

  /// - Parameter most: the most nodes.
  public init(of instance: Int, _ direction: Direction, in graph: Graph, most: Int = 200) {
    func next(_ i: Int) -> [Int] {
      direction == .roots ? Array(graph.dependencies[i]) : Array(graph.consumers[i])
    }
    var reached: Set<Int> = [instance]
    var stack = [instance]
    while let i = stack.popLast() {
      for other in next(i) where reached.insert(other).inserted { stack.append(other) }
    }
    all = reached.subtracting([instance]).sorted()
    var shown = Set<Int>()
    var room = most
    /// Depth first, so that what is shown is whole; never deeper than there is room.
    func node(_ instances: [Int]) -> Node? {
      guard room > 0 else { return nil }
      room -= 1
      let fresh = instances.filter { !shown.contains($0) }
      guard !fresh.isEmpty else { return Node(instances: instances, isRepeated: true) }
      shown.formUnion(fresh)
      var made = Node(instances: instances, isRepeated: false)
      for group in Lineage.groups(Set(fresh.flatMap(next)).sorted(), graph) {
        if let child = node(group) { made.children.append(child) }
      }
      return made
    }
    root = node([instance])!
    left = reached.count - shown.count
  }

  /// Neighbours by stage, in the order of the file.
  private static func groups(_ instances: [Int], _ graph: Graph) -> [[Int]] {
    var groups: [[Int]] = []
    var first = instances.startIndex
    while first < instances.endIndex {
      let stage = graph.instances[instances[first]].stage
      let end = instances[first...].firstIndex { graph.instances[$0].stage != stage } ?? instances.endIndex
      let group = Array(instances[first..<end])
      groups += group.count <= mostApart ? group.map { [$0] } : [group]
      first = end
    }
    return groups
  }
}

/// A file or folder outside the pipeline, with the content that a result was made from.
public struct ReadFile: Sendable, Hashable {
  /// The input's name.
  public let input: String
  /// Relative to the project's root, where it is below that.
  public let path: String
  public let artifact: Artifact

  package init(input: String, path: String, artifact: Artifact) {
    (self.input, self.path, self.artifact) = (input, path, artifact)
  }

  /// Those that a record read.
  public static func of(_ instance: Instance, _ record: Record, project: String) -> [ReadFile] {
    let inputs = RecordedInputs(record.action, list: { _ in nil })
    return instance.externals.compactMap { binding in
      inputs.artifacts[binding.name]?.first.map {
        ReadFile(input: binding.name, path: shortened(binding.url.path, root: project), artifact: $0)
      }
    }
  }
}

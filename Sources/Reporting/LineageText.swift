// Owns the texts of `bobbin show --lineage` and `--used-by`: a tree with a line for each instance, or for many of a
// stage, and the files at its roots.

import Canonical
import ContentStore
import Foundation
import Workflow

/// What an instance came from, or what is made from it, as a tree.
public struct LineageText: Sendable {
  public let text: String

  /// - Parameters:
  ///   - state: what to say of an instance behind its name: its kind, key and time.
  ///   - files: the files outside that an instance read.
  public init(
    _ lineage: Lineage, graph: Graph, state: (Int) -> String, files: (Int) -> [ReadFile] = { _ in [] }
  ) {
    let selections = Selections(graph)
    var lines: [String] = []
    func add(_ node: Lineage.Node, _ start: String, _ below: String) {
      let name = selections.names(node.instances).map { legible($0) }.joined(separator: ", ")
      let said =
        node.instances.count == 1 ? state(node.instances[0]) : graph.instances[node.instances[0]].kind.name
      lines.append(start + name + (node.isRepeated ? "  (above)" : "  " + said))
      if node.isRepeated { return }
      let files = LineageText.files(node.instances, files)
      for (n, file) in files.enumerated() {
        let isLast = n == files.count - 1 && node.children.isEmpty
        lines.append(below + (isLast ? "└─ " : "├─ ") + file)
      }
      for (n, child) in node.children.enumerated() {
        let isLast = n == node.children.count - 1
        add(child, below + (isLast ? "└─ " : "├─ "), below + (isLast ? "   " : "│  "))
      }
    }
    add(lineage.root, "", "")
    if lineage.left > 0 { lines.append("and \(counted(lineage.left, "more instance")); --json has all") }
    text = lines.joined(separator: "\n") + "\n"
  }

  /// `data/a.bin  sha256 1a2b3c4d5e6f, 12 MiB`, each once.
  private static func files(_ instances: [Int], _ files: (Int) -> [ReadFile]) -> [String] {
    var lines: [String] = []
    var seen = Set<ReadFile>()
    // One of a stage mostly reads what the others read.
    for i in instances.prefix(mostAsked) {
      for file in files(i) where seen.insert(file).inserted {
        lines.append(
          "\(legible(file.path))  sha256 \(file.artifact.digest.hex.prefix(12)), \(humanBytes(file.artifact.size))"
        )
      }
    }
    return lines.count <= mostFiles
      ? lines : lines.prefix(mostFiles) + ["and \(counted(lines.count - mostFiles, "more file"))"]
  }

  private static let mostAsked = 64
  private static let mostFiles = 8
}

/// Who made something of a result besides the file's own instances.
public struct ElsewhereText: Sendable {
  public let text: String

  /// - Parameters:
  ///   - known: the instances of this file that were told of already.
  ///   - project, file: where the question was asked.
  public init(_ consumers: Consumers, besides known: Set<String>, project: String, file: String) {
    var places: [String: [String]] = [:]
    var order: [String] = []
    var forgotten = 0
    var owners = Set<ResultOwner>()
    for key in consumers.keys {
      guard let its = consumers.owners[key] else {
        forgotten += 1
        continue
      }
      owners.formUnion(its)
    }
    let sorted = owners.sorted {
      ($0.project, $0.file, $0.isNewest ? 0 : 1, $0.instance) < (
        $1.project, $1.file, $1.isNewest ? 0 : 1, $1.instance
      )
    }
    for owner in sorted {
      let isHere = owner.project == project && owner.file == file
      if isHere, owner.isNewest, known.contains(owner.instance) { continue }
      let place = owner.project == project ? owner.file : owner.project + "/" + owner.file
      let title = owner.isNewest ? place : place + ", earlier results"
      if places[title] == nil { order.append(title) }
      places[title, default: []].append(owner.instance)
    }
    var lines = order.map { title in
      legible("  \(title): " + ElsewhereText.names(places[title]!).joined(separator: ", "))
    }
    if forgotten > 0 { lines.append("  \(counted(forgotten, "result")) that no run here remembers") }
    text =
      lines.isEmpty ? "" : (["elsewhere, by records in the store"] + lines).joined(separator: "\n") + "\n"
  }

  /// A stage's instances with their count.
  private static func names(_ instances: [String]) -> [String] {
    var order: [String] = []
    var members: [String: [String]] = [:]
    for name in instances {
      let stage = String(name.prefix { $0 != "[" })
      if members[stage] == nil { order.append(stage) }
      members[stage, default: []].append(name)
    }
    return order.map { stage in
      let names = members[stage]!
      return names.count == 1 ? names[0] : "\(stage) (\(names.count), such as \(names[0]))"
    }
  }
}

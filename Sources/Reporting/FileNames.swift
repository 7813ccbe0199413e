// Owns the names of the files that the artifacts of a group become outside the store: the axes that tell the stage's
// instances apart, in characters that every shell and filesystem takes.

import Canonical
import Workflow

/// File names for instances of a graph.
public struct FileNames {
  private let graph: Graph
  /// No name is longer, in bytes, its ending left out.
  private static let longest = 200

  public init(_ graph: Graph) { self.graph = graph }

  /// One name for each: `regime=standard,seed=0.safetensors`; the stage's where it has but one instance. No two are
  /// equal, in upper or lower case.
  /// - Parameter members: instances of one stage, each with the extension of its file; empty for a folder.
  public func names(_ members: [(instance: Int, ending: String)]) -> [String] {
    guard let first = members.first else { return [] }
    let stage = graph.instances[first.instance].stage
    let siblings = graph.instances.filter { $0.stage == stage }
    var axes: [String] = []
    var values: [String: Set<String>] = [:]
    for label in siblings.lazy.flatMap(\.labels) {
      if values[label.axis] == nil { axes.append(label.axis) }
      values[label.axis, default: []].insert(label.value)
    }
    let varying = axes.filter { values[$0]!.count > 1 }
    let ends = Dictionary(grouping: varying, by: FileNames.end)
    var taken = Set<String>()
    return members.map { i, ending in
      let instance = graph.instances[i]
      let parts = instance.labels.filter { varying.contains($0.axis) }.map { label in
        let end = FileNames.end(label.axis)
        return (ends[end]!.count == 1 ? end : label.axis) + "=" + label.value
      }
      var name = FileNames.safe(parts.isEmpty ? stage : parts.joined(separator: ","))
      if name.utf8.count > FileNames.longest || taken.contains(name.lowercased()) {
        name = name.prefix(FileNames.longest) + "~" + Digest.of(instance.name.utf8).hex.prefix(8)
      }
      taken.insert(name.lowercased())
      return name + (ending.isEmpty ? "" : "." + ending)
    }
  }

  private static func end(_ axis: String) -> String {
    axis.split(separator: ".").last.map(String.init) ?? axis
  }

  private static func safe(_ text: String) -> String {
    String(
      text.unicodeScalars.map { scalar in
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-", "+", "=", ",": Character(scalar)
        default: "_"
        }
      })
  }
}

extension OutputDescription {
  /// The extension of a file with such an artifact; empty where there is none.
  public var fileExtension: String {
    if !type.fileExtension.isEmpty { return type.fileExtension }
    guard let fileName, let dot = fileName.lastIndex(of: "."), dot > fileName.startIndex else { return "" }
    return String(fileName[fileName.index(after: dot)...])
  }
}

// Owns what `cache check` says.

import Canonical
import ContentStore

extension StoreCheck {
  public var text: String {
    var lines: [String] = []
    for line in index { lines.append("index  \(line)") }
    for damage in damages {
      lines.append("\(damage.name): \(damage.reason)")
      if !damage.instances.isEmpty { lines.append("  of " + StoreCheck.listed(damage.instances)) }
      switch damage.cure {
      case .none: break
      case .healed: lines.append("  healed")
      case .dropped: lines.append("  dropped; it is made again, or fetched, when somebody needs it")
      }
    }
    let seen = "checked \(counted(blobs, "blob")), \(humanBytes(bytes)), and \(counted(records, "record")): "
    let healed = damages.count { $0.cure == .healed }
    let dropped = damages.count { $0.cure == .dropped }
    var parts: [String] = []
    if !damages.isEmpty { parts.append("\(damages.count) damaged") }
    if healed > 0 { parts.append("\(healed) healed") }
    if dropped > 0 { parts.append("\(dropped) dropped") }
    if !index.isEmpty { parts.append("the index is damaged") }
    lines.append(seen + (parts.isEmpty ? "all well" : parts.joined(separator: ", ")))
    if !index.isEmpty {
      lines.append(
        "move the store aside and run again; a remote, where there is one, gives the results back")
    }
    if damages.contains(where: { $0.cure == .none }) {
      lines.append(
        "`bobbin cache check --repair` drops what is damaged, and fetches it from --remote where that has it")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func listed(_ names: [String]) -> String {
    names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
  }

  public var json: JSON {
    [
      "blobs": .integer(blobs), "bytes": .integer(bytes), "records": .integer(records),
      "index": .array(index.map(JSON.string)), "isDamaged": .bool(isDamaged),
      "damages": .array(
        damages.map {
          [
            "name": .string($0.name), "reason": .string($0.reason),
            "instances": .array($0.instances.map(JSON.string)), "cure": .string("\($0.cure)"),
          ]
        }),
    ]
  }
}

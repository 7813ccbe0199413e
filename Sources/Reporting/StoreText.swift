// Owns what `cache stats` says.

import Canonical
import ContentStore

/// A store's figures, for people and for programs.
public struct StoreText {
  private let stats: StoreStats
  private let use: StoreUse

  public init(_ stats: StoreStats, _ use: StoreUse) {
    self.stats = stats
    self.use = use
  }

  public var text: String {
    var lines = [
      "store        \(humanBytes(use.size))",
      "records      \(stats.records)",
      "blobs        \(stats.total.count), \(humanBytes(stats.total.content)) in \(humanBytes(stats.total.stored))",
    ]
    for (codec, amount) in stats.blobs.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      lines.append(
        "  " + padded(codec.rawValue, 12) + " \(amount.count), \(humanBytes(amount.content)) in "
          + humanBytes(amount.stored))
    }
    lines.append(
      "of these small ones inside the index: \(stats.inline.count), only on a remote: \(stats.elsewhere.count)"
    )
    lines.append("states       \(stats.states.count), \(humanBytes(stats.states.bytes)), of work under way")
    lines.append("open/        \(stats.opened.count), \(humanBytes(stats.opened.bytes)), decompressed copies")
    lines.append("logs/        \(stats.logs.count), \(humanBytes(stats.logs.bytes))")
    if stats.foreign.count > 0 {
      lines.append(
        "served/      \(stats.foreign.count), \(humanBytes(stats.foreign.bytes)), of other programs' caches")
    }
    lines.append("pins         \(use.pins)")
    lines += table
    lines.append(
      "last runs and pins need \(counted(use.needed.count, "result")), \(humanBytes(use.needed.bytes)), what is shared "
        + "counted once; nobody needs \(use.unneeded.count), \(humanBytes(use.unneeded.bytes))")
    lines += freeable
    return lines.joined(separator: "\n") + "\n"
  }

  /// Projects, their files and stages.
  private var table: [String] {
    if use.projects.isEmpty { return [] }
    var rows = [["last runs", "results", "stored", "uncompressed", "shared"]]
    func add(_ name: String, _ share: StoreShare) {
      rows.append([
        name, "\(share.results)", humanBytes(share.stored), humanBytes(share.content),
        humanBytes(share.shared),
      ])
    }
    for project in use.projects {
      add(project.project, project)
      for file in use.files where file.project == project.project {
        add("  " + (file.file ?? ""), file)
        for stage in use.stages where stage.project == project.project && stage.file == file.file {
          add("    " + (stage.stage ?? ""), stage)
        }
      }
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
    return rows.map { row in
      zip(row, widths).enumerated().map { n, cell in
        n == 0 ? padded(cell.0, cell.1) : String(repeating: " ", count: cell.1 - cell.0.count + 2) + cell.0
      }.joined()
    }
  }

  private var freeable: [String] {
    let amounts = use.freeable.sorted { $0.key < $1.key }
    if amounts.isEmpty { return ["nothing could be freed"] }
    return ["could be freed (cache gc):"]
      + amounts.map { sort, amount in
        "  " + padded(sort.name, 14) + " \(amount.count), \(humanBytes(amount.bytes))"
      }
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  public var json: JSON {
    func json(_ amount: StoreStats.Amount) -> JSON {
      [
        "count": .integer(amount.count), "content": .integer(amount.content),
        "stored": .integer(amount.stored),
      ]
    }
    func json(_ files: StoreStats.Files) -> JSON {
      ["count": .integer(files.count), "bytes": .integer(files.bytes)]
    }
    func json(_ amount: GarbageReport.Amount) -> JSON {
      ["count": .integer(amount.count), "bytes": .integer(amount.bytes)]
    }
    func json(_ share: StoreShare) -> JSON {
      var members: [String: JSON] = [
        "project": .string(share.project), "results": .integer(share.results),
        "stored": .integer(share.stored), "content": .integer(share.content),
        "shared": .integer(share.shared),
      ]
      members["file"] = share.file.map(JSON.string)
      members["stage"] = share.stage.map(JSON.string)
      return .object(members)
    }
    return [
      "size": .integer(use.size), "records": .integer(stats.records), "blobs": json(stats.total),
      "codecs": .object(
        Dictionary(uniqueKeysWithValues: stats.blobs.map { ($0.key.rawValue, json($0.value)) })),
      "inline": json(stats.inline), "elsewhere": json(stats.elsewhere), "states": json(stats.states),
      "open": json(stats.opened), "logs": json(stats.logs), "served": json(stats.foreign),
      "pins": .integer(use.pins),
      "projects": .array(use.projects.map(json)), "files": .array(use.files.map(json)),
      "stages": .array(use.stages.map(json)), "needed": json(use.needed), "unneeded": json(use.unneeded),
      "freeable": .object(
        Dictionary(uniqueKeysWithValues: use.freeable.map { ("\($0.key)", json($0.value)) })),
    ]
  }
}

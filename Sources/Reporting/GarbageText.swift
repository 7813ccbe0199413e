// Owns what is said of room that was freed, or would be.

import Canonical
import ContentStore

extension GarbageSort {
  /// For people and for JSON.
  public var name: String {
    switch self {
    case .leftovers: "leftovers"
    case .copies: "open/ copies"
    case .logs: "log files"
    case .foreign: "other programs' entries"
    case .states: "states"
    case .shared: "shared results"
    case .results: "results"
    case .records: "records"
    }
  }

  fileprivate var consequence: String {
    switch self {
    case .leftovers: "bytes that no record names"
    case .copies: "decompressed again when they are read"
    case .logs: "what results printed is with their records too"
    case .foreign: "their programs make them again"
    case .states: "unfinished work begins at the beginning"
    case .shared: "fetched from the remote when they are read"
    case .results: "made again when they are read; nothing else reruns"
    case .records: "their instances run again"
    }
  }
}

extension GarbageReport {
  /// Lines: how much, of what, and what it means.
  public func text(isDry: Bool, grace: Double) -> String {
    var lines = [
      "\(isDry ? "would free" : "freed") \(humanBytes(bytes)) of \(humanBytes(before))"
    ]
    let amounts = freed.sorted { $0.key < $1.key }
    let names = amounts.map { $0.key.name.count }.max() ?? 0
    let counts = amounts.map { "\($0.value.count)".count }.max() ?? 0
    for (sort, amount) in amounts {
      let count = "\(amount.count)"
      let size = humanBytes(amount.bytes)
      lines.append(
        "  " + sort.name + spaces(names - sort.name.count + 2 + counts - count.count) + count + "  "
          + spaces(8 - size.count) + size + "  " + sort.consequence)
    }
    if runs > 0 { lines.append("\(counted(runs, "run")) in progress: what they use stays") }
    if let shortfall = shortfall(grace: grace) { lines.append(shortfall) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Why the bound isn't met, and by how much; nil when it is.
  public func shortfall(grace: Double) -> String? {
    guard excess > 0, let bound else { return nil }
    var line =
      "still \(humanBytes(excess)) over the bound of \(humanBytes(bound)): the last runs, pins and runs in progress "
      + "need \(humanBytes(needed))"
    if young > 0 { line += ", and \(humanBytes(young)) are younger than \(humanSeconds(grace)) (--grace)" }
    return line
  }

  /// One line, for after a run.
  public func line(grace: Double) -> String {
    let sorts = freed.keys.sorted().map(\.name).joined(separator: ", ")
    let start = "the store had \(humanBytes(before))"
    let done = bytes > 0 ? "freed \(humanBytes(bytes)) (\(sorts))" : "nothing could be freed"
    guard let shortfall = shortfall(grace: grace) else {
      return "\(start), more than its bound of \(humanBytes(bound ?? 0)): \(done)"
    }
    return "\(start): \(done), \(shortfall)"
  }

  public func json(isDry: Bool) -> JSON {
    let sorts = freed.map { sort, amount in
      (
        "\(sort)",
        ["count": .integer(amount.count), "bytes": .integer(amount.bytes)] as JSON
      )
    }
    return [
      "dryRun": .bool(isDry), "before": .integer(before), "freed": .integer(bytes), "after": .integer(after),
      "bound": bound.map(JSON.integer) ?? .null, "excess": .integer(excess), "needed": .integer(needed),
      "young": .integer(young), "runs": .integer(runs),
      "sorts": .object(Dictionary(uniqueKeysWithValues: sorts)),
    ]
  }
}

private func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

// Owns the text of `bobbin history`: a line for each run, the newest first.

import ContentStore
import Foundation
import Workflow

/// Remembered runs as a table.
public struct HistoryText: Sendable {
  public let text: String

  /// - Parameters:
  ///   - runs: newest first; `total`: how many there are, older ones included.
  ///   - now: for what still runs; `zone`: where times are read.
  public init(_ runs: [RunEntry], total: Int, now: Date, zone: TimeZone) {
    let header = ["run", "started", "took", "ended", "executed", "cached", "skipped", "command"]
    let rows = [header] + runs.map { HistoryText.row($0, now, zone) }
    let widths = header.indices.map { column in rows.map { $0[column].count }.max()! }
    // Numbers stand right, words left.
    let isNumber = [true, false, true, false, true, true, true, false]
    var lines = rows.map { row in
      let cells = row.indices.map { column -> String in
        let room = String(repeating: " ", count: widths[column] - row[column].count)
        return isNumber[column] ? room + row[column] : row[column] + room
      }
      return cells.joined(separator: "  ").trimmingTrailingSpaces
    }
    if total > runs.count { lines.append("\(runs.count) of \(total) runs; --limit \(total) shows all") }
    text = lines.joined(separator: "\n") + "\n"
  }

  private static func row(_ run: RunEntry, _ now: Date, _ zone: TimeZone) -> [String] {
    var took = run.end.map { humanSeconds($0.timeIntervalSince(run.start)) } ?? ""
    var counts = ["\(run.executed)", "", ""]
    switch run.state {
    case .running: took = humanSeconds(now.timeIntervalSince(run.start))
    case .unfinished: break
    case .ended(let outcome): counts = [outcome.executed, outcome.cached, outcome.skipped].map { "\($0)" }
    }
    return ["\(run.id)", localTime(run.start, zone), took, run.ending] + counts + [legible(run.words)]
  }
}

extension RunEntry {
  /// How it ended: `ok`, `failed 2`, `interrupted, failed 1`, `killed`, `still running`.
  var ending: String {
    switch state {
    case .running: return "still running"
    case .unfinished: return "killed"
    case .ended(let outcome):
      let failed = outcome.failed > 0 ? "failed \(outcome.failed)" : nil
      let cause: String? =
        switch outcome.exitStatus {
        case 130: "interrupted"
        case 3: "the store failed"
        default: nil
        }
      let parts = [cause, failed].compactMap { $0 }
      return parts.isEmpty ? "ok" : parts.joined(separator: ", ")
    }
  }

  /// The command line without the program's name.
  var words: String { commandLine.dropFirst().map { ShellReading.quoted($0) }.joined(separator: " ") }
}

/// `2026-11-22 01:10:07`, as clocks there show it.
func localTime(_ date: Date, _ zone: TimeZone) -> String {
  var calendar = Calendar(identifier: .gregorian)
  calendar.timeZone = zone
  let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
  func two(_ part: Int?) -> String { String("0\(part ?? 0)".suffix(2)) }
  return "\(parts.year ?? 0)-\(two(parts.month))-\(two(parts.day)) "
    + "\(two(parts.hour)):\(two(parts.minute)):\(two(parts.second))"
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    String(self[..<(lastIndex { $0 != " " }.map { index(after: $0) } ?? startIndex)])
  }
}

// Owns reading on in a log that somebody else writes.

import Foundation

/// The lines that come to a log.
struct LogTail {
  private let path: String
  private var position: UInt64 = 0
  /// The start of a line whose end hasn't come.
  private var rest: [UInt8] = []
  /// No more bytes are read at a time, and no line is longer.
  private static let most = 1 << 20
  private static let longestLine = 2000

  init(_ path: String) { self.path = path }

  /// The lines that have come since the last time; at the end, one without a line break too. A log that has become
  /// shorter has begun anew.
  mutating func lines(atEnd: Bool = false) -> [String] {
    guard let file = FileHandle(forReadingAtPath: path) else { return [] }
    defer { try? file.close() }
    let size = (try? file.seekToEnd()) ?? 0
    if size < position { (position, rest) = (0, []) }
    guard (try? file.seek(toOffset: position)) != nil,
      let more = try? file.read(upToCount: LogTail.most) ?? Data()
    else { return [] }
    position += UInt64(more.count)
    rest += more
    var lines = rest.split(separator: 0x0A, omittingEmptySubsequences: false)
    rest = lines.popLast().map(Array.init) ?? []
    if atEnd || rest.count > LogTail.longestLine, !rest.isEmpty {
      lines.append(rest[...])
      rest = []
    }
    return lines.map { legible(String(decoding: $0.prefix(LogTail.longestLine), as: UTF8.self)) }
  }
}

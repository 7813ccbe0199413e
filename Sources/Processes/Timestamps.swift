// Owns dates as the texts that records and reports have them as. Foundation's own way sets up calendars and time zones
// first, in every process, which takes as long as a short command.

import Foundation

extension Date {
  /// Of RFC 3339, in UTC, to the second: `2026-11-21T09:30:00Z`.
  public var timestamp: String {
    var seconds = time_t(timeIntervalSince1970.rounded(.down))
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { text in
      let length = strftime(text.baseAddress!, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
      return String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}

// Owns how durations and sizes are spelled for people.

/// `0.04s`, `3.2s`, `42s`, `3m05s`, `2h07m`, `1d04h`.
public func humanSeconds(_ seconds: Double) -> String {
  guard seconds.isFinite else { return "?" }
  let seconds = max(0, seconds)
  if seconds < 0.995 { return fixed(seconds, places: 2) + "s" }
  if seconds < 9.95 { return fixed(seconds, places: 1) + "s" }
  let whole = Int(min(seconds, 1e12).rounded())
  switch whole {
  case ..<60: return "\(whole)s"
  case ..<3600: return "\(whole / 60)m\(twoDigits(whole % 60))s"
  case ..<86400: return "\(whole / 3600)h\(twoDigits(whole % 3600 / 60))m"
  default: return "\(whole / 86400)d\(twoDigits(whole % 86400 / 3600))h"
  }
}

/// For what changes while one looks: whole seconds, `3s`, and from a minute on as above.
func ticking(_ seconds: Double) -> String {
  let whole = max(0, seconds).rounded(.down)
  return whole < 60 ? "\(Int(whole))s" : humanSeconds(whole)
}

/// `512 B`, `1.5 KiB`, `24 MiB`, `1.2 GiB`.
public func humanBytes(_ bytes: Int) -> String {
  let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
  var value = Double(bytes)
  var unit = 0
  // What would round to 1024 is one of the next unit.
  while abs(value) >= (unit == 0 ? 1024 : 1023.5), unit < units.count - 1 {
    value /= 1024
    unit += 1
  }
  let places = unit > 0 && abs(value) < 9.95 ? 1 : 0
  return "\(fixed(value, places: places)) \(units[unit])"
}

/// `1 instance`, `3 instances`.
public func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

private func twoDigits(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }

/// A number with a fixed count of decimal places (at most 2).
private func fixed(_ value: Double, places: Int) -> String {
  let scale = [1, 10, 100][places]
  let scaled = Int((abs(value) * Double(scale)).rounded())
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard places > 0 else { return "\(sign)\(scaled)" }
  let fraction = String(scaled % scale)
  return "\(sign)\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
}

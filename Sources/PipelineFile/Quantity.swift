// Owns numbers with units: sizes such as 20G and times such as 1h30m.

/// Numbers with units, as people write them.
public enum Quantity {
  static let binary: KeyValuePairs = ["K": 0x1p10, "M": 0x1p20, "G": 0x1p30, "T": 0x1p40]
  static let clock: KeyValuePairs = ["s": 1.0, "m": 60, "h": 3600, "d": 86400]

  /// `500M` or `20G`, in bytes; nil if `text` isn't such a thing.
  public static func bytes(_ text: String) -> Int? {
    read(text, binary).flatMap { (1...0x1p60).contains($0) ? Int($0) : nil }
  }

  /// `90s`, `1h30m` or `30d`, in seconds; nil if `text` isn't such a thing.
  public static func seconds(_ text: String) -> Double? {
    read(text, clock).flatMap { (0...1e9).contains($0) ? $0 : nil }
  }

  /// `1h30m` → the sum in the unit whose factor is 1; nil if `text` isn't such a thing.
  static func read(_ text: String, _ units: KeyValuePairs<String, Double>) -> Double? {
    var rest = text[...]
    var sum = 0.0
    var last = Double.infinity
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(digits.count)
      guard let value = Double(digits), let unit = units.first(where: { rest.hasPrefix($0.key) }),
        unit.value < last
      else { return nil }
      rest = rest.dropFirst(unit.key.count)
      sum += value * unit.value
      last = unit.value
    }
    return text.isEmpty ? nil : sum
  }
}

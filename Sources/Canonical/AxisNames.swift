// Owns how one axis of many is named: in full, or by any end of its full name that no other axis has. References,
// selections and conditions go by it, and so do tables and figures, whose columns are called by it.

/// The full names of some axes: `cut`, `network.front.seed`.
public struct AxisNames: Sendable, Hashable {
  /// In the order given, each once.
  public let full: [String]

  public init(_ full: [String]) {
    var seen = Set<String>()
    self.full = full.filter { seen.insert($0).inserted }
  }

  /// What a name means.
  public enum Meaning: Sendable, Hashable {
    /// The full name of the one axis.
    case axis(String)
    /// None is called so in full, and several end so.
    case several([String])
    case none
  }

  /// A full name means its axis, whichever others end so.
  public func meaning(of name: String) -> Meaning {
    if full.contains(name) { return .axis(name) }
    let ending = "." + name
    let ends = full.filter { $0.hasSuffix(ending) }
    return ends.isEmpty ? .none : ends.count == 1 ? .axis(ends[0]) : .several(ends)
  }

  /// The shortest end of a full name that means its axis.
  public func shortest(_ axis: String) -> String {
    let words = axis.split(separator: ".")
    let ends = words.indices.reversed().lazy.map { words[$0...].joined(separator: ".") }
    return ends.first { meaning(of: $0) == .axis(axis) } ?? axis
  }
}

// Owns one difference between two actions, and where it begins, as values and in words.

/// One difference between two actions: `learning_rate 0.1 → 0.05`.
public struct Change: Sendable, Hashable, CustomStringConvertible {
  /// `learning_rate`, `input data`, `source Stitching/Fit.swift`, `environment PYTHONHASHSEED`.
  public let subject: String
  /// `0.1 → 0.05`, `content changed`.
  public let what: String
  /// Where what changed comes from, `dataset 'images'`; empty where that says nothing.
  public let origin: String
  /// Why the content of an input is other than it was; empty where that isn't known or `what` says it.
  public let roots: [Root]

  public init(_ subject: String, _ what: String, origin: String = "", roots: [Root] = []) {
    self.subject = subject
    self.what = what
    self.origin = origin
    self.roots = roots
  }

  /// `input map: content changed (map 'stitched' ← model[seed=0] ← images: train 40 → 30)`
  public var description: String {
    var inside = roots.isEmpty ? [origin] : []
    for (n, root) in roots.prefix(Change.mostRoots).enumerated() {
      inside.append(root.text(from: n == 0 ? origin : "", skippingFirst: !origin.isEmpty))
    }
    let more = roots.count - Change.mostRoots
    if more > 0 { inside.append("and \(more) other cause\(more == 1 ? "" : "s")") }
    let text = inside.joined(separator: "; ")
    return "\(subject) \(what)" + (text.isEmpty ? "" : " (\(text))")
  }

  /// No more of them are spelled out.
  private static let mostRoots = 3
}

/// Where a change of content begins: an instance whose own action differs, and what of it does.
public struct Root: Sendable, Hashable {
  /// The names of the instances on the way there, the nearest first; the last is the one that it begins with.
  public let path: [String]
  /// What differs there. None of these has roots of its own.
  public let changes: [Change]

  public init(path: [String], changes: [Change]) {
    self.path = path
    self.changes = changes
  }

  /// `model 'stitched' ← model[seed=0] ← images: train 40 → 30`
  /// - Parameters:
  ///   - origin: what the way begins with; empty: nothing.
  ///   - skippingFirst: whether the nearest instance is that, or has been named before.
  func text(from origin: String, skippingFirst: Bool) -> String {
    let way = (origin.isEmpty ? [] : [origin]) + path.dropFirst(skippingFirst ? 1 : 0).map { "← \($0)" }
    return (way.isEmpty ? "" : way.joined(separator: " ") + ": ")
      + changes.map(\.description).joined(separator: ", ")
  }
}

extension Root {
  /// Each place where something begins once, by the shortest way there.
  static func merged(_ roots: [Root]) -> [Root] {
    var order: [String] = []
    var shortest: [String: Root] = [:]
    for root in roots {
      let place = root.path.last ?? ""
      if let known = shortest[place] {
        if root.path.count < known.path.count { shortest[place] = root }
      } else {
        order.append(place)
        shortest[place] = root
      }
    }
    return order.map { shortest[$0]! }
  }

  /// What it has in common with those of an instance's siblings: the stages on the way, and what differs.
  public var cause: [String] {
    path.map { String($0.prefix { $0 != "[" }) } + changes.map(\.description)
  }
}

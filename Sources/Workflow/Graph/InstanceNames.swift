// Owns what the instances of a stage are called: made of its axes when somebody asks, and found again by it, since the
// names of a million instances would be most of what a graph takes.

import Synchronization

/// The names and labels of one stage's instances.
public final class InstanceNames: Sendable {
  /// A member of an axis, as it stands in names and labels.
  public struct Member: Sendable {
    /// `seed=0`, which no other member of the axis has.
    public var part: String
    public var labels: [Label]

    public init(part: String, labels: [Label]) {
      self.part = part
      self.labels = labels
    }
  }

  public let stage: String
  private let axes: [[Member]]
  /// Member of each axis of each instance, instances × axes, ascending from instance to instance.
  private let coordinates: [UInt32]
  public let count: Int
  /// Of one instance that stands for itself.
  private let given: (name: String, labels: [Label])?
  private let members = AtomicLazyReference<MembersByPart>()

  /// - Parameter coordinates: instances × axes; empty for the one instance of a stage without axes.
  public init(stage: String, axes: [[Member]], coordinates: [UInt32]) {
    self.stage = stage
    self.axes = axes
    self.coordinates = coordinates
    count = axes.isEmpty ? 1 : coordinates.count / axes.count
    given = nil
  }

  /// One instance, called so.
  init(stage: String, name: String, labels: [Label]) {
    self.stage = stage
    axes = []
    coordinates = []
    count = 1
    given = (name, labels)
  }

  /// With what all of its names begin: that of the stage, or that of the one instance that stands for itself.
  var first: String { given?.name ?? stage }

  public func member(of instance: Int, on axis: Int) -> Int {
    Int(coordinates[instance * axes.count + axis])
  }

  /// `stitched[front=model[seed=0],cut=stem]`
  public func name(of instance: Int) -> String {
    if axes.isEmpty { return given?.name ?? stage }
    var name = stage
    for a in axes.indices {
      name += a == 0 ? "[" : ","
      name += axes[a][member(of: instance, on: a)].part
    }
    name += "]"
    return name
  }

  public func labels(of instance: Int) -> [Label] {
    if let given { return given.labels }
    if axes.count == 1 { return axes[0][member(of: instance, on: 0)].labels }
    return axes.indices.flatMap { axes[$0][member(of: instance, on: $0)].labels }
  }

  /// The instance of this name.
  func instance(named name: some StringProtocol) -> Int? {
    if axes.isEmpty { return name == self.name(of: 0) ? 0 : nil }
    guard name.hasPrefix(stage), name.dropFirst(stage.count).first == "[", name.last == "]" else {
      return nil
    }
    let parts = InstanceNames.parts(name.dropFirst(stage.count + 1).dropLast())
    guard parts.count == axes.count else { return nil }
    let members = self.members.load() ?? self.members.storeIfNil(MembersByPart(axes))
    var wanted: [UInt32] = []
    for (a, part) in parts.enumerated() {
      guard let member = members.byPart[a][String(part)] else { return nil }
      wanted.append(member)
    }
    var (first, last) = (0, count)
    while first < last {
      let middle = (first + last) / 2
      let own = coordinates[middle * axes.count..<(middle + 1) * axes.count]
      if own.elementsEqual(wanted) { return middle }
      if own.lexicographicallyPrecedes(wanted) { first = middle + 1 } else { last = middle }
    }
    return nil
  }

  /// Cuts `a=b[c=d,e='f,g'],h=i` at its outer commas.
  private static func parts<Text: StringProtocol>(_ text: Text) -> [Text.SubSequence] {
    var parts: [Text.SubSequence] = []
    var (depth, isQuoted) = (0, false)
    var start = text.startIndex
    for i in text.utf8.indices {
      switch text.utf8[i] {
      case UInt8(ascii: "'"): isQuoted.toggle()
      case UInt8(ascii: "[") where !isQuoted: depth += 1
      case UInt8(ascii: "]") where !isQuoted: depth -= 1
      case UInt8(ascii: ",") where !isQuoted && depth == 0:
        parts.append(text[start..<i])
        start = text.utf8.index(after: i)
      default: break
      }
    }
    parts.append(text[start...])
    return parts
  }
}

/// The members of each axis by how they stand in names.
private final class MembersByPart: Sendable {
  let byPart: [[String: UInt32]]

  init(_ axes: [[InstanceNames.Member]]) {
    byPart = axes.map { members in
      Dictionary(members.enumerated().map { ($1.part, UInt32($0)) }) { first, _ in first }
    }
  }
}

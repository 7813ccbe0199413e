// Owns the lists of kinds and of receivers that a program has.

/// The stage kinds at hand, by name, and what makes artifacts of that which commands write, by its type.
public struct KindCatalogue: Sendable {
  private let byName: [String: KindDescription]
  private let receiverByType: [String: ReceiverDescription]

  /// The kinds in the order they are listed.
  public let all: [KindDescription]

  /// The types that a command's outputs can have, in the order they are listed.
  public let receivers: [ReceiverDescription]

  public init(_ kinds: [KindDescription], receivers: [ReceiverDescription] = []) {
    all = kinds
    self.receivers = receivers
    receiverByType = Dictionary(receivers.map { ($0.type.name, $0) }) { first, _ in
      preconditionFailure("BUG: two receivers give '\(first.type)'")
    }
    byName = Dictionary(kinds.map { ($0.name, $0) }) { first, _ in
      preconditionFailure("BUG: two kinds are named '\(first.name)'")
    }
  }

  public subscript(name: String) -> KindDescription? { byName[name] }

  /// What makes an artifact of this type from what a command wrote.
  public func receiver(of type: String) -> ReceiverDescription? { receiverByType[type] }

  public var names: [String] { all.map(\.name) }

  /// The kind that `run:` means.
  public var command: KindDescription? { all.first(where: \.takesCommands) }
}

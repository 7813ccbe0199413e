// Owns the list of kinds that a program has.

/// The stage kinds at hand, by name.
public struct KindCatalogue: Sendable {
  private let byName: [String: KindDescription]

  /// The kinds in the order they are listed.
  public let all: [KindDescription]

  public init(_ kinds: [KindDescription]) {
    all = kinds
    byName = Dictionary(kinds.map { ($0.name, $0) }) { first, _ in
      preconditionFailure("BUG: two kinds are named '\(first.name)'")
    }
  }

  public subscript(name: String) -> KindDescription? { byName[name] }

  public var names: [String] { all.map(\.name) }

  /// The kind that `run:` means.
  public var command: KindDescription? { all.first(where: \.takesCommands) }
}

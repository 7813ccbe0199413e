// Owns the declaration of what a stage kind reads: artifacts of other stages (`Input`) and files outside the
// pipeline (`ExternalInput`).

import ContentStore
import Foundation

/// An input of a stage kind. The property's type says how many: `InputArtifact` is one, `InputArtifact?` one
/// or none, `[InputArtifact]` a list or a whole group.
///
///     @Input("the network before the cut", .model) var front: InputArtifact
///     @Input("what to tabulate", .scores, labelled: true) var rows: [InputArtifact]
///     @Input("what to train on", .dataset, part: .named("train")) var data: InputArtifact
@propertyWrapper
public struct Input<Value: InputValue>: Sendable {
  let help: String
  let types: [ArtifactType]
  let labelled: Bool
  let part: InputPart?
  private let slot = Slot<Value>()

  /// `labelled` inputs see their members' axes (and so have them in the key); others see content alone. With `part`
  /// the stage sees, and the key has, that member of each manifest alone.
  public init(_ help: String, _ types: ArtifactType..., labelled: Bool = false, part: InputPart? = nil) {
    self.help = help
    self.types = types
    self.labelled = labelled
    self.part = part
  }

  public var wrappedValue: Value {
    guard let value = slot.value else { preconditionFailure("BUG: read before it was bound") }
    return value
  }
}

/// A member of a manifest that an input asks for alone.
public enum InputPart: Sendable, Hashable {
  case named(String)
  /// The member that a parameter of the kind names.
  case parameter(String)
}

/// How many artifacts an input takes.
public enum Arity: String, Sendable { case one, optional, list }

/// The types that an input property can have.
public protocol InputValue: Sendable {
  static var arity: Arity { get }
  init(_ members: [InputArtifact])
}

extension InputArtifact: InputValue {
  public static var arity: Arity { .one }
  public init(_ members: [InputArtifact]) { self = members[0] }
}
extension Optional: InputValue where Wrapped == InputArtifact {
  public static var arity: Arity { .optional }
  public init(_ members: [InputArtifact]) { self = members.first }
}
extension Array: InputValue where Element == InputArtifact {
  public static var arity: Arity { .list }
  public init(_ members: [InputArtifact]) { self = members }
}

/// A file or folder outside the pipeline, written as a path in `with:`. Its content is in the key, its path isn't. In
/// the path's place a reference may stand to what a command made: the kind is given the same file or folder, and the
/// key is the same as if it lay outside.
///
///     @ExternalInput("folder with the IDX files", matching: "*-ubyte", "*-ubyte.gz") var path: URL
@propertyWrapper
public struct ExternalInput: Sendable {
  let help: String
  let types: [ArtifactType]
  let patterns: [String]
  private let slot = Slot<URL>()

  /// `types`: what a reference may be to besides files. `patterns`: of a folder, only files with such names count (and
  /// are hashed), or with a `/` files below it with such paths, as `**/*.png`; none means every file below it.
  public init(_ help: String, _ types: ArtifactType..., matching patterns: String...) {
    self.help = help
    self.types = types
    self.patterns = patterns
  }

  public var wrappedValue: URL {
    guard let value = slot.value else { preconditionFailure("BUG: read before it was bound") }
    return value
  }
}

/// What the reflection of a kind sees of each of its inputs.
protocol InputDeclaration: Sendable {
  func description(named name: String) -> InputDescription
  func bind(_ members: [InputArtifact])
}

extension Input: InputDeclaration {
  func description(named name: String) -> InputDescription {
    InputDescription(name: name, help: help, types: types, arity: Value.arity, labelled: labelled, part: part)
  }
  func bind(_ members: [InputArtifact]) { slot.value = Value(members) }
}

extension ExternalInput {
  func description(named name: String) -> ExternalDescription {
    ExternalDescription(name: name, help: help, types: types, patterns: patterns)
  }
  func bind(_ url: URL) { slot.value = url }
}

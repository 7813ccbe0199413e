// Owns what is known of a kind's parameters, inputs and outputs, as data: for help, schemas and the loader.

import Canonical

public struct ParameterDescription: Sendable {
  public let name: String
  public let help: String
  /// What to write: `a whole number`.
  public let expectation: String
  /// `from 0 to 1`.
  public let bounds: String?
  public let unit: String?
  /// Nil for a parameter that must be written.
  public let defaultValue: JSON?
  /// The first version that had it, and the value with which everything is computed as before; nil: all versions had it.
  public let news: (since: String, before: JSON)?

  init(name: String, declaration: any ParameterDeclaration) {
    self.name = name
    help = declaration.help
    expectation = declaration.typeExpectation
    bounds = declaration.bounds?.description
    unit = declaration.unit
    defaultValue = declaration.defaultJSON
    news = declaration.since.flatMap { since in declaration.beforeJSON.map { (since, $0) } }
  }
}

public struct InputDescription: Sendable {
  public let name: String
  public let help: String
  /// The types it takes; `.file` takes all, unless it stands for a path.
  public let types: [ArtifactType]
  public let arity: Arity
  public let labelled: Bool
  /// The member of a manifest that it asks for alone; nil for all of an artifact.
  public let part: InputPart?
  /// Whether it stands where a path may; `file` then means files alone.
  public let standsForPath: Bool

  public init(
    name: String, help: String, types: [ArtifactType], arity: Arity, labelled: Bool, part: InputPart? = nil,
    standsForPath: Bool = false
  ) {
    self.name = name
    self.help = help
    self.types = types
    self.arity = arity
    self.labelled = labelled
    self.part = part
    self.standsForPath = standsForPath
  }

  public func accepts(_ type: ArtifactType) -> Bool {
    !standsForPath && types.contains(.file) || types.contains(type)
  }
}

public struct ExternalDescription: Sendable {
  public let name: String
  public let help: String
  /// What a reference in the path's place may be to, besides files.
  public let types: [ArtifactType]
  /// Of a folder, only files with such names count.
  public let patterns: [String]

  public init(name: String, help: String, types: [ArtifactType], patterns: [String]) {
    self.name = name
    self.help = help
    self.types = types
    self.patterns = patterns
  }

  /// What a reference in the path's place is bound as: an input of the same name.
  public var input: InputDescription {
    InputDescription(
      name: name, help: help, types: [.file] + types, arity: .one, labelled: false, standsForPath: true)
  }
}

public struct OutputDescription: Sendable, Hashable {
  public let name: String
  public let type: ArtifactType
  public let help: String
  /// The name of the file that a command writes; others write where they are told.
  public let fileName: String?

  public init(name: String, type: ArtifactType, help: String, fileName: String? = nil) {
    self.name = name
    self.type = type
    self.help = help
    self.fileName = fileName
  }
}

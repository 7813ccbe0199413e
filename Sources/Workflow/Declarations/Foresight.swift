// Owns what a stage kind can say of an instance before anything runs: what its outputs will be like, and mistakes that
// would otherwise show only after hours of work. What there is to know of an artifact is its type's business.

import Foundation

/// What is known of an artifact before it is made: a model's cuts, a dataset's size. The facts stand beside the
/// artifact's type; kinds that make or read such artifacts name them, and never each other.
///
/// What can't be known (a command made it) has no facts, and nothing is checked against it.
public protocol ArtifactFacts: Hashable, Sendable {}

/// A kind that says what it knows before it runs:
///
///     extension Spectrum: ForeseeingKind {
///       func foresee(_ foresight: inout Foresight) { … }
///     }
///
/// An extension with this function alone is no part of what the kind computes: editing it reruns nothing.
public protocol ForeseeingKind: StageKind {
  /// Tells the facts of outputs and what is wrong, from the parameters (in canonical form), the facts of the inputs,
  /// and the headers of external files. Called when the pipeline file is loaded, once for all instances that agree in
  /// these: it takes microseconds, or milliseconds where it opens a file. A file that isn't there is no mistake: whoever
  /// digests it says so.
  func foresee(_ foresight: inout Foresight)
}

/// What is known of one instance.
public struct Foresight {
  /// An artifact that an input reads.
  public struct Member: Hashable, Sendable {
    let known: KnownFacts?
    /// The axes of the instance that makes it, flattened (`front.seed`); empty unless the input is `labelled`, nil where
    /// something is wrong with that instance itself.
    public let axes: [String]?

    public init(_ known: KnownFacts?, axes: [String]? = []) {
      self.known = known
      self.axes = axes
    }

    /// What is known of it; nil: nothing, or other facts than these.
    public func facts<F: ArtifactFacts>(_ type: F.Type = F.self) -> F? { known?.facts as? F }
  }

  /// Something wrong with what was written for a parameter, an input or an external file.
  public struct Mistake: Hashable, Sendable {
    /// The name, then perhaps positions in a list and names in a map: `columns.2`, `attack.steps`.
    public let path: [String]
    public let message: String
  }

  private let inputs: [String: [Member]]
  private let files: [String: URL]
  private(set) var outputs: [String: KnownFacts] = [:]
  private(set) var mistakes: [Mistake] = []

  init(inputs: [String: [Member]], files: [String: URL]) {
    self.inputs = inputs
    self.files = files
  }

  /// What is known of the artifact that an input reads; nil: nothing, or the input isn't written.
  public func facts<F: ArtifactFacts>(of input: String, _ type: F.Type = F.self) -> F? {
    inputs[input]?.first?.facts()
  }

  /// Whether an input that may be left out is written.
  public func isWritten(_ input: String) -> Bool { inputs[input] != nil }

  /// What an input reads, those that look the same once, in the order of the first of them.
  public func members(of input: String) -> [Member] { inputs[input] ?? [] }

  /// Where an external file or folder is; nil where there is nothing yet, or another stage makes it.
  public func file(_ name: String) -> URL? {
    files[name].flatMap { FileManager.default.fileExists(atPath: $0.path) ? $0 : nil }
  }

  /// Says what an output will be like.
  public mutating func know(_ output: String, _ facts: some ArtifactFacts) {
    outputs[output] = KnownFacts(facts)
  }

  /// Says what is wrong with what was written for `name`, and how to mend it. With dots, a part of it: `columns.2`.
  public mutating func mistake(_ name: String, _ message: String) {
    let mistake = Mistake(path: name.split(separator: ".").map(String.init), message: message)
    if !mistakes.contains(mistake) { mistakes.append(mistake) }
  }
}

/// Facts of whatever type, as a value that can be compared.
public struct KnownFacts: Hashable, Sendable {
  let facts: any ArtifactFacts

  public init(_ facts: some ArtifactFacts) { self.facts = facts }

  public static func == (a: KnownFacts, b: KnownFacts) -> Bool {
    func equal<F: ArtifactFacts>(_ x: F) -> Bool { b.facts as? F == x }
    return equal(a.facts)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(type(of: facts)))
    facts.hash(into: &hasher)
  }
}

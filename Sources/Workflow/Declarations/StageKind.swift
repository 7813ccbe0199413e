// Owns what a stage kind is: one struct whose properties are its interface, and one function.

import Canonical
import ContentStore
import Foundation

/// A type of work: `train`, `stitch`, `command` … One struct in one file; its wrapped properties are its
/// parameters, inputs and outputs, and from them derive decoding, help, the JSON Schema, the key and the errors.
public protocol StageKind: Sendable {
  /// What `uses:` says.
  static var name: String { get }
  /// One line for `bobbin kinds`.
  static var summary: String { get }
  /// A paragraph with sources for `bobbin kinds KIND`.
  static var discussion: String { get }

  init()

  /// Checks parameters against each other, when the pipeline file is read. Throw `InvalidParameter`.
  func validate() throws

  /// Parameters whose value follows from others, in canonical form: defaults that depend on them, and a fixed value
  /// for what has no effect with them. They are in the key as if they had been written.
  var derivedParameters: [String: JSON] { get }

  /// The files (`#fileID`) of what this instance looks up by name in a list that is a file of its own, such as the
  /// measures that `similarity` is asked for. Their code is in its key; that of the list's other entries isn't, so
  /// that a new entry reruns nothing. Without this, all entries count.
  var listedCode: [String] { get }

  /// Does the work, in a worker: reads inputs, writes every output. What it throws is the instance's failure. Kinds
  /// whose instances share work have `run(_:)` instead.
  func run(in context: StageContext) throws

  /// Whether this is the kind that `run:` means: its parameters are those that the loader of
  /// pipeline files gives it, and `uses:` doesn't name it. A program has at most one.
  static var takesCommands: Bool { get }

  /// The names of parameters and inputs in which instances may differ that one job computes together, so that what
  /// they share is computed once: for a stitch its cuts, method, seed. None: every instance has a job of its own.
  static var varying: Set<String> { get }

  /// How many members a job may have that has an instance with these parameters, which are in canonical form. With a
  /// worker its job is lost, so many that take long are better several jobs, though what they share is computed anew
  /// for each.
  static func mostMembers(parameters: JSON) -> Int

  /// How many threads its work can use. What is granted is no part of the key, so bits must not depend on it.
  static var threads: ThreadUse { get }

  /// The folders that every instance makes in its scratch space first. They may be there already, empty: the space is
  /// used again, and making and removing folders is most of what a short instance costs.
  static var scratchFolders: [String] { get }

  /// Does the work of a job's members, which agree in everything but `varying`. Each member's bytes must be the same
  /// alone, in any company and in any order. By default one `run(in:)` after the other.
  static func run(_ members: [StageMember<Self>])
}

extension StageKind {
  public static var discussion: String { "" }
  public func validate() throws {}
  public var derivedParameters: [String: JSON] { [:] }
  public var listedCode: [String] { [] }
  public func run(in context: StageContext) throws {
    preconditionFailure("BUG: kind '\(Self.name)' has neither run(in:) nor run(_:)")
  }
  public static var takesCommands: Bool { false }
  public static var varying: Set<String> { [] }
  public static func mostMembers(parameters: JSON) -> Int { 32 }
  public static var threads: ThreadUse { .one }
  public static var scratchFolders: [String] { [] }
  public static func run(_ members: [StageMember<Self>]) {
    for member in members { member.finish { try member.kind.run(in: member.context) } }
  }
}

/// How many threads a kind's work can use.
public enum ThreadUse: Sendable {
  /// As many as it says it needs cores, one if it says nothing.
  case one
  /// Every core that no other instance needs, granted and withdrawn while it runs: `StageContext.threads`.
  case any
}

/// One instance of a job, as its kind sees it: its parameters, inputs and outputs are bound in `kind`.
public struct StageMember<Kind: StageKind>: Sendable {
  public let kind: Kind
  public let context: StageContext
  private let state: MemberState

  init(
    kind: Kind, context: StageContext, position: Int, turn: Turn,
    ended: @escaping (Result<Void, any Error>) -> Void
  ) {
    self.kind = kind
    self.context = context
    state = MemberState(position: position, turn: turn, ended)
  }

  /// Whether it has been finished or has failed; nothing more is to be done for it.
  public var isOver: Bool { state.ended == nil }

  /// A part of its work: what `body` throws is this member's failure and nobody else's, what it prints goes to this
  /// member's log, and it bears what it costs. What is done outside of any member's part is everybody's: its output
  /// goes to all logs, and all that aren't over bear an equal share. Nothing is done once the member is over.
  /// - Returns: what `body` gave; nil when it threw or the member was over.
  @discardableResult
  public func attempt<T>(_ body: () throws -> T) -> T? {
    if isOver { return nil }
    do { return try state.turn.given(to: state.position, body) } catch {
      state.end(.failure(error))
      return nil
    }
  }

  /// The last part of its work: afterwards its outputs are stored and others that wait for it may start.
  public func finish(_ body: () throws -> Void) {
    if attempt(body) != nil { state.end(.success(())) }
  }
}

/// Whose work in a job is being done: a member's, by its position, or everybody's. Confined to the computing thread.
final class Turn {
  private var holder: Int?
  private let changed: (Int?) -> Void

  init(_ changed: @escaping (Int?) -> Void) { self.changed = changed }

  func given<T>(to member: Int, _ body: () throws -> T) rethrows -> T {
    let before = holder
    pass(to: member)
    defer { pass(to: before) }
    return try body()
  }

  private func pass(to member: Int?) {
    guard member != holder else { return }
    holder = member
    changed(member)
  }
}

/// Whether a member is over. Confined to the computing thread.
private final class MemberState: @unchecked Sendable {
  let position: Int
  let turn: Turn
  private(set) var ended: ((Result<Void, any Error>) -> Void)?

  init(position: Int, turn: Turn, _ ended: @escaping (Result<Void, any Error>) -> Void) {
    self.position = position
    self.turn = turn
    self.ended = ended
  }

  func end(_ result: Result<Void, any Error>) {
    guard let ended else { return }
    self.ended = nil
    turn.given(to: position) { ended(result) }
  }
}

/// A parameter whose value doesn't go with the others.
public struct InvalidParameter: Error, Sendable, CustomStringConvertible {
  /// The parameter, or with dots a part of it: `measures.1`, `objective.task`.
  public let name: String
  public let message: String
  public init(_ name: String, _ message: String) {
    self.name = name
    self.message = message
  }
  public var description: String { "\(name): \(message)" }
}

/// What a running stage gets besides its declared inputs and outputs: scratch space, progress, and for kinds
/// whose inputs are not declared in code (commands) all inputs and outputs by name.
public struct StageContext: Sendable {
  /// An empty folder on a local disk, removed afterwards.
  public let scratch: URL
  /// Where this action's own unfinished work may lie, a folder to be made if it is needed: it outlives a failure and a
  /// killed run, so that the next one goes on with it, and goes when the outputs are stored. Two runs may have it at a
  /// time. For what a `ResumableKind` saves, `save` is the place: this never leaves the store's disk.
  public let unfinished: URL
  /// The project's root.
  public let projectRoot: URL
  /// Of a command, the files that it declares; of other kinds nothing.
  public let tree: [TreeFile]
  /// The declared environment variables that are set, with their values.
  public let environment: [String: String]
  public let inputs: [String: [InputArtifact]]
  public let outputs: [String: OutputArtifact]
  private let states: StageStates
  private let countThreads: @Sendable () -> Int
  private let report: @Sendable (Progress) -> Void
  private let tellSpent: @Sendable (ProcessUsage) -> Void
  private let tellOpened: @Sendable (OpenedFiles) -> Void

  public init(
    scratch: URL, unfinished: URL? = nil, projectRoot: URL, tree: [TreeFile] = [],
    environment: [String: String],
    inputs: [String: [InputArtifact]], outputs: [String: OutputArtifact],
    threads: @escaping @Sendable () -> Int = { 1 }, states: StageStates = StageStates(),
    report: @escaping @Sendable (Progress) -> Void,
    spent: @escaping @Sendable (ProcessUsage) -> Void = { _ in },
    opened: @escaping @Sendable (OpenedFiles) -> Void = { _ in }
  ) {
    self.scratch = scratch
    self.unfinished = unfinished ?? scratch.appendingPathComponent("unfinished")
    self.projectRoot = projectRoot
    self.tree = tree
    self.environment = environment
    self.inputs = inputs
    self.outputs = outputs
    self.states = states
    countThreads = threads
    self.report = report
    tellSpent = spent
    tellOpened = opened
  }

  /// How many threads may compute now, this one included. It changes at any time; ask before each piece of the work.
  public var threads: Int { countThreads() }

  /// Says how far the work is; call it as often as is natural, the worker thins it out.
  public func progress(_ fraction: Double, _ detail: KeyValuePairs<String, String> = [:]) {
    report(Progress(fraction: fraction, detail: detail.map { ($0.key, $0.value) }))
  }

  /// Says how far the work is, in the words of a program that does it in this process's stead.
  public func progress(_ progress: Progress) { report(progress) }

  /// Of a `ResumableKind`, the state to go on from, and where that is; nil: begin at the beginning.
  public var state: (state: WorkState, content: InputArtifact)? { states.resumed }

  /// Saves a state, a file or folder that is complete and may be removed afterwards. If the work is cut short, it goes
  /// on from here. It may be called from any thread.
  /// - Parameters:
  ///   - point: of one of the kind's prefixes: the state is at it or before, and after the one before.
  ///   - place: where exactly, for people: `epoch 4`.
  /// - Returns: whether that worked. The log says why it didn't, and the work can go on.
  @discardableResult
  public func save(_ url: URL, upTo point: Int, at place: String) -> Bool { states.keep(url, point, place) }

  /// Says what a program has used that did the work in this process's stead: the facts tell that.
  public func spent(_ usage: ProcessUsage) { tellSpent(usage) }

  /// Says what a traced command opened: what of it isn't declared counts for its key.
  public func opened(_ files: OpenedFiles) { tellOpened(files) }
}

/// What a process and those it waited for have used.
public struct ProcessUsage: Sendable, Hashable {
  public var cpuSeconds: Double
  /// The most memory that one of them held, in bytes; nil where that isn't known.
  public var peakMemory: Int?

  public init(cpuSeconds: Double, peakMemory: Int?) {
    self.cpuSeconds = cpuSeconds
    self.peakMemory = peakMemory
  }
}

/// How far a stage is.
public struct Progress: Sendable {
  /// 0 to 1.
  public var fraction: Double
  /// What to show, in order: `epoch 3/20`, `loss 0.41`, `accuracy 0.87`.
  public var detail: [(name: String, value: String)]
  public init(fraction: Double, detail: [(String, String)]) {
    self.fraction = fraction
    self.detail = detail.map { (name: $0.0, value: $0.1) }
  }
}

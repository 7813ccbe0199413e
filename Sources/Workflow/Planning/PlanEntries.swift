// Owns what a plan says of each instance, as somebody asks for it: a million entries would be most of what a plan takes.

import Canonical
import ContentStore

extension Plan {
  /// What is known of one instance.
  public struct Entry: Sendable {
    private let its: Columns
    private let row: Int

    fileprivate init(_ its: Columns, _ row: Int) {
      self.its = its
      self.row = row
    }

    /// One that stands for itself.
    package init(
      instance: Int, name: String, state: State, key: Digest?, artifacts: [String: Artifact]?,
      formerName: String?, acceptedFrom: Digest? = nil
    ) {
      its = Columns(
        instances: [instance], states: [state], keys: [key], formerNames: [:],
        accepted: key.flatMap { key in acceptedFrom.map { [key: $0] } } ?? [:],
        given: (name, artifacts, formerName))
      row = 0
    }

    /// Index into the graph's instances.
    public var instance: Int { its.instances[row] }
    public var name: String { its.given?.name ?? its.graph!.instances[instance].name }
    public var state: State { its.states[its.place(row)]! }
    /// Nil while pending.
    public var key: Digest? { its.keys[its.place(row)] }
    /// Nil unless up to date.
    public var artifacts: [String: Artifact]? { its.artifacts?[instance] ?? its.given?.artifacts }
    /// The name under which it was known when its result was made, if it is up to date and has none but this.
    public var formerName: String? { its.formerNames[instance] ?? its.given?.formerName }
    /// The key that its result was recorded under before it was accepted for other code; nil where it wasn't.
    public var acceptedFrom: Digest? { state == .upToDate ? key.flatMap { its.accepted[$0] } : nil }
  }

  /// The entries of a plan.
  public struct Entries: RandomAccessCollection, Sendable {
    private enum Form: Sendable {
      case given([Entry])
      case made(Columns)
    }

    private let form: Form

    init(_ entries: [Entry]) { form = .given(entries) }

    /// - Parameters: states and keys by instance; each in scope has a state.
    init(
      _ graph: Graph, _ scope: Scope, states: [State?], keys: [Digest?], artifacts: KnownArtifacts,
      formerNames: [Int: String], accepted: [Digest: Digest]
    ) {
      form = .made(
        Columns(
          instances: scope.sorted(), states: states, keys: keys, formerNames: formerNames,
          accepted: accepted, graph: graph, artifacts: artifacts))
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int {
      switch form {
      case .given(let entries): entries.count
      case .made(let table): table.instances.count
      }
    }

    public subscript(n: Int) -> Entry {
      switch form {
      case .given(let entries): entries[n]
      case .made(let table): Entry(table, n)
      }
    }
  }

  /// What entries are read from.
  fileprivate final class Columns: Sendable {
    /// Those in scope, ascending.
    let instances: [Int]
    /// By instance, as are the keys; of an entry that stands for itself just its own.
    let states: [State?]
    let keys: [Digest?]
    let formerNames: [Int: String]
    /// By the keys that results were accepted under.
    let accepted: [Digest: Digest]
    let graph: Graph?
    let artifacts: KnownArtifacts?
    let given: (name: String, artifacts: [String: Artifact]?, formerName: String?)?

    init(
      instances: [Int], states: [State?], keys: [Digest?], formerNames: [Int: String],
      accepted: [Digest: Digest], graph: Graph? = nil, artifacts: KnownArtifacts? = nil,
      given: (name: String, artifacts: [String: Artifact]?, formerName: String?)? = nil
    ) {
      self.instances = instances
      self.states = states
      self.keys = keys
      self.formerNames = formerNames
      self.accepted = accepted
      self.graph = graph
      self.artifacts = artifacts
      self.given = given
    }

    /// Where an entry's state and key are.
    func place(_ row: Int) -> Int { given == nil ? instances[row] : row }
  }
}

// Owns the store of a run whose results are compared with recorded ones and thrown away: it reads as the store does, and
// writes nothing there.

import Canonical
import ContentStore
import Foundation
import Synchronization

/// A store that publishes nothing.
final class ComparingStore: ResultStore {
  /// What a key's result is to be.
  struct Expected: Sendable {
    /// The key whose record says so.
    var recorded: Digest
    var artifacts: [String: Artifact]
    var outputs: [OutputDescription]
  }

  /// What came of computing a key's result.
  struct Outcome: Sendable {
    /// Nil: it is the same, bit for bit.
    var difference: ArtifactDifference?
    var facts: JSON
  }

  private let store: any ResultStore
  private let trial: Trial
  private let comparers: [ContentComparer]
  private let expected: [Digest: Expected]
  private let found = Mutex<[Digest: Outcome]>([:])

  init(
    _ store: any ResultStore, _ trial: Trial, expecting expected: [Digest: Expected],
    comparers: [ContentComparer]
  ) {
    self.store = store
    self.trial = trial
    self.expected = expected
    self.comparers = comparers
  }

  /// What became of each key so far.
  var outcomes: [Digest: Outcome] { found.withLock { $0 } }

  func publish(
    _ record: Record, blobs: [WrittenBlob], replacing: Bool, noting: (run: RunID, instance: String)?
  ) throws -> Store.Publication {
    guard let expected = expected[record.key] else {
      trial.discard(blobs)
      return .published
    }
    let written = Dictionary(blobs.map { ($0.digest, $0) }) { first, _ in first }
    let comparison = Comparison(store: store, trial: trial, comparers: comparers, written: written)
    let difference = comparison.difference(
      of: expected.outputs, recorded: expected.artifacts, now: record.artifacts)
    found.withLock { $0[record.key] = Outcome(difference: difference, facts: record.facts) }
    guard difference != nil, let existing = try store.record(for: expected.recorded) else {
      trial.discard(blobs)
      return .alreadyThere
    }
    return .conflict(existing: existing)
  }

  // What a run would write is dropped.
  func keep(_ state: Record, blobs: [WrittenBlob], superseding: [Digest]) throws { trial.discard(blobs) }
  func keep(trace: String, of action: Digest) throws {}
  func dropStates(_ keys: [Digest]) throws {}
  func write(log: URL) throws -> WrittenBlob? { nil }
  func beginRun(project: String, file: String, commandLine: [String]) throws -> RunID { RunID(0) }
  func note(_ run: RunID, _ notes: [InstanceNote]) throws {}
  func note(_ run: RunID, allInstances names: [String]) throws {}
  func seal(_ run: RunID, _ seal: Digest) throws {}
  func isSealed(_ seal: Digest, project: String, file: String) throws -> Bool { false }
  /// Whoever else computes a key publishes it; this one computes it for itself.
  func lease(_ keys: [Digest], to run: RunID, regardless: Set<Digest>) throws -> [Digest: LeaseAnswer] {
    Dictionary(keys.map { ($0, .granted(fence: 0)) }) { first, _ in first }
  }
  func release(_ keys: [Digest], of run: RunID) throws {}
  func leases(besides run: RunID?) throws -> [Digest: LeaseHolder] { [:] }
  func endRun(_ run: RunID, outcome: RunOutcome) throws {}
  func push(_ keys: [Digest], to remote: any Remote) throws -> Transfer { Transfer() }
  /// All is computed from the beginning.
  func states(for keys: [Digest]) throws -> [Digest: Record] { [:] }

  // Workers and logs have the trial's folder.
  var directory: URL { trial.directory }
  var home: URL { store.home }
  func write(_ bytes: [UInt8]) throws -> WrittenBlob { try BlobWriter(store: directory).write(bytes: bytes) }

  // What is read is the store's.
  func outputs(for keys: [Digest]) throws -> [Digest: KnownOutputs] { try store.outputs(for: keys) }
  func traces(of actions: [Digest]) throws -> [Digest: [String]] { try store.traces(of: actions) }
  func record(for key: Digest) throws -> Record? { try store.record(for: key) }
  func pullRecords(_ keys: [Digest], from remotes: [any Remote]) throws -> [RecordAnswer] {
    try store.pullRecords(keys, from: remotes)
  }
  func attach(_ remotes: [any Remote], warn: @escaping @Sendable (String) -> Void) {
    store.attach(remotes, warn: warn)
  }
  func fetch(_ digests: [Digest], listedBy manifests: [Digest]) throws {
    try store.fetch(digests, listedBy: manifests)
  }
  func members(of manifests: [Digest]) throws -> [Digest: [String: Artifact]] {
    try store.members(of: manifests)
  }
  func entries(of manifest: Digest) throws -> [String: Artifact] { try store.entries(of: manifest) }
  func file(for digest: Digest) throws -> URL { try store.file(for: digest) }
  func read(_ digest: Digest) throws -> [UInt8] { try store.read(digest) }
  func digests(ofFiles files: [URL]) throws -> [ExternalFile] { try store.digests(ofFiles: files) }
  func lastKeys(project: String, file: String) throws -> [String: Digest] {
    try store.lastKeys(project: project, file: file)
  }
  func pastKeys(of instance: String, project: String, file: String) throws -> [Digest] {
    try store.pastKeys(of: instance, project: project, file: file)
  }
}

// Owns what a run asks of a store, so that it can be driven through every fault without disks and processes.

import Canonical
import ContentStore
import Foundation

/// Records, blobs and the memory of runs. Everything but `outputs` may block, and is called beside the loop.
package protocol ResultStore: Sendable {
  /// Where workers write blobs, and logs are.
  var directory: URL { get }
  /// The folder of the store itself, in which nothing is anybody's code.
  var home: URL { get }
  /// What many keys' records say in short; keys without one are left out.
  func outputs(for keys: [Digest]) throws -> [Digest: KnownOutputs]
  func record(for key: Digest) throws -> Record?
  /// What remotes, asked in order, have under keys; kept here.
  func pullRecords(_ keys: [Digest], from remotes: [any Remote]) throws -> [RecordAnswer]
  /// Publishes a record, and has the run say that this instance of its was executed.
  func publish(
    _ record: Record, blobs: [WrittenBlob], replacing: Bool, noting: (run: RunID, instance: String)?
  ) throws -> Store.Publication
  /// Asks for leases; what has a record isn't leased, but for keys in `regardless`.
  func lease(_ keys: [Digest], to run: RunID, regardless: Set<Digest>) throws -> [Digest: LeaseAnswer]
  func release(_ keys: [Digest], of run: RunID) throws
  /// The leases that others hold.
  func leases(besides run: RunID?) throws -> [Digest: LeaseHolder]
  /// Keeps a state of work under way, and drops those that it supersedes.
  func keep(_ state: Record, blobs: [WrittenBlob], superseding: [Digest]) throws
  func states(for keys: [Digest]) throws -> [Digest: Record]
  func dropStates(_ keys: [Digest]) throws
  /// What else commands with these actions opened, the newest first.
  func traces(of actions: [Digest]) throws -> [Digest: [String]]
  func keep(trace: String, of action: Digest) throws
  func push(_ keys: [Digest], to remote: any Remote) throws -> Transfer
  /// From now on what isn't here is looked for on these remotes, in order.
  func attach(_ remotes: [any Remote], warn: @escaping @Sendable (String) -> Void)
  /// Gets what isn't here of these blobs from the attached remotes, as far as they have it; `manifests` list them.
  func fetch(_ digests: [Digest], listedBy manifests: [Digest]) throws
  /// What these manifests list; those that aren't here are left out. Asks no remote.
  func members(of manifests: [Digest]) throws -> [Digest: [String: Artifact]]
  /// What a manifest lists, wherever it is.
  func entries(of manifest: Digest) throws -> [String: Artifact]
  /// A blob's file: verified, decompressed, read-only.
  func file(for digest: Digest) throws -> URL
  func read(_ digest: Digest) throws -> [UInt8]
  /// Stores bytes that no stage wrote: code manifests, long lists of inputs.
  func write(_ bytes: [UInt8]) throws -> WrittenBlob
  /// Stores what an instance printed; nil where that is nothing.
  func write(log: URL) throws -> WrittenBlob?
  func digests(ofFiles files: [URL]) throws -> [ExternalFile]
  func lastKeys(project: String, file: String) throws -> [String: Digest]
  /// The keys of an instance's results, newest first.
  func pastKeys(of instance: String, project: String, file: String) throws -> [Digest]
  /// Enters a run that begins; one that is killed stays visible with what was noted of it.
  func beginRun(project: String, file: String, commandLine: [String]) throws -> RunID
  /// Remembers what became of instances, any number at a time.
  func note(_ run: RunID, _ notes: [InstanceNote]) throws
  /// Takes down what stands for all that a run noted; what is noted afterwards takes it back.
  func seal(_ run: RunID, _ seal: Digest) throws
  func isSealed(_ seal: Digest, project: String, file: String) throws -> Bool
  /// Remembers that these are all instances that the run's file has.
  func note(_ run: RunID, allInstances names: [String]) throws
  func endRun(_ run: RunID, outcome: RunOutcome) throws
}

extension ResultStore {
  package var home: URL { directory }
}

extension Store: ResultStore {
  package func entries(of manifest: Digest) throws -> [String: Artifact] {
    guard let manifest = Manifest(parsing: try read(manifest)) else {
      throw StoreError.damaged(manifest, reason: "it isn't a manifest")
    }
    return manifest.entries
  }

  package func write(_ bytes: [UInt8]) throws -> WrittenBlob {
    try writer.write(bytes: bytes)
  }

  package func write(log: URL) throws -> WrittenBlob? { try writer.write(log: log) }
}

extension StoreError {
  /// Whether running the producer again mends it.
  package var isLostBlob: Bool { if case .lostBlob = concern { true } else { false } }

  /// Whether nothing can be stored any more.
  var concernsWholeStore: Bool { concern == .store || concern == .space }
}

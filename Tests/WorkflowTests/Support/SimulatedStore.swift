// A store and a remote in memory, which lose things and fail as a seed has it.

import Canonical
import ContentStore
import Foundation
import Workflow

/// Where bytes are, and how often what goes wrong. One thread uses it.
final class SimulatedStore: ResultStore, @unchecked Sendable {
  let directory = URL(fileURLWithPath: "/simulated")
  private(set) var records: [Digest: Record] = [:]
  private var contents: [Digest: [UInt8]] = [:]
  private var forms: [Digest: StoredBlob] = [:]
  /// Everything that was ever published, lost or not.
  private(set) var published: [Digest: [UInt8]] = [:]
  /// Digests files outside.
  private let files: Store
  private var lastKeys: [String: Digest] = [:]
  private var remote: (any Remote)?
  var faults: Faults
  /// How often a blob could not be had.
  private(set) var misfortunes: [Digest: Int] = [:]
  /// How often a record could not be written, or its result wasn't kept.
  private(set) var unpublished: [Digest: Int] = [:]
  private(set) var wasFull = false

  /// What goes wrong: each once in so many times; 0 for never.
  struct Faults {
    var random: SeededRandom
    var opening = 0
    var space = 0
    var publishing = 0
    var full = 0
    /// Another driver begins with what this one was about to.
    var competing = 0

    func happens(_ often: Int) -> Bool { often > 0 && random.once(in: often) }
  }

  init(_ faults: Faults, files: Store) {
    self.faults = faults
    self.files = files
  }

  /// Loses a blob's bytes; what is known of it stays.
  func lose(_ digest: Digest) {
    contents[digest] = nil
    misfortunes[digest, default: 0] += 1
  }

  /// Every blob whose bytes are here.
  var present: [Digest] { contents.keys.sorted() }

  func outputs(for keys: [Digest]) throws -> [Digest: KnownOutputs] {
    Dictionary(keys.compactMap { key in records[key].map { (key, KnownOutputs($0)) } }) { first, _ in first }
  }

  func record(for key: Digest) throws -> Record? { records[key] }

  func pullRecords(_ keys: [Digest], from remotes: [any Remote]) throws -> [RecordAnswer] {
    var answers = keys.map { RecordAnswer(known: records[$0].map(KnownOutputs.init)) }
    for remote in remotes {
      let missing = keys.indices.filter { answers[$0].known == nil }
      try remote.records(missing.map { keys[$0] }, limit: Record.longest) { n, result in
        let i = missing[n]
        do {
          guard let text = try result.get() else { return }
          let record = try Record(parsing: text)
          for blob in record.blobs { forms[blob.digest] = blob }
          records[keys[i]] = record
          answers[i].known = KnownOutputs(record)
        } catch let error as StoreError { answers[i].problems.append(("\(remote)", error)) }
      }
    }
    return answers
  }

  func fetch(_ digests: [Digest], listedBy manifests: [Digest]) throws {}

  func publish(
    _ record: Record, blobs: [WrittenBlob], replacing: Bool, noting: (run: RunID, instance: String)?
  ) throws -> Store.Publication {
    defer { if noting != nil { leased.remove(record.key) } }
    if faults.happens(faults.full) {
      wasFull = true
      unpublished[record.key, default: 0] += 1
      throw StoreError.full(path: "/simulated")
    }
    if faults.happens(faults.publishing) {
      unpublished[record.key, default: 0] += 1
      throw StoreError.missing(record.blobs[0].digest)
    }
    func register() {
      for blob in blobs {
        contents[blob.digest] = blob.inline
        published[blob.digest] = blob.inline
        forms[blob.digest] = blob.form
      }
    }
    if let existing = records[record.key] {
      if existing.artifacts == record.artifacts {
        register()
        return .alreadyThere
      }
      if !replacing { return .conflict(existing: existing) }
    }
    register()
    for blob in record.blobs where forms[blob.digest] == nil { throw StoreError.missing(blob.digest) }
    let earlier = records.updateValue(record, forKey: record.key)
    return earlier.map { .replaced(earlier: $0) } ?? .published
  }

  /// What another driver computes, and how often that is looked at before it gives up.
  private var elsewhere: [Digest: Int] = [:]
  private var leased: Set<Digest> = []
  private let other = LeaseHolder(run: RunID(2), process: 2)
  /// Leases that were taken twice, or given back twice.
  private(set) var leasingMistakes: [String] = []

  func lease(_ keys: [Digest], to run: RunID, regardless: Set<Digest>) throws -> [Digest: LeaseAnswer] {
    var answers: [Digest: LeaseAnswer] = [:]
    for key in keys {
      if let record = records[key], !regardless.contains(key) {
        answers[key] = .finished(KnownOutputs(record))
      } else if elsewhere[key] == nil, !faults.happens(faults.competing) {
        if !leased.insert(key).inserted { leasingMistakes.append("\(key) was leased twice") }
        answers[key] = .granted(fence: 1)
      } else {
        elsewhere[key] = elsewhere[key] ?? faults.random.next(below: 5)
        answers[key] = .held(other)
      }
    }
    return answers
  }

  func release(_ keys: [Digest], of run: RunID) throws { leased.subtract(keys) }

  func leases(besides run: RunID?) throws -> [Digest: LeaseHolder] {
    for (key, looks) in elsewhere { elsewhere[key] = looks > 0 ? looks - 1 : nil }
    return elsewhere.mapValues { _ in other }
  }

  /// The run is over.
  func endLeases() { leased = [] }

  private var states: [Digest: Record] = [:]

  func keep(_ state: Record, blobs: [WrittenBlob], superseding: [Digest]) throws {
    for blob in blobs { (contents[blob.digest], forms[blob.digest]) = (blob.inline, blob.form) }
    try dropStates(superseding)
    states[state.key] = state
  }

  func states(for keys: [Digest]) throws -> [Digest: Record] { states.filter { keys.contains($0.key) } }

  func dropStates(_ keys: [Digest]) throws { for key in keys { states[key] = nil } }

  private var traces: [Digest: [String]] = [:]

  func traces(of actions: [Digest]) throws -> [Digest: [String]] {
    traces.filter { actions.contains($0.key) }
  }

  func keep(trace: String, of action: Digest) throws { traces[action, default: []].insert(trace, at: 0) }

  func push(_ keys: [Digest], to remote: any Remote) throws -> Transfer {
    var transfer = Transfer()
    for key in keys {
      guard let record = records[key] else { continue }
      do {
        for blob in record.blobs {
          guard let bytes = contents[blob.digest] else {
            transfer.failed[key] = .missing(blob.digest)
            break
          }
          var given = false
          try remote.putBlob(blob.storedDigest, size: blob.storedSize) { buffer in
            if given { return 0 }
            given = true
            buffer.copyBytes(from: bytes)
            return bytes.count
          }
        }
        if transfer.failed[key] == nil,
          try remote.putRecord(Array(record.text.utf8), for: key, replacing: false)
        {
          transfer.records += 1
        }
      } catch let error as StoreError {
        transfer.failed[key] = error
        transfer.fault = transfer.fault ?? error
      }
    }
    return transfer
  }

  func attach(_ remotes: [any Remote], warn: @escaping @Sendable (String) -> Void) { remote = remotes.first }

  func members(of manifests: [Digest]) throws -> [Digest: [String: Artifact]] {
    Dictionary(
      manifests.compactMap { digest in
        contents[digest].flatMap { Manifest(parsing: $0) }.map { (digest, $0.entries) }
      }
    ) { first, _ in first }
  }

  func entries(of manifest: Digest) throws -> [String: Artifact] {
    guard let manifest = Manifest(parsing: try bytes(of: manifest)) else {
      throw StoreError.damaged(manifest, reason: "it isn't a manifest")
    }
    return manifest.entries
  }

  func file(for digest: Digest) throws -> URL {
    _ = try bytes(of: digest)
    return URL(fileURLWithPath: "/simulated/open/\(digest.hex)")
  }

  func read(_ digest: Digest) throws -> [UInt8] { try bytes(of: digest) }

  private func bytes(of digest: Digest) throws -> [UInt8] {
    do {
      if faults.happens(faults.opening) {
        throw StoreError.system(operation: "open", path: "/simulated", reason: "bad luck")
      }
      if faults.happens(faults.space) { throw StoreError.full(path: "/simulated/open") }
      if let bytes = contents[digest] { return bytes }
      if let remote, let form = forms[digest] {
        var bytes: [UInt8] = []
        if try remote.blob(form.storedDigest, limit: form.storedSize, to: { bytes += $0 }) {
          contents[digest] = bytes
          return bytes
        }
      }
      throw StoreError.missing(digest)
    } catch {
      misfortunes[digest, default: 0] += 1
      throw error
    }
  }

  func write(_ bytes: [UInt8]) throws -> WrittenBlob { SimulatedStore.blob(bytes) }
  func write(log: URL) throws -> WrittenBlob? { nil }

  static func blob(_ bytes: [UInt8]) -> WrittenBlob {
    let digest = Digest.of(bytes)
    return WrittenBlob(
      StoredBlob(
        digest: digest, size: bytes.count, codec: .raw, storedDigest: digest, storedSize: bytes.count),
      inline: bytes)
  }

  func digests(ofFiles files: [URL]) throws -> [ExternalFile] { try self.files.digests(ofFiles: files) }
  func lastKeys(project: String, file: String) throws -> [String: Digest] { lastKeys }
  func pastKeys(of instance: String, project: String, file: String) throws -> [Digest] {
    lastKeys[instance].map { [$0] } ?? []
  }
  func beginRun(project: String, file: String, commandLine: [String]) throws -> RunID { RunID(1) }
  func note(_ run: RunID, _ notes: [InstanceNote]) throws {
    for note in notes where note.state.hasResult { lastKeys[note.name] = note.key }
  }
  func seal(_ run: RunID, _ seal: Digest) throws {}
  func isSealed(_ seal: Digest, project: String, file: String) throws -> Bool { false }
  func note(_ run: RunID, allInstances names: [String]) throws {}
  func endRun(_ run: RunID, outcome: RunOutcome) throws {}
}

/// A remote in memory.
final class SimulatedRemote: Remote, @unchecked Sendable {
  private var records: [Digest: [UInt8]] = [:]
  private var blobs: [Digest: [UInt8]] = [:]
  private let random: SeededRandom
  /// A call fails once in so many times; 0 for never, 1 for a remote that is away.
  var failing = 0
  /// A call isn't answered once in so many times; 0 for never.
  var hanging = 0
  /// Where calls hang.
  var world: World?

  init(_ random: SeededRandom) { self.random = random }

  var description: String { "simulated://" }

  /// Loses some of its blobs.
  func loseBlobs() { for digest in blobs.keys.sorted() where random.once(in: 3) { blobs[digest] = nil } }

  private func call() throws {
    if hanging > 0, random.once(in: hanging) {
      world!.hang()
      throw StoreError.remote(name: "simulated://", reason: "it never answered")
    }
    if failing > 0, random.once(in: failing) {
      throw StoreError.remote(name: "simulated://", reason: "no connection")
    }
  }

  func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    try call()
    return records[key]
  }
  func hasRecord(_ key: Digest) throws -> Bool {
    try call()
    return records[key] != nil
  }
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try call()
    if records[key] != nil, !replacing { return false }
    records[key] = text
    return true
  }
  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try call()
    guard let bytes = blobs[stored] else { return false }
    try bytes.withUnsafeBytes(sink)
    return true
  }
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool {
    try call()
    return blobs[stored] != nil
  }
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try call()
    var bytes = [UInt8](repeating: 0, count: size)
    _ = try bytes.withUnsafeMutableBytes(source)
    blobs[stored] = bytes
  }
  func keys() throws -> [Digest]? { nil }
}

// Owns a record's text: what it says, how it is checked.

import Canonical

/// What an action gave: named artifacts, with the action itself and the facts of the run. Its canonical text is kept
/// verbatim, members that this version doesn't know included, so that it can be copied, compared and signed.
public struct Record: Hashable, Sendable {
  /// SHA-256 of the action's canonical text.
  public let key: Digest
  /// Everything that decided the result.
  public let action: JSON
  /// The outputs by name.
  public let artifacts: [String: Artifact]
  /// The blobs that this stage wrote (not those that its manifests link to), and those that its action names by
  /// digest: code, long lists of inputs, the log. Sorted by digest.
  public let blobs: [StoredBlob]
  /// Time, host, versions, instruction set, resources: what didn't decide the result.
  public let facts: JSON
  /// What the stage printed, one of `blobs`.
  public let log: Artifact?
  /// Where the result was taken over from code other than the action's, each time that this was done; mostly empty.
  public let accepted: [Acceptance]
  /// The canonical text.
  public let text: String

  /// The version of the text's layout. A text is written in the lowest format that says all it has to, and a later
  /// version raises the format for what this one would misread: another codec, another form of artifact.
  public static let format = 2
  /// No record is longer, in bytes.
  public static let longest = 16 << 20

  public init(
    action: JSON, artifacts: [String: Artifact], blobs: [StoredBlob], facts: JSON, log: Artifact? = nil,
    accepted: [Acceptance] = []
  ) {
    let blobs = Set(blobs).sorted { $0.digest < $1.digest }
    let key = Digest.of(action.canonical.utf8)
    var members: [String: JSON] = [
      "record": .integer(Record.format), "key": .string(key.hex), "action": action,
      "artifacts": .object(artifacts.mapValues(\.json)), "blobs": .array(blobs.map(\.json)), "facts": facts,
    ]
    if let log { members["log"] = log.json }
    if !accepted.isEmpty { members["accepted"] = .array(accepted.map(\.json)) }
    self.init(key, action, artifacts, blobs, facts, log, accepted, text: JSON.object(members).canonical)
  }

  private init(
    _ key: Digest, _ action: JSON, _ artifacts: [String: Artifact], _ blobs: [StoredBlob], _ facts: JSON,
    _ log: Artifact?, _ accepted: [Acceptance], text: String
  ) {
    self.key = key
    self.action = action
    self.artifacts = artifacts
    self.blobs = blobs
    self.facts = facts
    self.log = log
    self.accepted = accepted
    self.text = text
  }

  /// Reads a record's text, strictly: it must be canonical, name its artifacts by plain names, and have the key of
  /// its action. Format 1 (of version 0.1) knows no other members; of format 2 unknown ones are kept.
  /// - Throws: `.record` for what isn't one; `.newerRecord` for a format that this version doesn't know.
  public init(parsing bytes: some Collection<UInt8>) throws {
    guard bytes.count <= Record.longest else {
      throw StoreError.record(reason: "\(bytes.count) bytes, more than the \(Record.longest) allowed")
    }
    let json: JSON
    do { json = try JSON(parsing: bytes) } catch { throw StoreError.record(reason: "\(error)") }
    guard case .object(let members) = json else { throw StoreError.record(reason: "not an object") }
    guard let format = members["record"]?.intValue, format > 0 else {
      throw StoreError.record(reason: "it doesn't say its format ('record')")
    }
    guard format <= Record.format else { throw StoreError.newerRecord(format: format) }
    guard format > 1 || members.count == 6,
      let key = members["key"]?.stringValue.flatMap({ Digest(hex: $0) }),
      let action = members["action"], let facts = members["facts"],
      case .object(let named)? = members["artifacts"], case .array(let listed)? = members["blobs"]
    else {
      throw StoreError.record(reason: "wants key, action, artifacts, blobs, facts and record")
    }
    let artifacts = try Record.artifacts(named)
    let blobs = try listed.map { json in
      guard let blob = StoredBlob(json: json) else {
        throw StoreError.record(reason: "a blob isn't one: \(json.canonical.prefix(400))")
      }
      return blob
    }
    let sizes = Dictionary(blobs.map { ($0.digest, $0.size) }) { first, _ in first }
    guard sizes.count == blobs.count else { throw StoreError.record(reason: "it lists a blob twice") }
    for (name, artifact) in artifacts where artifact.form == .blob {
      guard sizes[artifact.digest] ?? artifact.size == artifact.size else {
        throw StoreError.record(reason: "artifact '\(name)' and its blob differ in size")
      }
    }
    var log: Artifact?
    if format > 1, let said = members["log"] {
      guard let artifact = Artifact(json: said), artifact.form == .blob,
        sizes[artifact.digest] == artifact.size
      else { throw StoreError.record(reason: "its log isn't one of its blobs") }
      log = artifact
    }
    let actual = Digest.of(action.canonical.utf8)
    guard actual == key else {
      throw StoreError.record(reason: "its key is \(key), but its action gives \(actual)")
    }
    let text = json.canonical
    guard text.utf8.elementsEqual(bytes) else { throw StoreError.record(reason: "its text isn't canonical") }
    let accepted = (members["accepted"]?.arrayValue ?? []).compactMap { Acceptance(json: $0) }
    self.init(
      key, action, artifacts, blobs.sorted { $0.digest < $1.digest }, facts, log, accepted, text: text)
  }

  private static func artifacts(_ named: [String: JSON]) throws -> [String: Artifact] {
    var artifacts: [String: Artifact] = [:]
    for (name, json) in named {
      guard Manifest.isSafe(name) else {
        throw StoreError.record(reason: "an artifact's name can't be a file name: \(name.debugDescription)")
      }
      guard let artifact = Artifact(json: json) else {
        throw StoreError.record(reason: "artifact '\(name)' isn't one: \(json.canonical.prefix(200))")
      }
      artifacts[name] = artifact
    }
    return artifacts
  }

  /// The same record with other stored forms of some of its blobs, by content; all else stays as it is.
  func stored(as forms: [Digest: StoredBlob]) throws -> Record {
    guard !forms.isEmpty, case .object(var members) = try JSON(parsing: text) else { return self }
    members["blobs"] = .array(blobs.map { (forms[$0.digest] ?? $0).json })
    return try Record(parsing: Array(JSON.object(members).canonical.utf8))
  }
}

/// What a record says in short.
public struct KnownOutputs: Hashable, Sendable {
  public var artifacts: [String: Artifact]
  /// `Record.platformNumber` of what computed them.
  public var platform: Int64

  public init(artifacts: [String: Artifact], platform: Int64) {
    self.artifacts = artifacts
    self.platform = platform
  }

  public init(_ record: Record) {
    self.init(artifacts: record.artifacts, platform: Record.platformNumber(of: record.facts))
  }
}

extension Record {
  /// A number for what of a platform can decide bits: instruction set and versions of libraries. 0 where facts don't
  /// name them.
  public static func platformNumber(of facts: JSON) -> Int64 {
    guard let set = facts["instructionSet"], let facts = facts["versions"]?.objectValue else { return 0 }
    // Versions are texts; what else stands beside them follows from those.
    let versions = JSON.object(facts.filter { $0.value.stringValue != nil })
    let digest = Digest.of(JSON.array([set, versions]).canonical.utf8)
    return digest.withBytes { Int64(littleEndian: $0.loadUnaligned(as: Int64.self)) }
  }

  /// Where it was computed, as far as that can change bits: for messages about two records that differ.
  public var platform: String {
    var words: [String] = []
    if let host = facts["host"]?.stringValue { words.append("on \(host)") }
    if let set = facts["instructionSet"]?.stringValue { words.append("with \(set)") }
    let versions = facts["versions"]?.objectValue ?? [:]
    words += versions.sorted { $0.key < $1.key }.compactMap { name, version in
      version.stringValue.map { "\(name) \($0)" }
    }
    return words.isEmpty ? "on a platform it doesn't name" : words.joined(separator: ", ")
  }
}

// Owns a record's text: what it says, how it is checked.

import Canonical

/// What an action gave: named artifacts, with the action itself and the facts of the run. Its canonical text is kept
/// verbatim, so that it can be copied, compared and signed.
public struct Record: Hashable, Sendable {
  /// SHA-256 of the action's canonical text.
  public let key: Digest
  /// Everything that decided the result.
  public let action: JSON
  /// The outputs by name.
  public let artifacts: [String: Artifact]
  /// The blobs that this stage wrote (not those that its manifests link to), sorted by digest.
  public let blobs: [StoredBlob]
  /// Time, host, versions, instruction set, resources: what didn't decide the result.
  public let facts: JSON
  /// The canonical text.
  public let text: String

  /// The version of the text's layout.
  public static let format = 1
  /// No record is longer, in bytes.
  public static let longest = 16 << 20

  public init(action: JSON, artifacts: [String: Artifact], blobs: [StoredBlob], facts: JSON) {
    key = Digest.of(action.canonical.utf8)
    self.action = action
    self.artifacts = artifacts
    self.blobs = Set(blobs).sorted { $0.digest < $1.digest }
    self.facts = facts
    text =
      JSON.object([
        "record": .integer(Record.format), "key": .string(key.hex), "action": action,
        "artifacts": .object(artifacts.mapValues(\.json)), "blobs": .array(self.blobs.map(\.json)),
        "facts": facts,
      ]).canonical
  }

  /// Reads a record's text, strictly: it must be canonical, know no other members, name its artifacts by plain
  /// names, and have the key of its action.
  public init(parsing bytes: some Collection<UInt8>) throws {
    guard bytes.count <= Record.longest else {
      throw StoreError.record(reason: "\(bytes.count) bytes, more than the \(Record.longest) allowed")
    }
    let json: JSON
    do { json = try JSON(parsing: bytes) } catch { throw StoreError.record(reason: "\(error)") }
    guard case .object(let members) = json else { throw StoreError.record(reason: "not an object") }
    guard let format = members["record"]?.intValue else {
      throw StoreError.record(reason: "it doesn't say its format ('record')")
    }
    guard format == Record.format else {
      throw StoreError.record(reason: "format \(format); this version knows \(Record.format). Update bobbin.")
    }
    guard members.count == 6, let key = members["key"]?.stringValue.flatMap({ Digest(hex: $0) }),
      let action = members["action"], let facts = members["facts"],
      case .object(let named)? = members["artifacts"], case .array(let listed)? = members["blobs"]
    else { throw StoreError.record(reason: "wants exactly key, action, artifacts, blobs, facts and record") }
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
    self.init(action: action, artifacts: artifacts, blobs: blobs, facts: facts)
    guard self.key == key else {
      throw StoreError.record(reason: "its key is \(key), but its action gives \(self.key)")
    }
    guard text.utf8.elementsEqual(bytes) else { throw StoreError.record(reason: "its text isn't canonical") }
  }
}

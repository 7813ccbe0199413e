// Owns what a stage's output is called once it is bytes: a blob or a manifest, by digest.

import Canonical

/// One named output of a stage, by content.
public struct Artifact: Hashable, Sendable {
  public enum Form: String, Sendable { case blob, manifest }

  public var form: Form
  /// SHA-256 of the blob's uncompressed bytes, or of the manifest's canonical text.
  public var digest: Digest
  /// The uncompressed bytes of the blob; for a manifest, of all that it lists, each entry counted.
  public var size: Int

  public init(_ form: Form, _ digest: Digest, size: Int) {
    self.form = form
    self.digest = digest
    self.size = size
  }

  /// No blob is larger, so that sums of sizes from foreign records can't overflow: 2^46 bytes, 64 TiB.
  public static let largest = 1 << 46

  public var json: JSON { [form.rawValue: .string(digest.hex), "size": .integer(size)] }

  /// Reads what `json` wrote; nil for anything else.
  public init?(json: JSON) {
    guard case .object(let members) = json, members.count == 2, let size = members["size"]?.intValue,
      (0...Artifact.largest).contains(size)
    else { return nil }
    for form in [Form.blob, .manifest] {
      if let hex = members[form.rawValue]?.stringValue, let digest = Digest(hex: hex) {
        self.init(form, digest, size: size)
        return
      }
    }
    return nil
  }
}

/// Sorted names → artifacts: a directory, a dataset, a stitched model. It is stored as a small blob.
public struct Manifest: Hashable, Sendable {
  public var entries: [String: Artifact]

  public init(_ entries: [String: Artifact]) { self.entries = entries }

  /// The canonical text, whose digest names the manifest.
  public var text: String { JSON.object(entries.mapValues(\.json)).canonical }

  public var artifact: Artifact { Artifact(.manifest, digest, size: size) }

  var digest: Digest { .of(text.utf8) }
  var size: Int { entries.values.reduce(0) { $0 + $1.size } }

  /// No manifest's text is longer, in bytes: about 150,000 entries.
  public static let longest = 16 << 20
  /// No artifact holds more manifests and blobs, each counted as often as it is listed.
  public static let mostEntries = 1 << 20
  /// The deepest nesting of manifests that is followed.
  public static let deepest = 64

  /// Reads a manifest's text. Names may not be empty, `.`, `..` or hold `/` or NUL: they become file names.
  public init?(parsing bytes: some Collection<UInt8>) {
    guard bytes.count <= Manifest.longest, let json = try? JSON(parsing: bytes),
      case .object(let members) = json
    else { return nil }
    var entries: [String: Artifact] = [:]
    var total = 0
    for (name, value) in members {
      guard Manifest.isSafe(name), let artifact = Artifact(json: value) else { return nil }
      entries[name] = artifact
      total += artifact.size
      guard total <= Artifact.largest else { return nil }
    }
    self.entries = entries
  }

  /// Whether a name can be one component of a path.
  public static func isSafe(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 255 && name != "." && name != ".."
      && !name.utf8.contains { $0 == 0x2F || $0 == 0 }
  }
}

// Owns the code of a kind as part of keys, and as a text that later runs compare theirs with.

import Canonical

/// The code of a kind: source files → digests of what in them counts. Its canonical text is kept as a blob under
/// `digest`, so that a later run can say which file changed.
public struct CodeManifest: Sendable, Hashable {
  public let files: [String: Digest]
  public init(files: [String: Digest]) { self.files = files }
  public var text: String { JSON.object(files.mapValues { .string($0.hex) }).canonical }
  public var digest: Digest { .of(text.utf8) }

  /// Reads what `text` wrote.
  public init?(parsing bytes: some Sequence<UInt8>) {
    guard let members = try? JSON(parsing: bytes).objectValue else { return nil }
    var files: [String: Digest] = [:]
    for (name, value) in members {
      guard let hex = value.stringValue, let digest = Digest(hex: hex) else { return nil }
      files[name] = digest
    }
    self.files = files
  }
}

// Owns what a worker tells of the files that a traced command opened: paths and stamps, before anybody judges what of
// them was declared.

import Canonical

/// What a command opened besides its own tree and what every program of the system reads.
public struct OpenedFiles: Sendable, Hashable {
  /// What the system said of a file's content when it was opened; times in nanoseconds since 1970.
  public struct Stamp: Sendable, Hashable {
    public var size, modified, changed, inode, device: Int

    public init(size: Int, modified: Int, changed: Int, inode: Int, device: Int) {
      self.size = size
      self.modified = modified
      self.changed = changed
      self.inode = inode
      self.device = device
    }
  }

  /// What it read, by absolute path.
  public var files: [String: Stamp]
  /// Where it found nothing, as absolute paths.
  public var absent: Set<String>
  /// The modules that it loaded of folders where distributions are installed, by the folder.
  public var modules: [String: Set<String>]

  public init(
    files: [String: Stamp] = [:], absent: Set<String> = [], modules: [String: Set<String>] = [:]
  ) {
    self.files = files
    self.absent = absent
    self.modules = modules
  }

  public var json: JSON {
    [
      "files": .object(
        files.mapValues { stamp in
          .array(
            [stamp.size, stamp.modified, stamp.changed, stamp.inode, stamp.device].map(JSON.integer))
        }),
      "absent": .array(absent.sorted().map(JSON.string)),
      "modules": .object(modules.mapValues { .array($0.sorted().map(JSON.string)) }),
    ]
  }

  /// Reads what `json` wrote; nil for anything else.
  public init?(json: JSON) {
    guard let files = json["files"]?.objectValue, let absent = json["absent"]?.arrayValue,
      let modules = json["modules"]?.objectValue
    else { return nil }
    self.init(
      files: files.compactMapValues { stamp in
        let numbers = (stamp.arrayValue ?? []).compactMap(\.intValue)
        guard numbers.count == 5 else { return nil }
        return Stamp(
          size: numbers[0], modified: numbers[1], changed: numbers[2], inode: numbers[3], device: numbers[4])
      },
      absent: Set(absent.compactMap(\.stringValue)),
      modules: modules.mapValues { Set(($0.arrayValue ?? []).compactMap(\.stringValue)) })
  }
}

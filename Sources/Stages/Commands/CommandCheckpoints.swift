// Owns the state of a command that says `resume:`: it lies where the command finds it before it starts, and is saved
// whenever the command says that it is complete.

import Foundation
import Processes
import Workflow

/// The output that holds a command's state.
struct CommandCheckpoints: Sendable {
  /// Where the command reads and writes it.
  let place: URL
  private let copy: URL
  private let context: StageContext

  /// What it is called where the command doesn't say.
  static let plainPlace = "its last checkpoint"

  init(at place: URL, _ context: StageContext) {
    self.place = place
    self.context = context
    copy = context.scratch.appendingPathComponent("checkpoint")
  }

  /// Puts the last state that was saved where the command expects it.
  func restore() throws {
    if let (_, content) = context.state { try copyPrivately(content, to: place) }
  }

  /// Saves what is there. The command may replace it meanwhile: a file by another under the same name is either the one
  /// or the other, and what changes while it is copied isn't taken.
  /// - Parameter name: where the command is, in its words; empty when it says nothing.
  /// - Returns: why nothing was saved; nil when it was, or the log says why not.
  func save(_ name: String) -> String? {
    defer { try? FileManager.default.removeItem(at: copy) }
    let before = FileStamp.tree(at: place)
    guard !before.isEmpty else {
      return "a checkpoint was told of, but there is no \(place.lastPathComponent)"
    }
    do {
      if before[""]?.isFolder == true {
        try FileManager.default.copyItem(at: place, to: copy)
      } else {
        try copyFile(place.path, to: copy.path)
      }
    } catch {
      return "a checkpoint can't be copied: \(error)"
    }
    guard FileStamp.tree(at: place) == before else {
      return
        "\(place.lastPathComponent) changed while it was read, so that checkpoint was not saved. Write a new file "
        + "and rename it"
    }
    context.save(
      copy, upTo: CommandCheckpoints.point, at: name.isEmpty ? CommandCheckpoints.plainPlace : name)
    return nil
  }

  /// Of the only prefix of a command.
  static let point = 0
}

/// What tells one content of a file from another, without reading it.
private struct FileStamp: Hashable {
  private var inode: ino_t
  private var size: Int
  private var modified: Int
  let isFolder: Bool

  private init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    inode = status.st_ino
    size = Int(status.st_size)
    modified = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
    isFolder = status.st_mode & S_IFMT == S_IFDIR
  }

  /// Of a file, or a folder and all below it, by relative path; empty when there is nothing.
  static func tree(at place: URL) -> [String: FileStamp] {
    guard let root = FileStamp(place.path) else { return [:] }
    var found = ["": root]
    guard root.isFolder else { return found }
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: place.path)) ?? []
    for name in names { found[name] = FileStamp(place.appendingPathComponent(name).path) }
    return found
  }
}

// Owns the folder of a command's own that looks like the project's root and holds what the command declares. It knows
// nothing of keys.

import Canonical
import ContentStore
import Foundation
import Workflow

/// A private tree: code as copies, so that whoever edits it disturbs nobody, and inputs as links.
struct PrivateTree {
  let root: URL
  /// What it holds, by its place.
  let files: [String: TreeFile]

  /// Makes it at `root`, where nothing is yet, or an empty folder.
  /// - Throws: `Failure` when a file has other content than the key says.
  init(at root: URL, _ context: StageContext) throws {
    self.root = root
    var files: [String: TreeFile] = [:]
    for file in context.tree where file.role != .installation {
      // What is code and input is a copy: it has the content that both have in the key.
      if files[file.place] != nil {
        guard case .code = file.role else { continue }
      }
      files[file.place] = file
    }
    self.files = files
    var folders: Set = [root.path]
    try makeDirectory(root.path)
    for (place, file) in files {
      let url = root.appendingPathComponent(place)
      let folder = url.deletingLastPathComponent().path
      if folders.insert(folder).inserted { try makeDirectory(folder) }
      switch file.role {
      case .input, .program:
        try FileManager.default.createSymbolicLink(atPath: url.path, withDestinationPath: file.source)
      case .code(let digest): try PrivateTree.copy(file, digest, to: url.path)
      case .installation: break
      }
    }
  }

  private static func copy(_ file: TreeFile, _ digest: Digest, to place: String) throws {
    var status = stat()
    let isThere = stat(file.source, &status) == 0
    if isThere { try copyFile(file.source, to: place) }
    guard isThere, let copy = FileManager.default.contents(atPath: place), Digest.of(copy) == digest else {
      throw Failure(
        .input,
        "\(file.place) was edited since this run looked at it, so it has another key now. Run again.")
    }
    chmod(place, status.st_mode & 0o777 | 0o600)
  }

  /// What to say of that which a command has left in it; nil when there is nothing.
  var leftovers: String? {
    var found: [String] = []
    var count = 0
    func look(in folder: String) {
      let path = folder.isEmpty ? root.path : root.path + "/" + folder
      for name in ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() {
        let place = folder.isEmpty ? name : folder + "/" + name
        if files[place] != nil || name == "__pycache__" { continue }
        var status = stat()
        guard lstat(root.path + "/" + place, &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR {
          look(in: place)
        } else {
          count += 1
          if found.count < 8 { found.append(place) }
        }
      }
    }
    look(in: "")
    if count == 0 { return nil }
    let names =
      found.joined(separator: ", ") + (count > found.count ? " and \(count - found.count) more" : "")
    return "it left \(count == 1 ? "a file" : "\(count) files") beside its outputs, thrown away now: \(names)"
  }
}

// Owns the files of a published dataset: a folder that somebody unpacked, or the archive as it was downloaded.

import Datasets
import Formats
import Foundation
import Workflow

/// What the `path` of a published dataset takes.
enum PublishedFiles {
  /// The folder with the files that `isRead` accepts by name: `path` itself, or where it is an archive a folder in
  /// `scratch` with what it holds of them, whatever folders it has them in.
  static func folder(_ path: URL, scratch: URL, where isRead: (String) -> Bool) throws -> URL {
    if isFolder(path) { return path }
    let folder = scratch.appending(path: "unpacked")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    guard try !unpackTar(path, into: folder, where: isRead).isEmpty else {
      throw InputError(message: "\(path.path): the archive has none of the dataset's files")
    }
    return folder
  }

  static func isFolder(_ path: URL) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path.path, isDirectory: &isFolder) && isFolder.boolValue
  }
}

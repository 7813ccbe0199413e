// Owns where a command finds what it reads: private copies of artifacts, and the files that it declares.

import CProcess
import ContentStore
import Foundation
import Processes
import Workflow

/// The paths of a command's inputs.
struct CommandInputs {
  /// By the inputs' names, in the order of their members.
  private(set) var byName: [String: [String]] = [:]

  /// - Parameters:
  ///   - extensions: of the copies of artifacts, so that programs which go by a file's name can read them.
  ///   - places: of declared files, by name, as the tree has them.
  ///   - tree: nil for a command that runs in the project.
  init(_ context: StageContext, extensions: [String: String], places: [String: String], tree: PrivateTree?)
    throws
  {
    for (name, members) in context.inputs {
      let ending = extensions[name].map { "." + $0 } ?? ""
      // A group is a folder, whose files tell which is which.
      let isGroup = members.count != 1 || members[0].stage != ""
      let names = isGroup ? MemberNames.of(members).map { "\(name)/\($0)" } : [name]
      byName[name] = try zip(members, names).map { member, fileName in
        let copy = context.scratch.appendingPathComponent("in/" + fileName + ending)
        try copyPrivately(member, to: copy)
        return copy.path
      }
    }
    for (name, place) in places {
      let files = context.tree.filter { $0.role == .input(name) }
      func path(_ place: String, _ source: String) -> String {
        tree.map { $0.root.path + "/" + place } ?? source
      }
      if let inFolder = files.first(where: { $0.place.hasPrefix(place + "/") }) {
        let below = inFolder.place.utf8.count - place.utf8.count
        byName[name] = [path(place, String(decoding: inFolder.source.utf8.dropLast(below), as: UTF8.self))]
      } else {
        byName[name] = files.map { path($0.place, $0.source) }
      }
    }
  }

  /// The paths of an input: one, or any number for a group or a pattern; none for an empty group.
  func paths(of name: String) -> [String] { byName[name] ?? [] }
}

/// Copies an artifact, a manifest as a folder, so that whatever a command does to it harms nobody.
func copyPrivately(_ input: InputArtifact, to place: URL) throws {
  try FileManager.default.createDirectory(
    at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
  guard input.artifact.form == .manifest else {
    return try copyFile(input.url.path, to: place.path)
  }
  try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
  for (name, entry) in try input.entries {
    try copyPrivately(entry, to: place.appendingPathComponent(name))
  }
}

/// Copies a file to a place where there is none.
func copyFile(_ source: String, to place: String) throws {
  let code = bobbin_copy_file(source, place)
  guard code == 0 else {
    throw Failure(
      code == ENOSPC || code == EDQUOT || code == EFBIG ? .store : .other,
      "\(place): \(source) can't be copied here: \(SystemError(code))")
  }
}

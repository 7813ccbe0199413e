// Owns what to say of files of the project that a command doesn't declare and therefore lacks, with the line that declares
// them: those that it was seen to look for, and those that its last words name.

import Foundation
import Workflow

/// Files that are in the project and not in a command's tree.
struct UndeclaredFiles {
  private let tree: PrivateTree
  private let project: String
  private let scratch: String

  init(_ tree: PrivateTree, _ context: StageContext) {
    self.tree = tree
    project = context.projectRoot.path
    scratch = context.scratch.deletingLastPathComponent().path
  }

  /// Those that are undeclared of what a command was seen to look for, as paths in the project.
  func undeclared(among places: [String]) -> [String] {
    places.filter { isUndeclared($0) && !$0.contains("__pycache__/") && !$0.hasPrefix(".git/") }
  }

  /// What to add to the message of a failure; empty where no undeclared file is mentioned in these texts.
  /// - Parameter missed: undeclared files that it looked for.
  func hint(missed: [String] = [], mentionedIn texts: [String]) -> String {
    var found = Array(missed.prefix(3))
    for place in texts.suffix(200).reversed().flatMap(candidates) {
      if found.count < 3, !found.contains(place), isUndeclared(place) { found.append(place) }
    }
    return found.map { place in
      """

      \(place) is in the project, but this command doesn't declare it, so its private tree lacks it. Add \
      \(UndeclaredWord.line(declaring: place))
      """
    }.joined()
  }

  /// The paths in a text that may be of the project, relative to its root.
  private func candidates(_ text: String) -> [String] {
    let text = String(text.prefix(2000))
    let marks: Set<Character> = [
      "'", "\"", "`", ",", ";", "(", ")", "[", "]", "{", "}", "<", ">", "=", "|", "&",
    ]
    let words = text.split { $0.isWhitespace || marks.contains($0) }
    var paths = words.flatMap { word -> [String] in
      // `x.py:3:` has a place after it, `a:b` two paths.
      [String(word)] + word.split(separator: ":").map(String.init)
    }
    if let match = text.firstMatch(of: /No module named '([A-Za-z0-9_.]+)'/) {
      paths += modules(named: String(match.1))
    }
    return paths.compactMap(relative)
  }

  /// The files that a missing Python module may be in: beside the code, or from the root on.
  private func modules(named name: String) -> [String] {
    let path = name.replacing(".", with: "/")
    let folders = Set(tree.files.keys.map { ($0 as NSString).deletingLastPathComponent } + [""]).sorted()
    return folders.flatMap { folder in
      ["\(path).py", "\(path)/__init__.py"].map { folder.isEmpty ? $0 : folder + "/" + $0 }
    }
  }

  private func relative(_ path: String) -> String? {
    var path = path[...]
    for folder in [tree.root.path, project] where path.hasPrefix(folder + "/") {
      path = path.dropFirst(folder.count + 1)
      break
    }
    while path.hasPrefix("./") { path = path.dropFirst(2) }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard !path.isEmpty, path.utf8.count < 1000, parts.allSatisfy({ !["", ".", "..", ".git"].contains($0) })
    else {
      return nil
    }
    return String(path)
  }

  private func isUndeclared(_ place: String) -> Bool {
    var status = stat()
    guard tree.files[place] == nil, stat(project + "/" + place, &status) == 0 else { return false }
    // A folder of which something is declared is there.
    if status.st_mode & S_IFMT == S_IFDIR { return !tree.files.keys.contains { $0.hasPrefix(place + "/") } }
    // What the worker itself put beside the tree is nobody's file.
    return status.st_mode & S_IFMT == S_IFREG && !"\(project)/\(place)".hasPrefix(scratch + "/")
  }
}

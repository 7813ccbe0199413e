// Owns the warning about words of commands that name files of the project which nothing declares: what such a file
// contains is in no key, and a private tree doesn't hold it.

import Canonical
import ContentStore
import Foundation

/// A word of a command's text that names a file which is declared nowhere.
public struct UndeclaredWord: Sendable, Hashable {
  /// Where the stage stands.
  public let place: Place
  public let stage: String
  /// The file's path, relative to the project's root.
  public let path: String

  public var message: String {
    "stage '\(stage)': 'run' names '\(path)', which nothing declares, so it isn't in the key. Add "
      + UndeclaredWord.line(declaring: path)
  }

  /// The line that declares a file: `code: [scripts/lib.py]` or `inputs: { x: data/x.csv }`.
  /// - Parameter isInput: whether it is one whatever it is called, since it lies outside the project.
  public static func line(declaring path: String, isInput: Bool = false) -> String {
    lines(declaring: [path], asInputs: isInput)
  }

  /// The lines that declare files, one for code and one for data.
  static func lines(declaring paths: [String], asInputs: Bool = false) -> String {
    func isCode(_ path: String) -> Bool {
      let ending = name(path).split(separator: ".").dropFirst().last.map(String.init) ?? ""
      return !asInputs && languages.contains(ending.lowercased())
    }
    let code = paths.filter(isCode)
    var taken = Set<String>()
    let inputs = paths.filter { !isCode($0) }.map { path in
      var word = String(
        name(path).prefix { $0 != "." }.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
      if word.first.map({ $0.isLetter || $0 == "_" }) != true { word = "_" + word }
      while !taken.insert(word).inserted { word += "_" }
      return "\(word): \(path)"
    }
    return
      ((code.isEmpty ? [] : ["code: [\(code.joined(separator: ", "))]"])
      + (inputs.isEmpty ? [] : ["inputs: { \(inputs.joined(separator: ", ")) }"])).joined(separator: " and ")
  }

  private static func name(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  private static let languages: Set<String> = [
    "py", "r", "jl", "m", "sh", "bash", "pl", "rb", "lua", "js", "ts", "swift", "c", "h", "cc", "cpp", "hpp",
    "rs",
    "go", "java", "scala", "do",
  ]
}

extension Graph {
  /// The words of its commands that name undeclared files, at most five a stage, in the order of the file. Looks at the
  /// texts of a stage's first instances only, so that it takes no time.
  public var undeclaredWords: [UndeclaredWord] {
    var found: [UndeclaredWord] = []
    var looked: [String: Int] = [:]
    for instance in instances {
      guard let code = instance.commandCode, looked[instance.stage, default: 0] < 32 else { continue }
      looked[instance.stage, default: 0] += 1
      for word in instance.commandWords where found.count(where: { $0.stage == instance.stage }) < 5 {
        let file = URL(fileURLWithPath: word, relativeTo: URL(fileURLWithPath: project + "/"))
          .standardizedFileURL.path
        var status = stat()
        guard file.hasPrefix(project + "/"), stat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG
        else {
          continue
        }
        let path = String(file.dropFirst(project.count + 1))
        let isDeclared =
          code.patterns.contains { Glob.matches(path, $0) }
          || instance.externals.contains { $0.url.path == file || file.hasPrefix($0.url.path + "/") }
        let undeclared = UndeclaredWord(place: instance.place, stage: instance.stage, path: path)
        if !isDeclared, !found.contains(undeclared) { found.append(undeclared) }
      }
    }
    return found
  }
}

extension Instance {
  /// The words that a command is given by its text, and by its arguments.
  fileprivate var commandWords: [String] {
    let text = parameters["run"]?.stringValue ?? ""
    let arguments = (parameters["arguments"]?.arrayValue ?? []).compactMap(\.stringValue)
    let isShells = commandCode?.shell.isPOSIX ?? false
    return (isShells ? ProgramWords(text).words : []) + arguments.filter { !$0.contains("${") }
  }
}

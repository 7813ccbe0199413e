// Owns the words about what a traced command opened without declaring it, with the line to add.

/// What one command opened, and what is to be said of it.
struct UndeclaredUse: Sendable, Hashable {
  /// Files of the project, relative to its root.
  var files: [String] = []
  /// Distributions, `numpy 1.26.4`, that no environment or lock file in its key stands for.
  var packages: [String] = []
  /// The lock file in the project's root, if it has one.
  var lockFile: String?
  /// Files outside the project, which don't count.
  var elsewhere: [String] = []

  /// Names of files that say which versions of distributions are installed.
  static func isLockFile(_ path: String) -> Bool {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return lockFiles.contains(name) || name.hasPrefix("requirements") && name.hasSuffix(".txt")
  }

  static let lockFiles = [
    "uv.lock", "poetry.lock", "pdm.lock", "pixi.lock", "Pipfile.lock", "pylock.toml", "conda-lock.yml",
    "requirements.lock", "requirements.txt", "environment.yml", "environment.yaml",
  ]

  /// What counts from now on.
  var warnings: [String] {
    var messages: [String] = []
    if !files.isEmpty {
      messages.append(
        "it opened \(UndeclaredUse.listed(files)), which nothing declares; from now on "
          + (files.count == 1 ? "it counts. Add " : "they count. Add ")
          + UndeclaredWord.lines(declaring: files))
    }
    if !packages.isEmpty {
      let line =
        lockFile.map { "add code: [\($0)]" }
        ?? "add code: [requirements.txt], made by pip freeze > requirements.txt"
      messages.append(
        "it loaded \(UndeclaredUse.listed(packages)), which nothing declares; from now on the "
          + "version\(packages.count == 1 ? "" : "s") count\(packages.count == 1 ? "s" : ""). Use a virtual "
          + "environment's Python, or \(line)")
    }
    return messages
  }

  /// All of it, for the log.
  var notes: [String] {
    if elsewhere.isEmpty { return warnings }
    return warnings + [
      "it opened \(UndeclaredUse.listed(elsewhere)) outside the project, which doesn't count. If it matters, add "
        + UndeclaredWord.lines(declaring: Array(elsewhere.prefix(UndeclaredUse.most)), asInputs: true)
    ]
  }

  private static let most = 8

  private static func listed(_ names: [String]) -> String {
    if names.count == 2 { return "\(names[0]) and \(names[1])" }
    return names.prefix(most).joined(separator: ", ")
      + (names.count > most ? " and \(names.count - most) more" : "")
  }
}

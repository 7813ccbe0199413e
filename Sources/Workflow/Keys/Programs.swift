// Owns where the programs are that commands start, and what of them counts: their files after links, the
// interpreters of scripts, and the Python environments they lie in.

import Canonical
import ContentStore
import Foundation

/// Looks programs up, each as the shell would find it.
struct Programs {
  /// What one command's programs come to.
  struct Found {
    /// What goes into the code manifest.
    var entries: [String: Digest] = [:]
    /// Where each entry was found, for people.
    var places: [String: String] = [:]
    var files: [ExternalFile] = []
    /// The files of the project among them that the command names by a path in it, by that path.
    var own: [String: ExternalFile] = [:]
    /// The environments in the project that the command names by a path in it, by that path.
    var links: [String: String] = [:]
    var environments: [PythonEnvironment] = []
    /// `python3: .venv/bin/python3, 43 distributions`
    var recognised: [String] = []
    /// What doesn't count, with what to declare.
    var unrecognised: [String] = []
    /// How each program was found: nil where looking again takes more than seeing that it is the same file.
    var steps: [Step]? = []
  }

  /// What a program's name led to, if to anything.
  struct Step {
    var start: ProgramWords.Start
    var path: String?
    var file: ExternalFile?
  }

  struct Missing: Error {
    let name: String
    let places: String
  }

  private let root: String
  private let path: [String]
  private let store: any ResultStore
  /// Read before, by their folder.
  private(set) var environments: [String: PythonEnvironment]
  private var found = Found()
  private var seen: Set<String> = []

  /// - Parameter environments: those that were read before; one that has changed is read again.
  init(root: String, path: String, store: any ResultStore, environments: [String: PythonEnvironment]) {
    self.root = root
    self.path = path.split(separator: ":").map(String.init)
    self.store = store
    self.environments = environments
  }

  /// Whether every program is where it was, and the same file, so that a command starts what was found. False where that
  /// isn't known.
  func isUnchanged(_ found: Found) -> Bool {
    found.steps?.allSatisfy { step in
      guard let path = file(of: step.start) else { return step.path == nil }
      return path == step.path && step.file?.isUnchanged(at: path) == true
    } ?? false
  }

  /// Finds what a command starts. Throws `Missing` for a certain program that isn't there, `StoreError.source` for one
  /// that can't be read.
  mutating func find(_ code: CommandCode) throws -> Found {
    found = Found()
    seen = []
    for start in code.programs { try add(start) }
    for text in code.unknown { found.unrecognised.append(Programs.advice(unknown: text)) }
    if found.environments.count > 1 {
      // Which of them has which distributions.
      let text = found.environments.map { ($0.settings + $0.distributions).joined(separator: "\n") }
      found.entries["environments"] = .of(text.joined(separator: "\n\n").utf8)
    }
    return found
  }

  private mutating func add(_ start: ProgramWords.Start) throws {
    if let file = file(of: start) {
      if start.word.contains("/"), !start.word.hasPrefix("/") {
        found.steps = nil
        try addToTree(file)
      }
      return try add(file, from: start)
    }
    found.steps?.append(Step(start: start))
    let isPath = start.word.contains("/")
    let places =
      !isPath
      ? "PATH"
      : start.directory.map { $0.isEmpty ? "the project's root" : $0 }
        ?? "a folder that isn't known before it runs"
    if start.isCertain { throw Missing(name: start.word, places: places) }
    found.unrecognised.append(
      "\(start.word) was not found (looked for in \(places)), so its content doesn't count. List it under 'code'"
    )
  }

  private func file(of start: ProgramWords.Start) -> String? {
    func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : root + "/" + path }
    // What is sourced needs no permission to be run.
    func isFile(_ path: String, _ permission: Int32) -> Bool {
      var status = stat()
      return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, permission) == 0
    }
    if start.word.contains("/") {
      guard start.word.hasPrefix("/") || start.directory != nil else { return nil }
      let folder = start.directory.map { $0.isEmpty ? root : absolute($0) } ?? root
      let file = start.word.hasPrefix("/") ? start.word : folder + "/" + start.word
      return isFile(file, start.isSourced ? R_OK : X_OK) ? file : nil
    }
    let folders = (start.activated.map { [absolute($0)] } ?? []) + path.map(absolute)
    return folders.lazy.map { $0 + "/" + start.word }.first { isFile($0, X_OK) }
  }

  /// Notes that a command with a tree of its own has to find this there.
  private mutating func addToTree(_ path: String) throws {
    let path = URL(fileURLWithPath: path).standardizedFileURL.path
    guard path.hasPrefix(root + "/") else { return }
    if let folder = environment(of: path)?.folder, folder.hasPrefix(root + "/") {
      found.links[shortened(folder, root: root)] = folder
    } else {
      let file = URL(fileURLWithPath: path).resolvingSymlinksInPath()
      found.own[shortened(path, root: root)] = try store.digests(ofFiles: [file])[0]
    }
  }

  /// Adds a program's file, and what runs that.
  private mutating func add(_ path: String, from start: ProgramWords.Start) throws {
    let name = start.word
    guard seen.insert(path).inserted else {
      let file = found.steps?.first { $0.path == path }?.file
      found.steps?.append(Step(start: start, path: path, file: file))
      return
    }
    let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let interpreter = Programs.hashBang(of: file)
    let environment = environment(of: path)
    let base = name.split(separator: "/").last.map(String.init) ?? name
    // The scripts of an environment say where it lies, and belong to its distributions.
    if environment != nil || Programs.loadsPackages(base) { found.steps = nil }
    if environment == nil || interpreter == nil && base != "activate" {
      let digested = try store.digests(ofFiles: [URL(fileURLWithPath: file)])[0]
      found.files.append(digested)
      found.steps?.append(Step(start: start, path: path, file: digested))
      var entry = "program \(base)"
      var count = 1
      while let other = found.entries[entry], other != digested.digest {
        count += 1
        entry = "program \(base) (\(count))"
      }
      found.entries[entry] = digested.digest
      found.places[entry] = file
    }
    describe(name, path, file, environment, isScript: interpreter != nil)
    if let environment { add(environment) }
    if let interpreter {
      let start = ProgramWords.Start(interpreter)
      if let next = self.file(of: start) { try add(next, from: start) }
    }
  }

  private mutating func environment(of path: String) -> PythonEnvironment? {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().deletingLastPathComponent().path
    if let known = environments[folder], known.isUnchanged { return known }
    let environment = PythonEnvironment(ofProgram: URL(fileURLWithPath: path).standardizedFileURL.path)
    environments[folder] = environment
    return environment
  }

  private mutating func add(_ environment: PythonEnvironment) {
    guard !found.environments.contains(environment) else { return }
    found.environments.append(environment)
    for line in environment.settings.map({ "environment \($0)" })
      + environment.distributions.map({ "package \($0)" })
    {
      found.entries[line] = .of(line.utf8)
      found.places[line] = environment.folder
    }
    for problem in environment.unrecognised {
      found.unrecognised.append("\(shortened(environment.folder, root: root)): \(problem)")
    }
  }

  // MARK: For people

  private mutating func describe(
    _ name: String, _ path: String, _ file: String, _ environment: PythonEnvironment?, isScript: Bool
  ) {
    let place = shortened(path, root: root)
    var text = name == place || name == path ? name : "\(name) (\(place))"
    if let environment {
      let count = environment.distributions.count
      text += " with \(count) distribution\(count == 1 ? "" : "s")"
    }
    found.recognised.append(text)
    let base = name.split(separator: "/").last.map(String.init) ?? name
    guard environment == nil, Programs.loadsPackages(base) else { return }
    let isPython = base.hasPrefix("python")
    let cure =
      isPython
      ? "Use a virtual environment's, or list a lock file under 'code'" : "List a lock file under 'code'"
    let what =
      isScript ? "is a script, which starts another that doesn't count" : "is no virtual environment's"
    found.unrecognised.append(
      isPython
        ? "\(name) (\(place)) \(what): the packages that it imports don't count. \(cure)"
        : "\(name): the packages that it loads don't count. \(cure)")
  }

  private static func loadsPackages(_ program: String) -> Bool {
    let stem = program.prefix { $0.isLetter }
    return ["python", "pypy", "R", "Rscript", "julia", "node", "perl", "ruby"].contains(String(stem))
  }

  private static func advice(unknown text: String) -> String {
    if text.hasPrefix("PATH=") {
      return "\(text): programs are looked up in Bobbin's own PATH all the same. Write their paths"
    }
    if text.hasSuffix(" run") {
      return "\(text) chooses itself what it starts, which doesn't count. List its lock file under 'code'"
    }
    return
      "\(text) isn't known before it runs: what it starts doesn't count. Write the program's name, or list it "
      + "under 'code'"
  }

  /// The program that a script's first line names; for `env`, the one it looks up.
  private static func hashBang(of file: String) -> String? {
    guard let handle = FileHandle(forReadingAtPath: file) else { return nil }
    defer { try? handle.close() }
    guard let start = try? handle.read(upToCount: 256), start.starts(with: "#!".utf8),
      let line = String(data: start.prefix { $0 != 0x0A }, encoding: .utf8)
    else { return nil }
    let words = line.dropFirst(2).split(separator: " ").map(String.init)
    guard let first = words.first else { return nil }
    return first.hasSuffix("/env") ? words.dropFirst().first { !$0.hasPrefix("-") } : first
  }
}

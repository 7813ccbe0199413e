// Owns running the built program as a user does, in a project of its own.

import Canonical
import ContentStore
import Foundation

/// What a finished program left.
struct Finished {
  var status: Int32
  var output: String
  var errors: String
  var seconds: Double

  var lastLine: String { output.split(separator: "\n").last.map(String.init) ?? "" }

  /// The object that `run --json` printed.
  var json: JSON { get throws { try JSON(parsing: lastLine) } }

  /// Name → state of each instance in `json`.
  var states: [String: String] {
    get throws {
      let instances = try json["instances"]?.arrayValue ?? []
      return Dictionary(
        uniqueKeysWithValues: instances.map { ($0["name"]!.stringValue!, $0["state"]!.stringValue!) })
    }
  }

  /// Name → artifacts, digests included.
  var artifacts: [String: JSON] {
    get throws {
      let instances = try json["instances"]?.arrayValue ?? []
      return Dictionary(uniqueKeysWithValues: instances.map { ($0["name"]!.stringValue!, $0["artifacts"]!) })
    }
  }
}

/// A folder with a pipeline file or more, removed in the end.
final class Project: Sendable {
  let root: URL

  init() throws {
    root = FileManager.default.temporaryDirectory.appending(path: "bobbin-project-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    try write("bobbin.yaml", "")
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  /// The package that is tested.
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The built program, beside this test bundle.
  static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "bobbin")

  func write(_ path: String, _ text: String) throws { try write(path, Data(text.utf8)) }

  func write(_ path: String, _ data: Data) throws {
    let url = root.appending(path: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: url)
  }

  /// Copies one of the package's pipelines here.
  func copyPipeline(_ name: String) throws {
    try write(
      "pipelines/\(name)", try Data(contentsOf: Project.package.appending(path: "pipelines/\(name)")))
  }

  /// Starts `bobbin` here without waiting. What it prints goes to the files, or nowhere.
  func start(
    _ arguments: [String], environment: [String: String] = [:], output: URL? = nil, errors: URL? = nil
  ) throws -> Child {
    try Child(
      Project.program.path, arguments, in: root.path, output: output?.path ?? "/dev/null",
      errors: errors?.path ?? "/dev/null",
      environment: ProcessInfo.processInfo.environment.merging(environment) { $1 })
  }

  /// Runs `bobbin` here to its end.
  @discardableResult
  func bobbin(_ arguments: String..., environment: [String: String] = [:]) throws -> Finished {
    try bobbin(arguments, environment: environment)
  }

  /// Runs `bobbin` here to its end.
  func bobbin(_ arguments: [String], environment: [String: String] = [:]) throws -> Finished {
    let outputs = ["out", "err"].map { root.appending(path: ".\(UUID().uuidString).\($0)") }
    defer { for url in outputs { try? FileManager.default.removeItem(at: url) } }
    let start = Date()
    let status = try self.start(arguments, environment: environment, output: outputs[0], errors: outputs[1])
      .waitForEnd()
    return Finished(
      status: status, output: try String(contentsOf: outputs[0], encoding: .utf8),
      errors: try String(contentsOf: outputs[1], encoding: .utf8), seconds: Date().timeIntervalSince(start))
  }
}

/// A child process, waited for by its own id: Foundation's `Process` takes part in everybody's children.
struct Child {
  let pid: pid_t

  init(
    _ program: String, _ arguments: [String], in directory: String, output: String, errors: String,
    environment: [String: String]
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    // The shell goes there, and then becomes the program.
    let line = ["sh", "-c", "cd \"$0\" && exec \"$@\"", directory, program]
    let words = (line + arguments).map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, "/bin/sh", &actions, nil, words, variables)
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }
    self.pid = pid
  }

  /// Waits for it; its exit status, or 128 and the signal's number.
  func waitForEnd() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
  }
}

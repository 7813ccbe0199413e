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

  /// Starts `bobbin` here without waiting.
  func start(
    _ arguments: [String], environment: [String: String] = [:], output: Sink = .nowhere,
    errors: Sink = .nowhere
  ) throws -> Child {
    try Child(
      Project.program.path, arguments, in: root.path, output: output, errors: errors,
      environment: ProcessInfo.processInfo.environment.merging(environment) { $1 })
  }

  /// Runs `bobbin` here to its end.
  @discardableResult
  func bobbin(_ arguments: String..., environment: [String: String] = [:]) throws -> Finished {
    try bobbin(arguments, environment: environment)
  }

  /// Runs `bobbin` here to its end. What doesn't go elsewhere is kept.
  func bobbin(
    _ arguments: [String], environment: [String: String] = [:], output: Sink? = nil, errors: Sink? = nil
  ) throws -> Finished {
    let files = ["out", "err"].map { root.appending(path: ".\(UUID().uuidString).\($0)") }
    defer { for url in files { try? FileManager.default.removeItem(at: url) } }
    let start = Date()
    let status = try self.start(
      arguments, environment: environment, output: output ?? .file(files[0].path),
      errors: errors ?? .file(files[1].path)
    ).waitForEnd()
    func text(_ file: URL) -> String { (try? String(contentsOf: file, encoding: .utf8)) ?? "" }
    return Finished(
      status: status, output: text(files[0]), errors: text(files[1]),
      seconds: Date().timeIntervalSince(start))
  }
}

/// Where a program's output goes.
enum Sink {
  /// A file or device.
  case file(String)
  /// A descriptor of ours.
  case descriptor(Int32)
  /// A pipe whose reader has closed its end.
  case closedPipe

  static let nowhere = Sink.file("/dev/null")
  static let full = Sink.file("/dev/full")
}

/// A child process, waited for by its own id: Foundation's `Process` takes part in everybody's children.
struct Child {
  let pid: pid_t

  init(
    _ program: String, _ arguments: [String], in directory: String, output: Sink, errors: Sink,
    environment: [String: String]
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    var mine: [Int32] = []
    defer { for descriptor in mine { close(descriptor) } }
    for (number, sink) in [(Int32(1), output), (2, errors)] {
      switch sink {
      case .file(let path):
        posix_spawn_file_actions_addopen(&actions, number, path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
      case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, number)
      case .closedPipe:
        let ends = try Child.pipe()
        close(ends[0])
        mine.append(ends[1])
        posix_spawn_file_actions_adddup2(&actions, ends[1], number)
      }
    }
    // The shell goes there, and then becomes the program.
    let line = ["sh", "-c", "cd \"$0\" && exec \"$@\"", directory, program]
    let words = (line + arguments).map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var pid: pid_t = 0
    let code = Child.whileNoneStarts { posix_spawn(&pid, "/bin/sh", &actions, nil, words, variables) }
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }
    self.pid = pid
  }

  private static let starting = NSLock()

  /// Does what no other child is to see half done: it would inherit descriptors.
  static func whileNoneStarts<T>(_ body: () throws -> T) rethrows -> T { try starting.withLock(body) }

  /// A pipe's ends, the one to read from first, that no child inherits.
  static func pipe() throws -> [Int32] {
    try whileNoneStarts {
      var ends: [Int32] = [-1, -1]
      guard Glibc.pipe(&ends) == 0 else { throw POSIXError(.EMFILE) }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      return ends
    }
  }

  /// Waits for it; its exit status, or 128 and the signal's number.
  func waitForEnd() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
  }
}

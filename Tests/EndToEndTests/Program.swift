// Owns running the built program as a user does, in a project of its own.

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
  func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Process {
    let process = Process()
    process.executableURL = Project.program
    process.arguments = arguments
    process.currentDirectoryURL = root
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
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
    for url in outputs { FileManager.default.createFile(atPath: url.path, contents: nil) }
    let process = Process()
    process.executableURL = Project.program
    process.arguments = arguments
    process.currentDirectoryURL = root
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: outputs[0])
    process.standardError = try FileHandle(forWritingTo: outputs[1])
    let start = Date()
    try process.run()
    process.waitUntilExit()
    return Finished(
      status: process.terminationStatus, output: try String(contentsOf: outputs[0], encoding: .utf8),
      errors: try String(contentsOf: outputs[1], encoding: .utf8), seconds: Date().timeIntervalSince(start))
  }
}

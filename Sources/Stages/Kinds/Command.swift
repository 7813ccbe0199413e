// Owns the kind behind `run:`: any program as a stage. What of it is in the key (command line, code, interpreter)
// the pipeline file decides.

import CProcess
import ContentStore
import Foundation
import Workflow

/// Runs a command line in the project's root.
///
/// The loader has replaced references by placeholders (`CommandText`). Paths aren't known before it runs and aren't
/// in the key.
public struct Command: StageKind {
  public static let name = "command"
  public static let summary = "any program: `run:` with a command line"
  public static let discussion = """
    The command line is run by /bin/sh in the project's root. ${stage.artifact} in it becomes the path of a \
    private copy of that artifact, ${out.name} the path where an output declared under `outputs:` is to be written. \
    Of the environment it sees PATH, HOME, LANG, TMPDIR, OMP_NUM_THREADS=1 and the variables under `environment:`. \
    The files under `code:` are in its key, and so is the program that it starts with. What it starts and doesn't \
    wait for is ended with it.
    """

  @Parameter("the command line for /bin/sh") var run: String
  @Parameter("outputs by name, each the name of its file") var outputs: [String: String] = [:]
  @Parameter("extensions of the inputs' files, by their number") var extensions: [String: String] = [:]

  public init() {}

  public func validate() throws {
    if run.allSatisfy(\.isWhitespace) { throw InvalidParameter("run", "there is no command") }
    var names: [String: String] = [:]
    for (output, file) in outputs.sorted(by: { $0.key < $1.key }) {
      let parts = file.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.allSatisfy({ !["", ".", ".."].contains($0) }) else {
        throw InvalidParameter(
          "outputs", "'\(output)' is to be the name of a file such as result.csv, found '\(file)'")
      }
      if let other = names.updateValue(output, forKey: file) {
        throw InvalidParameter("outputs", "'\(other)' and '\(output)' are both '\(file)'")
      }
    }
  }

  public func run(in context: StageContext) throws {
    var inputs: [Int: String] = [:]
    for (name, members) in context.inputs {
      guard let number = Int(name) else { preconditionFailure("BUG: a command's input called '\(name)'") }
      let ending = extensions[name].map { "." + $0 } ?? ""
      let copies = try members.enumerated().map { i, member in
        let fileName = (members.count == 1 ? name : "\(name)-\(i + 1)") + ending
        let copy = context.scratch.appendingPathComponent("in/" + fileName)
        try copyPrivately(member, to: copy)
        return quoted(copy.path)
      }
      inputs[number] = copies.joined(separator: " ")
    }
    // The loader knows all inputs and outputs; a number without one is an empty group.
    let line = CommandText(parsing: run).line(
      input: { inputs[$0] ?? "" }, output: { context.outputs[$0].map { quoted($0.url.path) } ?? "" })
    FileHandle.standardError.write(Data("$ \(line)\n".utf8))
    let status = try Shell(line: line, context: context).run()
    guard status == 0 else { throw CommandFailure(status: status) }
  }
}

/// A command that didn't end well.
struct CommandFailure: Error, CustomStringConvertible {
  let status: Int32

  var description: String {
    let signal = bobbin_signal(status)
    let what: String
    if signal != 0 {
      let hint = signal == SIGKILL ? ": somebody killed it, or memory ran out" : ""
      what = "the command was ended by \(String(cString: bobbin_signal_name(signal))) (\(signal))\(hint)"
    } else {
      let code = bobbin_exit_status(status)
      let hint = code == 127 ? " (a program was not found)" : code == 126 ? " (a program can't be run)" : ""
      what = "the command ended with status \(code)\(hint)"
    }
    return what + lastLines
  }

  /// Standard error is the instance's log.
  private var lastLines: String {
    guard let log = FileHandle(forReadingAtPath: "/proc/self/fd/2") else { return "" }
    defer { try? log.close() }
    let size = (try? log.seekToEnd()) ?? 0
    try? log.seek(toOffset: size > 2000 ? size - 2000 : 0)
    guard let data = try? log.readToEnd() else { return "" }
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("$ ") }
    return lines.suffix(8).map { "\n  | \($0)" }.joined()
  }
}

/// One run of /bin/sh.
private struct Shell {
  let line: String
  let context: StageContext

  /// Runs it; returns its status as `waitpid` gives it.
  func run() throws -> Int32 {
    let temporary = context.scratch.appendingPathComponent("tmp")
    try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
    // The worker's own environment is fixed already; these two are for itself.
    var environment = ProcessInfo.processInfo.environment
    environment["LD_LIBRARY_PATH"] = nil
    environment["SWIFT_BACKTRACE"] = nil
    environment["TMPDIR"] = temporary.path
    environment.merge(context.environment) { $1 }
    var code: Int32 = 0
    let process = list(["sh", "-c", line]).withUnsafeBufferPointer { arguments in
      list(environment.map { "\($0)=\($1)" }.sorted()).withUnsafeBufferPointer { environment in
        context.projectRoot.path.withCString { directory in
          "/bin/sh".withCString { path in
            var description = bobbin_process(
              path: path, arguments: arguments.baseAddress!, environment: environment.baseAddress!,
              directory: directory, output: 2, channel: -1, new_session: 0, death_signal: SIGKILL,
              oom_score: 1000)
            return bobbin_spawn(&description, &code)
          }
        }
      }
    }
    guard process > 0 else {
      throw ShellError(
        "the command can't be started in \(context.projectRoot.path): \(String(cString: strerror(code)))")
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      // When the worker ends, it reaps everything.
      guard errno == EINTR else { throw ShellError("the command was interrupted") }
    }
    return status
  }

  /// Strings as C reads them here: each with its NUL, an empty one at the end.
  private func list(_ strings: [String]) -> [CChar] { strings.flatMap { $0.utf8CString } + [0] }
}

private struct ShellError: Error, CustomStringConvertible {
  let description: String
  init(_ problem: String) { description = problem }
}

/// Copies an artifact, a manifest as a folder, so that whatever a command does to it harms nobody.
private func copyPrivately(_ input: InputArtifact, to place: URL) throws {
  try FileManager.default.createDirectory(
    at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
  guard input.artifact.form == .manifest else {
    let code = bobbin_copy_file(input.url.path, place.path)
    guard code == 0 else { throw CopyError(path: place.path, reason: String(cString: strerror(code))) }
    return
  }
  try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
  for (name, entry) in try input.entries {
    try copyPrivately(entry, to: place.appendingPathComponent(name))
  }
}

private struct CopyError: Error, CustomStringConvertible {
  let path: String
  let reason: String
  var description: String { "\(path): the input can't be copied here: \(reason)" }
}

/// A path as one word for a shell. Plain paths stay as they are, so that they may stand inside quotes too.
private func quoted(_ path: String) -> String {
  let plain = path.utf8.allSatisfy { c in
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,=".utf8.contains(c)
  }
  return plain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
}

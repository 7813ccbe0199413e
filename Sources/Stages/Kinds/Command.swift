// Owns the kind behind `run:`: any program as a stage. What of it is in the key (command line, code, interpreter)
// the pipeline file decides.

import CProcess
import ContentStore
import Foundation
import Processes
import Workflow

/// Runs a command line in the project's root.
///
/// The loader has replaced references by placeholders (`CommandText`). Paths aren't known before it runs and aren't
/// in the key.
public struct Command: StageKind {
  public static let name = "command"
  public static let takesCommands = true
  public static let summary = "any program: `run:` with a command line"
  public static let discussion = """
    The command line is run by /bin/sh -e in the project's root: a line that fails fails the command, while of a \
    pipe only the last part counts. ${stage.artifact} in it becomes the path of a \
    private copy of that artifact, ${out.name} the path where an output declared under `outputs:` is to be written. \
    Of the environment it sees PATH, HOME, LANG, TMPDIR, OMP_NUM_THREADS=1 and the variables under `environment:`. \
    The files under `code:` are in its key, and so is the program that it starts with. What it starts and doesn't \
    wait for is ended with it.
    """

  @Parameter("the command line for /bin/sh") var run: String
  @Parameter("outputs by name, each the name of its file") var outputs: [String: String] = [:]
  @Parameter("types of artifact that outputs become, by the output's name") var types: [String: String] = [:]
  @Parameter("extensions of the inputs' files, by their number") var extensions: [String: String] = [:]

  public init() {}

  public func validate() throws {
    for (name, text) in [("run", run)] + outputs.map({ ("outputs", $0.value) }) where text.utf8.contains(0) {
      throw InvalidParameter(name, "there is a NUL character (\\0) in it, behind which nothing would count")
    }
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
        return CommandText.quoted(copy.path)
      }
      inputs[number] = copies.joined(separator: " ")
    }
    // The loader knows all inputs and outputs; a number without one is an empty group.
    let line = CommandText(parsing: run).line(
      input: { inputs[$0] ?? "" },
      output: { context.outputs[$0].map { CommandText.quoted($0.url.path) } ?? "" })
    // Without that line in the log nothing is wrong; the worker sees whether the log can be written.
    _ = writeText("$ \(line)\n", to: 2)
    if let failure = failure(of: try shell(line, in: context)) { throw failure }
  }

  /// Runs it with the shell; returns how that ended.
  private func shell(_ line: String, in context: StageContext) throws -> ProcessEnd {
    let temporary = context.scratch.appendingPathComponent("tmp")
    try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
    // The worker's own environment is fixed already; these two are for itself.
    var environment = ProcessInfo.processInfo.environment
    environment["LD_LIBRARY_PATH"] = nil
    environment["SWIFT_BACKTRACE"] = nil
    environment["TMPDIR"] = temporary.path
    environment.merge(context.environment) { $1 }
    let process: pid_t
    do {
      process = try Program(
        path: CommandText.shell, arguments: ["sh", "-e", "-c", line], environment: environment,
        directory: context.projectRoot.path, output: 2, deathSignal: SIGKILL
      ).start()
    } catch {
      throw Failure(.other, "the command can't be started in \(context.projectRoot.path): \(error)")
    }
    // The kernel counts for the shell what the process held from which it was started.
    let inherited = ProcessMemory.peak ?? .max
    var status: Int32 = 0
    var used = rusage()
    while wait4(process, &status, 0, &used) < 0 {
      // When the worker ends, it reaps everything.
      guard errno == EINTR else { throw Failure(.other, "the command was interrupted") }
    }
    let peak = Int(used.ru_maxrss) << 10
    context.spent(ProcessUsage(cpuSeconds: used.cpuSeconds, peakMemory: peak > inherited ? peak : nil))
    return ProcessEnd(waitStatus: status)
  }

  /// Why it didn't end well; nil when it did.
  private func failure(of end: ProcessEnd) -> Failure? {
    let cause: Failure.Cause
    let what: String
    switch end {
    case .status(0): return nil
    case .signal(let signal):
      cause = .signal(signal)
      let hint = signal == SIGKILL ? ": somebody killed it, or memory ran out" : ""
      what = "the command was ended by \(ProcessEnd.name(ofSignal: signal))\(hint)"
    case .status(let status):
      cause = .exitStatus(status)
      let hint =
        switch status {
        case 127: " (a program was not found)"
        case 126: " (a program can't be run)"
        case 128 + Int(SIGKILL):
          " (a program in it was ended by SIGKILL (9): somebody killed it, or memory ran out)"
        case 129...159: " (a program in it was ended by \(ProcessEnd.name(ofSignal: status - 128)))"
        default: ""
        }
      what = "the command ended with status \(status)\(hint)"
    }
    // Standard error is the instance's log.
    let lines = lastLines(of: "/proc/self/fd/2", bytes: 2000).filter { !$0.hasPrefix("$ ") }
    return Failure(cause, what + quotedLines(lines.suffix(8)))
  }
}

/// Copies an artifact, a manifest as a folder, so that whatever a command does to it harms nobody.
private func copyPrivately(_ input: InputArtifact, to place: URL) throws {
  try FileManager.default.createDirectory(
    at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
  guard input.artifact.form == .manifest else {
    let code = bobbin_copy_file(input.url.path, place.path)
    guard code == 0 else {
      throw Failure(
        code == ENOSPC || code == EDQUOT || code == EFBIG ? .store : .other,
        "\(place.path): the input can't be copied here: \(SystemError(code))")
    }
    return
  }
  try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
  for (name, entry) in try input.entries {
    try copyPrivately(entry, to: place.appendingPathComponent(name))
  }
}

// Owns the process of a command: its environment, what it used, what it did to files where that is watched, and how it
// ended in words.

import CProcess
import ContentStore
import Foundation
import Processes
import Workflow

/// A command's program, to be run once.
struct CommandProcess {
  let program: CommandShell
  let arguments: [String]
  let folder: String
  /// What it is told of its inputs and outputs.
  let manifest: CommandManifest
  /// Nil when it saves no states.
  let checkpoints: CommandCheckpoints?
  /// What it is shown; nil: everything.
  let sandbox: Sandbox?
  /// Whether what it does to files has to be known.
  let isTraced: Bool
  private let context: StageContext

  init(
    program: CommandShell, arguments: [String], folder: String, manifest: CommandManifest,
    checkpoints: CommandCheckpoints?, sandbox: Sandbox?, isTraced: Bool, _ context: StageContext
  ) {
    self.program = program
    self.arguments = arguments
    self.folder = folder
    self.manifest = manifest
    self.checkpoints = checkpoints
    self.sandbox = sandbox
    self.isTraced = isTraced
    self.context = context
  }

  /// Runs it to its end. Returns how it ended, and what was done to files by their paths; nil where nobody watched.
  func run() throws -> (ProcessEnd, uses: [String: FileUse]?) {
    var environment = try environment
    let told = context.scratch.path + "/inputs.json"
    try manifest.write(to: told)
    environment[CommandManifest.variable] = told
    var progress = CommandProgress(
      context.scratch.path + "/progress.jsonl", report: { context.progress($0) },
      checkpoint: { [checkpoints] name in
        guard let checkpoints else {
          return "a checkpoint is ignored: the stage doesn't say resume: ${out.NAME}"
        }
        return checkpoints.save(name)
      },
      complain: { _ = writeText("bobbin: \($0)\n", to: 2) })
    environment[CommandProgress.variable] = progress.path
    let (process, watch) = try start(environment)
    // The kernel counts for the shell what the process held from which it was started.
    let inherited = ProcessMemory.peak ?? .max
    while bobbin_wait(process, CommandProgress.interval) == 0 { progress.readOn() }
    progress.end()
    var status: Int32 = 0
    var used = rusage()
    while wait4(process, &status, 0, &used) < 0 {
      // When the worker ends, it reaps everything.
      guard errno == EINTR else { throw Failure(.other, "the command was interrupted") }
    }
    let peak = Int(used.ru_maxrss) << 10
    context.spent(ProcessUsage(cpuSeconds: used.cpuSeconds, peakMemory: peak > inherited ? peak : nil))
    return (ProcessEnd(waitStatus: status), watch?.end())
  }

  private func start(_ environment: [String: String]) throws -> (pid_t, FileWatch?) {
    let file = try file(environment)
    let (path, arguments) = sandbox?.command(file, arguments, in: folder) ?? (file, arguments)
    var program = Program(
      path: path, arguments: arguments, environment: environment, directory: folder, output: 2,
      deathSignal: SIGKILL)
    do {
      if isTraced || sandbox != nil {
        // What the sandbox does before it runs the command is its own.
        program.watch = try FileWatch(from: sandbox.map { _ in file })
      }
      do { return (try program.start(), program.watch) } catch let problem as CannotWatch {
        guard !isTraced else {
          throw Failure(
            .other,
            "trace: true can't be had here: \(problem.reason). It needs Linux 5.5 or newer, and a container that allows "
              + "seccomp; or leave out 'trace'")
        }
        // Then less is known of why it fails, if it does.
        program.watch = nil
        return (try program.start(), nil)
      }
    } catch let failure as Failure { throw failure } catch {
      throw Failure(.other, "the command can't be started in \(folder): \(error)")
    }
  }

  private var environment: [String: String] {
    get throws {
      let temporary = context.scratch.path + "/" + Command.temporaryFolder
      try makeDirectory(temporary)
      // The worker's own environment is fixed already; these are for itself.
      var environment = ProcessInfo.processInfo.environment
      for name in ["LD_LIBRARY_PATH", "SWIFT_BACKTRACE", "PWD", "OLDPWD"] { environment[name] = nil }
      environment["TMPDIR"] = temporary
      if sandbox != nil {
        let home = context.scratch.path + "/home"
        try makeDirectory(home)
        environment["HOME"] = home
      }
      environment.merge(context.environment) { $1 }
      return environment
    }
  }

  /// The program's file, as a shell in the command's folder would find it.
  private func file(_ environment: [String: String]) throws -> String {
    let name = program.program
    if name.contains("/") { return name.hasPrefix("/") ? name : folder + "/" + name }
    for place in (environment["PATH"] ?? "").split(separator: ":") {
      let file = "\(place)/\(name)"
      if access(file, X_OK) == 0 { return file }
    }
    throw Failure(.other, "shell: there is no program '\(name)' in PATH")
  }
}

/// Why a command didn't end well; nil when it did.
func commandFailure(of end: ProcessEnd) -> Failure? {
  switch end {
  case .status(0): return nil
  case .signal(let signal):
    let hint = signal == SIGKILL ? ": somebody killed it, or memory ran out" : ""
    return Failure(.signal(signal), "the command was ended by \(ProcessEnd.name(ofSignal: signal))\(hint)")
  case .status(let status):
    let hint =
      switch status {
      case 127: " (a program was not found)"
      case 126: " (a program can't be run)"
      case 128 + Int(SIGKILL):
        " (a program in it was ended by SIGKILL (9): somebody killed it, or memory ran out)"
      case 129...159: " (a program in it was ended by \(ProcessEnd.name(ofSignal: status - 128)))"
      default: ""
      }
    return Failure(.exitStatus(status), "the command ended with status \(status)\(hint)")
  }
}

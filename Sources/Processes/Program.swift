// Owns starting a program: what it gets, and why it could not be started. It knows nothing of jobs.

import CProcess
import Foundation

/// A program to start as a child process. Its standard input is empty.
public struct Program: Sendable {
  /// The program's file.
  public var path: String
  /// With argument zero.
  public var arguments: [String]
  /// The whole environment.
  public var environment: [String: String]
  /// Where it starts; nil: where this process is.
  public var directory: String?
  /// What becomes its standard output and standard error.
  public var output: Int32
  /// What becomes its descriptor 3; nil: nothing.
  public var channel: Int32?
  /// Whether it leads a session of its own; otherwise a process group of its own.
  public var leadsSession: Bool
  /// What it gets when the thread that starts it ends.
  public var deathSignal: Int32
  /// Told of the files that it and all it starts ask for.
  public var watch: FileWatch?

  public init(
    path: String, arguments: [String], environment: [String: String], directory: String? = nil, output: Int32,
    channel: Int32? = nil, leadsSession: Bool = false, deathSignal: Int32, watch: FileWatch? = nil
  ) {
    self.path = path
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.output = output
    self.channel = channel
    self.leadsSession = leadsSession
    self.deathSignal = deathSignal
    self.watch = watch
  }

  /// Starts it, first to go when memory runs out. Returns its id once it runs.
  /// - Throws: `SystemError`, of the exec too; `CannotWatch` where the system doesn't let it be watched.
  public func start() throws -> pid_t {
    defer { watch?.closeOtherEnd() }
    let variables = environment.map { "\($0)=\($1)" }.sorted()
    // C would drop what stands behind it.
    guard !(arguments + variables).contains(where: { $0.utf8.contains(0) }) else { throw SystemError(EINVAL) }
    var code: Int32 = 0
    let process = list(arguments).withUnsafeBufferPointer { arguments in
      list(variables).withUnsafeBufferPointer { environment in
        path.withCString { path in
          withOptionalCString(directory) { directory in
            var description = bobbin_process(
              path: path, arguments: arguments.baseAddress!, argument_count: Int32(self.arguments.count),
              environment: environment.baseAddress!, environment_count: Int32(variables.count),
              directory: directory, output: output, channel: channel ?? -1, watch: watch?.otherEnd ?? -1,
              new_session: leadsSession ? 1 : 0, death_signal: deathSignal, oom_score: 1000)
            return bobbin_spawn(&description, &code)
          }
        }
      }
    }
    guard process > 0 else {
      if code < 0 { throw CannotWatch(reason: SystemError(-code)) }
      throw SystemError(code)
    }
    return process
  }
}

/// Why the system refused something, with the limit that is behind it where there is one.
public struct SystemError: Error, Sendable, CustomStringConvertible {
  public let code: Int32
  public init(_ code: Int32) { self.code = code }

  public var description: String {
    let limit: ProcessLimit? =
      switch code {
      case EMFILE: .openFiles
      case EAGAIN: .processes
      case ENOMEM: .addressSpace
      default: nil
      }
    return String(cString: strerror(code)) + (limit?.hint ?? "")
  }
}

/// Strings as `bobbin_process` wants them: each with its NUL; one more, so that there is something.
private func list(_ strings: [String]) -> [CChar] { strings.flatMap { $0.utf8CString } + [0] }

private func withOptionalCString<T>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> T) -> T {
  text.map { $0.withCString(body) } ?? body(nil)
}

// Owns what is said of a process's end, and of the limits that a shell's `ulimit` sets and that end things without
// a word.

import CProcess
import Foundation

/// How a process ended.
public enum ProcessEnd: Sendable, Hashable {
  case status(Int)
  case signal(Int)

  /// - Parameter status: as `waitpid` gives it.
  public init(waitStatus status: Int32) {
    let signal = bobbin_signal(status)
    self = signal == 0 ? .status(Int(bobbin_exit_status(status))) : .signal(Int(signal))
  }

  /// `SIGSEGV (11)`, and the limit behind it.
  public static func name(ofSignal signal: Int) -> String {
    let limit: ProcessLimit? =
      switch Int32(signal) {
      case SIGXFSZ: .fileSize
      case SIGXCPU: .processorTime
      default: nil
      }
    return String(cString: bobbin_signal_name(Int32(signal))) + " (\(signal))" + (limit?.hint ?? "")
  }
}

/// A limit that this process got from outside and that holds for what it starts too.
public enum ProcessLimit: String, Sendable {
  case fileSize = "-f"
  case openFiles = "-n"
  case processes = "-u"
  case addressSpace = "-v"
  case processorTime = "-t"

  /// The limit in the kernel's units (bytes, files, processes, seconds); nil when there is none.
  public var value: Int? {
    var limit = rlimit()
    let resource =
      switch self {
      case .fileSize: RLIMIT_FSIZE
      case .openFiles: RLIMIT_NOFILE
      case .processes: __RLIMIT_NPROC
      case .addressSpace: RLIMIT_AS
      case .processorTime: RLIMIT_CPU
      }
    guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, limit.rlim_cur != .max else {
      return nil
    }
    return Int(clamping: limit.rlim_cur)
  }

  /// ` (ulimit -n allows 256 open files)`; empty when there is no limit.
  public var hint: String {
    guard let value else { return "" }
    let what =
      switch self {
      case .fileSize: "files of \(value) bytes at most"
      case .openFiles: "\(value) open files"
      case .processes: "\(value) processes of this user"
      case .addressSpace: "\(value) bytes of memory a process"
      case .processorTime: "\(value) s of processor time"
      }
    return " (ulimit \(rawValue) allows \(what))"
  }
}

// Owns the connection to oneDNN: one CPU engine for the process, strict arithmetic, one thread, and the
// translation of its status codes into errors.

import COneDNN

/// oneDNN's CPU engine and what every call relies on.
enum Engine {
  nonisolated(unsafe) private static let created: Result<OpaquePointer, NetworkError> = {
    guard !onednn_threads_are_dynamic() else {
      return .failure(
        NetworkError("OMP_DYNAMIC is set; oneDNN would hang with it. Unset it and run again"))
    }
    guard onednn_loaded_library().can_be_serial else {
      return .failure(
        NetworkError(
          "this build of oneDNN has threads of its own, and bits would depend on the number of cores; install "
            + "one for OpenMP, such as the package libdnnl-dev"))
    }
    var engine: OpaquePointer?
    let status = onednn_engine_create(&engine)
    guard status == 0, let engine else {
      return .failure(
        NetworkError("oneDNN can't use this processor: \(String(cString: onednn_status_text(status)))"))
    }
    return .success(engine)
  }()

  /// The engine, after making oneDNN serial on the calling thread: a team of threads would change the bits
  /// with the core count. The setting belongs to the thread, so every entry point passes through here.
  static func onThisThread() throws -> OpaquePointer {
    onednn_use_one_thread()
    return try created.get()
  }

  /// Computes on the calling thread, serially and with subnormal numbers as zeros: gradients of networks that are
  /// sure of themselves are full of them, and some processors take a hundred times as long for one. The thread
  /// is left as it was, so that nobody else's bits depend on whether a network ran before.
  static func computing(_ body: () throws -> Void) throws {
    _ = try onThisThread()
    let before = onednn_flush_subnormals()
    defer { onednn_restore_arithmetic(before) }
    try body()
  }
}

/// Turns a status into an error that says what was being done.
func check(_ status: onednn_status, _ doing: @autoclosure () -> String) throws {
  guard status != 0 else { return }
  let name =
    status == onednn_status_unimplemented
    ? "not supported by this processor or build"
    : String(cString: onednn_status_text(status)).replacing("_", with: " ")
  throw NetworkError("oneDNN: \(doing()): \(name)")
}

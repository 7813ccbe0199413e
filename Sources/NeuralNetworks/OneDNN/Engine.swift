// Owns the connection to oneDNN: one CPU engine for the process, strict arithmetic, one thread, and the
// translation of its status codes into errors.

import COneDNN

/// oneDNN's CPU engine and what every call relies on.
enum Engine {
  nonisolated(unsafe) private static let created: Result<dnnl_engine_t, NetworkError> = {
    guard omp_get_dynamic() == 0 else {
      return .failure(
        NetworkError("OMP_DYNAMIC is set; oneDNN would hang with it. Unset it and run again"))
    }
    var engine: dnnl_engine_t?
    let status = dnnl_engine_create(&engine, dnnl_cpu, 0)
    guard status == dnnl_success, let engine else {
      return .failure(NetworkError("oneDNN can't use this processor (status \(status.rawValue))"))
    }
    // Never bfloat16 behind float32's back, whatever ONEDNN_DEFAULT_FPMATH_MODE says.
    dnnl_set_default_fpmath_mode(dnnl_fpmath_mode_strict)
    return .success(engine)
  }()

  /// The engine, after making oneDNN serial on the calling thread: a team of threads would change the bits
  /// with the core count. The setting belongs to the thread, so every entry point passes through here.
  static func onThisThread() throws -> dnnl_engine_t {
    omp_set_num_threads(1)
    return try created.get()
  }
}

/// Turns a status into an error that says what was being done.
func check(_ status: dnnl_status_t, _ doing: @autoclosure () -> String) throws {
  guard status != dnnl_success else { return }
  let name =
    switch status {
    case dnnl_out_of_memory: "out of memory"
    case dnnl_invalid_arguments: "invalid arguments"
    case dnnl_unimplemented: "not supported by this processor or build"
    default: "status \(status.rawValue)"
    }
  throw NetworkError("oneDNN: \(doing()): \(name)")
}

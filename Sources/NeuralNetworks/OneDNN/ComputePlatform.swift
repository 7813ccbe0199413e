// Owns what a record says about the machine, because it can decide bits.

import COneDNN

/// The facts of this process's numerics that a record keeps beside a result.
public enum ComputePlatform {
  /// oneDNN's version, the instruction sets that it may use here, and what becomes of numbers too small for
  /// float32's full precision (below 1.2e-38).
  public static var facts: [String: String] {
    let library = onednn_loaded_library()
    return [
      "oneDNN": "\(library.major).\(library.minor).\(library.patch)",
      "instructions": String(cString: onednn_instructions()),
      "subnormals": onednn_flushes_subnormals ? "flushed to zero" : "kept",
    ]
  }
}

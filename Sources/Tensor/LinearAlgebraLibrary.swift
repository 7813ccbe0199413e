// Owns which linear algebra computes on this machine.

import COpenBLAS

/// The library behind `Matrix`, as it is loaded now. Bits may differ between versions and kernels.
public enum LinearAlgebraLibrary {
  /// OpenBLAS's version, build options, and the kernels it chose for this processor.
  public static var version: String {
    openblas_get_config().map { String(cString: $0).split(separator: " ").joined(separator: " ") }
      ?? "unknown"
  }
}

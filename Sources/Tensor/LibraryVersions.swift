// Owns which libraries compute on this machine.

import COneDNN
import COpenBLAS

/// The C libraries behind the numerics, as they are loaded now. Bits may differ between versions.
public enum LibraryVersions {
  /// oneDNN's, such as `2.6.3`.
  public static var oneDNN: String {
    guard let version = dnnl_version()?.pointee else { return "unknown" }
    return "\(version.major).\(version.minor).\(version.patch)"
  }

  /// OpenBLAS's, with the kernels it chose for this processor.
  public static var openBLAS: String {
    openblas_get_config().map { String(cString: $0).trimmed } ?? "unknown"
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = Substring(self)
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

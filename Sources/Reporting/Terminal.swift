// Owns the terminal itself: how wide it is, whether colours are welcome, and the writing to it.

import Foundation

/// Where progress is shown.
public struct Terminal: Sendable {
  /// Columns and rows now; nil where this is no terminal on which lines can be redrawn.
  public var size: @Sendable () -> (columns: Int, rows: Int)?
  public var usesColour: Bool
  public var write: @Sendable (String) -> Void

  public init(
    size: @escaping @Sendable () -> (columns: Int, rows: Int)?, usesColour: Bool,
    write: @escaping @Sendable (String) -> Void
  ) {
    self.size = size
    self.usesColour = usesColour
    self.write = write
  }

  /// Standard error. NO_COLOR (no-color.org) and TERM=dumb are honoured.
  public static func standardError(environment: [String: String]) -> Terminal {
    let isTerminal = isatty(STDERR_FILENO) == 1 && environment["TERM"] != "dumb"
    return Terminal(
      size: {
        guard isTerminal else { return nil }
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
          return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
      },
      usesColour: (environment["NO_COLOR"] ?? "").isEmpty,
      write: StandardError.write)
  }
}

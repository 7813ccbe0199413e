// Owns how much of the machine's memory a job may fill with what it could as well compute again. It decides no bits.

import Foundation

/// The memory for what several instances of a job share: what frozen networks make of images, what measures have in
/// common.
enum MemoryBudget {
  /// A quarter of what the machine has free, so that two jobs side by side leave half of it; 1 GB where nobody says how
  /// much that is.
  static var bytes: Int {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return 1 << 30 }
    return kilobytes * 1024 / 4
  }
}

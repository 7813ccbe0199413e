// Owns what the system tells of processes' memory.

import CProcess
import Foundation

public enum ProcessMemory {
  /// The most that this process has held since `forgetPeak`, in bytes.
  public static var peak: Int? { number(after: "VmHWM:", in: "/proc/self/status").map { $0 << 10 } }

  public static func forgetPeak() {
    let file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    _ = writeText("5", to: file)
    close(file)
  }

  /// The private memory of a process and all below it, in bytes; exact only above `limit`.
  public static func ofTree(_ root: pid_t, limit: Int) -> Int { Int(bobbin_tree_memory(root, Int64(limit))) }

  /// How many processes of this machine the kernel has ended since it started because memory ran out.
  public static var ended: Int? { number(after: "oom_kill ", in: "/proc/vmstat") }

  /// The machine's memory, in bytes.
  public static var machine: Int? { number(after: "MemTotal:", in: "/proc/meminfo").map { $0 << 10 } }

  /// The number behind a line's label in one of the kernel's files.
  public static func number(after label: String, in path: String) -> Int? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    // As bytes: it is read for every job, and texts take ten times as long.
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 16 << 10)
    while case let count = read(file, &piece, piece.count), count > 0 { text += piece[..<count] }
    for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: label.utf8) {
      let digits = line.dropFirst(label.utf8.count).drop { $0 == 0x20 || $0 == 0x09 }
        .prefix { (0x30...0x39).contains($0) }
      return Int(String(decoding: digits, as: UTF8.self))
    }
    return nil
  }
}

extension rusage {
  /// Processor time, in seconds.
  public var cpuSeconds: Double {
    [ru_utime, ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6 }
  }
}

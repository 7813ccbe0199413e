// Owns what is asked of the machine itself.

import CProcess
import Foundation

enum Machine {
  /// Bytes of memory that processes here may use: the machine's, or less if the control group says so.
  static var memory: Int? {
    let machine = number(after: "MemTotal:", in: "/proc/meminfo").map { $0 << 10 }
    let group = (try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8))
      .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    return [machine, group].compactMap { $0 }.min()
  }

  /// How many processes the kernel has ended since it started because memory ran out.
  static var endedForMemory: Int? { number(after: "oom_kill ", in: "/proc/vmstat") }

  /// The most memory that this process has held since `forgetPeakMemory`, in bytes.
  static var peakMemory: Int? { number(after: "VmHWM:", in: "/proc/self/status").map { $0 << 10 } }

  static func forgetPeakMemory() {
    guard let file = fopen("/proc/self/clear_refs", "we") else { return }
    fputs("5", file)
    fclose(file)
  }

  static var host: String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, 255)
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static var instructionSet: String { String(cString: bobbin_instruction_set()) }

  private static func number(after label: String, in path: String) -> Int? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix(label) {
      return line.dropFirst(label.count).split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
    }
    return nil
  }
}

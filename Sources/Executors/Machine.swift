// Owns what is asked of the machine itself: its capacity, and the facts that stand in every record.

import Canonical
import CProcess
import Foundation
import Processes

enum Machine {
  /// The processors that this process may use.
  static var cpus: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// Bytes of memory that processes here may use: the machine's, or less if the control group says so.
  static var memory: Int? {
    let group = (try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8))
      .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    return [ProcessMemory.machine, group].compactMap { $0 }.min()
  }

  /// The widest vector instructions of the processor.
  static var instructionSet: String { String(cString: bobbin_instruction_set()) }

  /// Host, kernel, C library and instruction set.
  static var facts: [String: JSON] {
    var system = utsname()
    uname(&system)
    return [
      "host": .string(text(system.nodename)),
      "kernel": .string("\(text(system.sysname)) \(text(system.release))"),
      "cLibrary": .string("glibc \(String(cString: bobbin_c_library_version()))"),
      "instructionSet": .string(instructionSet),
    ]
  }

  private static func text<T>(_ field: T) -> String {
    withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

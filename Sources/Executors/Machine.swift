// Owns what is asked of the machine itself: its capacity, and the facts that stand in every record.

import Canonical
import CProcess
import Foundation
import Processes

package enum Machine {
  /// The processors that this process may use: those it may run on, or less if the control group grants less time.
  static let cpus: Int = {
    let group = (try? String(contentsOfFile: "/sys/fs/cgroup/cpu.max", encoding: .utf8)).flatMap(wholeCores)
    return [ProcessInfo.processInfo.activeProcessorCount, group].compactMap { $0 }.min()!
  }()

  /// How many cores' time a control group grants: `150000 100000` is one and a half, of which a thread more would be
  /// halted half of the time. Nil for `max 100000`, no limit.
  package static func wholeCores(_ quota: String) -> Int? {
    let numbers = quota.split(whereSeparator: \.isWhitespace).map { Int($0) }
    guard numbers.count == 2, let time = numbers[0], let period = numbers[1], period > 0 else { return nil }
    return max(1, time / period)
  }

  /// Bytes of memory that processes here may use: the machine's, or less if a control group says so.
  static var memory: Int? {
    func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
    let group = MemoryGroupPlace.limit(
      groups: text("/proc/self/cgroup"), mounts: text("/proc/self/mountinfo"))
    return [ProcessMemory.machine, group].compactMap { $0 }.min()
  }

  /// The GPUs that processes here may use, by the ids that `CUDA_VISIBLE_DEVICES` takes: what that variable says where
  /// it is set, else those that the driver of NVIDIA's has made files for.
  package static func gpus(environment: [String: String], devices: String = "/dev") -> [String] {
    if let visible = environment[visibleDevices] {
      let ids = visible.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      // CUDA takes them up to the first that isn't one: -1 hides all.
      return Array(ids.prefix { !$0.isEmpty && !$0.hasPrefix("-") })
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: devices)) ?? []
    let numbers = names.compactMap { $0.hasPrefix("nvidia") ? Int($0.dropFirst("nvidia".count)) : nil }
    return numbers.sorted().map(String.init)
  }

  /// The variable that says which GPUs a program sees.
  static let visibleDevices = "CUDA_VISIBLE_DEVICES"

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

// Owns control groups: where the system lets this process make them, a job with a limit of memory runs in one, and
// the kernel keeps its whole process tree within the limit. Elsewhere the pool watches the tree itself.

import ContentStore
import Foundation
import Processes

/// A control group of one job. Confined to the pool's thread.
///
/// What a worker held before the job isn't counted, in version 1 and 2 alike: pages stay with the group that they
/// were first charged to.
final class MemoryGroup {
  private let place: MemoryGroupPlace
  private let path: String

  /// Makes a group; nil where that isn't allowed, or memory isn't controlled there.
  init?(limit: Int, in place: MemoryGroupPlace) {
    self.place = place
    path = "\(place.folder)/\(OwnName().text)"
    guard mkdir(path, 0o755) == 0 else { return nil }
    let names =
      place.version == 2
      ? ("memory.max", "memory.swap.max", "0")
      : ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "\(limit)")
    guard put("\(limit)", into: "\(path)/\(names.0)") else {
      rmdir(path)
      return nil
    }
    // Otherwise it would go on in swap, for hours. Not every kernel counts that.
    _ = put(names.2, into: "\(path)/\(names.1)")
  }

  /// Puts a process, and all it starts from now on, into the group.
  func add(_ process: pid_t) -> Bool { put("\(process)", into: path + "/cgroup.procs") }

  /// How many of its processes the kernel has ended for being over the limit.
  var ended: Int {
    let file = place.version == 2 ? "memory.events" : "memory.oom_control"
    return ProcessMemory.number(after: "oom_kill ", in: "\(path)/\(file)") ?? 0
  }

  /// Takes the worker out, if it lives, and removes the group. Where something is left in it, the next driver does.
  /// Returns false where the worker can't be taken out: the limit is its own from now on.
  @discardableResult
  func remove(worker: pid_t?) -> Bool {
    if let worker, !put("\(worker)", into: place.home + "/cgroup.procs") { return false }
    // The kernel takes a moment to forget who was in it.
    for _ in 0..<20 {
      if rmdir(path) == 0 || errno != EBUSY { break }
      usleep(1000)
    }
    return true
  }
}

/// Where this process may make control groups.
package struct MemoryGroupPlace: Sendable {
  /// The folder for new groups.
  let folder: String
  /// The group that this process is in.
  let home: String
  let version: Int

  /// Looks where this process stands; nil where it may make no groups.
  static func find() -> MemoryGroupPlace? {
    guard let groups = try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8),
      let mounts = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    else { return nil }
    for line in groups.split(separator: "\n") {
      // `5:memory:/path`, or `0::/path` for version 2.
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let version = fields[0] == "0" && fields[1].isEmpty ? 2 : 1
      guard version == 2 || fields[1].split(separator: ",").contains("memory"),
        let home = folder(of: String(fields[2]), version, mounts)?.path,
        let place = place(home: home, version)
      else { continue }
      place.sweep()
      return place
    }
    return nil
  }

  /// The bytes that the groups allow which this process is in; nil where none sets a limit.
  /// - Parameters:
  ///   - groups: what `/proc/self/cgroup` says; `mounts`: what `/proc/self/mountinfo` says.
  package static func limit(groups: String, mounts: String) -> Int? {
    var limits: [Int] = []
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let version = fields[0] == "0" && fields[1].isEmpty ? 2 : 1
      guard version == 2 || fields[1].split(separator: ",").contains("memory"),
        case (var path, let top)? = folder(of: String(fields[2]), version, mounts)
      else { continue }
      // Each group is held to the limits of those above it as well.
      while path.hasPrefix(top) {
        let file = path + (version == 2 ? "/memory.max" : "/memory.limit_in_bytes")
        let text = try? String(contentsOfFile: file, encoding: .utf8)
        if let limit = text.flatMap({ Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }) {
          limits.append(limit)
        }
        if path == top { break }
        path = (path as NSString).deletingLastPathComponent
      }
    }
    return limits.min()
  }

  /// In version 2 a group with processes has no groups with limits below it, so theirs stand beside it.
  private static func place(home: String, _ version: Int) -> MemoryGroupPlace? {
    let folders = version == 1 ? [home] : [home, (home as NSString).deletingLastPathComponent]
    return folders.first { folder in
      let controls =
        (try? String(contentsOfFile: folder + "/cgroup.subtree_control", encoding: .utf8)) ?? ""
      let isControlled =
        version == 1 || controls.split(whereSeparator: \.isWhitespace).contains("memory")
      return isControlled && access(folder, W_OK) == 0 && access(folder + "/cgroup.procs", W_OK) == 0
    }.map { MemoryGroupPlace(folder: $0, home: home, version: version) }
  }

  /// Where a group's files are.
  private static func folder(of group: String, _ version: Int, _ mounts: String) -> (
    path: String, top: String
  )? {
    for line in mounts.split(separator: "\n") {
      // `36 35 0:30 ROOT POINT options - cgroup source memory,…`
      let halves = line.split(separator: " - ", maxSplits: 1)
      guard halves.count == 2 else { continue }
      let (place, kind) = (halves[0].split(separator: " "), halves[1].split(separator: " "))
      guard place.count >= 5, kind.count >= 3, kind[0] == (version == 2 ? "cgroup2" : "cgroup"),
        version == 2 || kind[2].split(separator: ",").contains("memory")
      else { continue }
      let root = place[3] == "/" ? "" : String(place[3])
      if group == root || group.hasPrefix(root + "/") {
        return (String(place[4]) + String(group.dropFirst(root.count)), String(place[4]))
      }
    }
    return nil
  }

  /// Removes the groups of drivers that are no more. One that isn't empty can't be removed.
  private func sweep() {
    for name in OwnFolder(folder)?.ownNames ?? [] where name.isDead == true {
      rmdir("\(folder)/\(name.text)")
    }
  }
}

private func put(_ text: String, into file: String) -> Bool {
  let descriptor = open(file, O_WRONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return false }
  defer { close(descriptor) }
  return writeText(text, to: descriptor) == 0
}

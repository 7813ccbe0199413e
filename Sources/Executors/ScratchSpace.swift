// Owns the folders in which jobs work: one a worker, locked while it lives, so that anybody can tell and remove
// those of dead workers.

import Foundation

/// A worker's folder under a store's `scratch/`, with an empty folder in it for each job.
final class ScratchSpace: @unchecked Sendable {
  private let lock = NSLock()
  // Usually one: a driver has one store.
  private var homes: [String: (path: String, descriptor: Int32)] = [:]
  private var count = 0

  /// An empty folder on the store's disk.
  func makeFolder(in store: String) throws -> URL {
    let home = try home(in: store)
    let number = lock.withLock {
      count += 1
      return count
    }
    let folder = URL(fileURLWithPath: "\(home)/\(number)", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    return folder
  }

  func removeFolder(_ folder: URL) { removeTree(folder.path) }

  /// Removes everything, at the worker's end.
  func remove() {
    for (path, _) in lock.withLock({ Array(homes.values) }) { removeTree(path) }
  }

  private func home(in store: String) throws -> String {
    if let home = lock.withLock({ homes[store] }) { return home.path }
    let parent = store + "/scratch"
    try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    ScratchSpace.sweep(parent)
    while true {
      let path = "\(parent)/\(getpid())-\(String(UInt32.random(in: .min ... .max), radix: 36))"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      let descriptor = ScratchSpace.lock(path)
      // Somebody may have swept it before it was locked.
      if let descriptor, access(path, F_OK) == 0 {
        lock.withLock { homes[store] = (path, descriptor) }
        return path
      }
    }
  }

  /// Removes the folders that no living process has locked.
  private static func sweep(_ parent: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] {
      let path = "\(parent)/\(name)"
      guard let descriptor = lock(path) else { continue }
      removeTree(path)
      close(descriptor)
    }
  }

  /// The descriptor of a folder that nobody else has locked; held until it is closed or the process ends.
  private static func lock(_ path: String) -> Int32? {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
    close(descriptor)
    return nil
  }
}

/// Removes a file or folder with all below it, what a command made read-only too. What can't be removed stays for
/// the next worker to sweep.
private func removeTree(_ path: String) {
  if (try? FileManager.default.removeItem(atPath: path)) != nil { return }
  for case let folder as String in FileManager.default.enumerator(atPath: path) ?? .init() {
    chmod("\(path)/\(folder)", 0o700)
  }
  try? FileManager.default.removeItem(atPath: path)
}

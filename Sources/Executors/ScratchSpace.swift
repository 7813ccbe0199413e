// Owns the folders in which jobs work: one a worker, locked while it lives, so that anybody can tell and remove
// those of dead workers.

import Canonical
import ContentStore
import Foundation
import Processes
import Workflow

/// A worker's folder under a store's `scratch/`, with an empty folder in it for each job.
final class ScratchSpace: @unchecked Sendable {
  /// A worker's folder in one store.
  private struct Home {
    /// Where `scratch/` is, links followed.
    let scratch: String
    let name: OwnName
    /// It holds the lock.
    let descriptor: Int32
    /// Folders that jobs have given back, by the kind that they are laid out for.
    var spares: [String: URL] = [:]
    var path: String { "\(scratch)/\(name.text)" }
  }

  private let lock = NSLock()
  /// Usually one: a driver has one store.
  private var homes: [String: Home] = [:]
  private var count = 0

  /// A folder on the store's disk, by its real path, without links. It is empty, but for empty folders that the last
  /// job of this kind left: a command of milliseconds costs as much as making and removing its folders does.
  func makeFolder(in store: String, for kind: KindDescription) throws -> URL {
    let home = try home(in: store)
    if let spare = lock.withLock({ homes[store]?.spares.removeValue(forKey: kind.name) }) { return spare }
    let number = lock.withLock {
      count += 1
      return count
    }
    let folder = "\(home.path)/\(number)"
    try makeDirectory(folder)
    return URL(fileURLWithPath: folder, isDirectory: true)
  }

  /// Takes back a job's folder. All in it is removed but the folders that every job of its kind has.
  func takeBack(_ folder: URL, in store: String, from kind: KindDescription) {
    let kept = PreparedMember.folders + kind.scratchFolders.map { "\(PreparedMember.scratchFolder)/\($0)" }
    let isAsNew =
      OwnFolder(folder.deletingLastPathComponent().path)?
      .empty(folder.lastPathComponent, keeping: Set(kept)) ?? false
    guard isAsNew else { return removeFolder(folder) }
    lock.withLock { homes[store]?.spares[kind.name] = folder }
  }

  /// Removes a folder with all below it. What can't be removed stays for the next worker to sweep.
  func removeFolder(_ folder: URL) {
    OwnFolder(folder.deletingLastPathComponent().path)?.removeTree(folder.lastPathComponent)
  }

  /// Whether the disk of a folder has no room left.
  func isFull(_ folder: URL) -> Bool {
    var disk = statvfs()
    guard statvfs(folder.path, &disk) == 0 else { return false }
    return UInt64(disk.f_bavail) * UInt64(disk.f_frsize) < 64 << 10 || disk.f_files > 0 && disk.f_favail == 0
  }

  /// Removes everything.
  func remove() {
    let all = lock.withLock { Array(homes.values) }
    for home in all { OwnFolder(home.scratch)?.removeTree(home.name.text) }
  }

  private func home(in store: String) throws -> Home {
    if let home = lock.withLock({ homes[store] }) { return home }
    ScratchSpace.sweep(store + "/scratch")
    let scratch = try ScratchSpace.place(in: store)
    var problem: Int32 = 0
    for _ in 0..<ScratchSpace.mostTries {
      let name = OwnName()
      try makeDirectory("\(scratch)/\(name.text)")
      // Somebody who can't know that this process lives may have swept it before it was locked.
      guard let descriptor = OwnFolder(scratch)?.lock(name) else {
        problem = errno
        rmdir("\(scratch)/\(name.text)")
        continue
      }
      let home = Home(scratch: scratch, name: name, descriptor: descriptor)
      guard access(home.path, F_OK) == 0 else { continue }
      lock.withLock { homes[store] = home }
      return home
    }
    throw StoreError.cannotWrite(
      path: scratch, reason: "folders in it can't be locked: \(SystemError(problem))")
  }

  /// How often another folder is made when one can't be had for oneself.
  private static let mostTries = 20

  /// Where the unfinished work of an action lies.
  static func unfinished(_ key: Digest, in store: String) -> URL {
    URL(fileURLWithPath: "\(store)/scratch/\(unfinishedFolder)/\(key.hex)", isDirectory: true)
  }

  /// Removes what an action had unfinished.
  static func removeUnfinished(_ folder: URL) {
    guard access(folder.path, F_OK) == 0 else { return }
    OwnFolder(folder.deletingLastPathComponent().path)?.removeTree(folder.lastPathComponent)
  }

  private static let unfinishedFolder = "unfinished"
  /// How long what nobody went on with is kept, in seconds.
  private static let longestUnfinished = 30 * 24 * 3600

  private static func isOld(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && time(nil) - status.st_mtim.tv_sec > longestUnfinished
  }

  /// Where a store's `scratch/` is. Somebody may have put a link there, to have it on another disk.
  private static func place(in store: String) throws -> String {
    let scratch = store + "/scratch"
    try makeDirectory(scratch)
    guard let place = realpath(scratch, nil) else {
      throw StoreError.cannotWrite(path: scratch, reason: "\(SystemError(errno))")
    }
    defer { free(place) }
    return String(cString: place)
  }

  /// Removes the folders of workers that are no more: those of Bobbin's own form that nobody has locked. One that its
  /// worker hasn't locked yet is left alone while that lives. Folders of other machines, whose locks can't be seen here,
  /// are left alone for a month.
  private static func sweep(_ scratch: String) {
    guard let folder = OwnFolder(scratch) else { return }
    let unfinished = "\(scratch)/\(unfinishedFolder)"
    for key in (try? FileManager.default.contentsOfDirectory(atPath: unfinished)) ?? [] {
      let place = URL(fileURLWithPath: "\(unfinished)/\(key)")
      if Digest(hex: key) != nil, isOld(place.path) { removeUnfinished(place) }
    }
    for name in folder.ownNames where name.isDead != false {
      if !name.isOfThisHost, !isOld("\(scratch)/\(name.text)") { continue }
      guard let descriptor = folder.lock(name) else { continue }
      folder.removeTree(name.text)
      close(descriptor)
    }
  }
}

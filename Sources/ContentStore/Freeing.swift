// Owns taking away what can go, beside drivers at work: in batches, each under `free.lock` alone and held once more
// against what is needed by then. The index forgets before files go, so that whoever is killed in between leaves bytes
// that nobody names, and no names without bytes.

import Canonical
import Foundation
import GRDB

extension Store {
  /// What `free` would do.
  public func freeable(_ wish: GarbageWish, on remotes: [any Remote] = []) throws -> GarbageReport {
    let references = References(self)
    let findings = try find(wish, Needed(self, references), references, on: remotes)
    var report = findings.report
    for garbage in findings.going { report.count(garbage) }
    for garbage in findings.spare where report.excess > 0 { report.count(garbage) }
    return report
  }

  /// Frees what may go.
  /// - Parameters:
  ///   - remotes: what they have goes before what they haven't.
  ///   - progress: told how many bytes have gone.
  /// - Throws: `.cannotWrite`; `.index` when a run in progress can't say what it uses.
  @discardableResult public func free(
    _ wish: GarbageWish, on remotes: [any Remote] = [], progress: (Int) throws -> Void = { _ in }
  ) throws -> GarbageReport {
    guard !isReadOnly else {
      throw StoreError.cannotWrite(path: layout.root, reason: "it was opened for reading")
    }
    let references = References(self)
    let needed = try Needed(self, references)
    let findings = try find(wish, needed, references, on: remotes)
    var report = findings.report
    func free(_ all: [Garbage], while isWanted: (GarbageReport) -> Bool) throws {
      var left = all[...]
      while !left.isEmpty, isWanted(report) {
        var batch: [Garbage] = []
        var after = report
        while batch.count < Store.batch, let next = left.first, isWanted(after) {
          batch.append(left.removeFirst())
          after.count(next)
        }
        for garbage in try self.free(batch, needed) { report.count(garbage) }
        try progress(report.bytes)
      }
    }
    try free(findings.going) { _ in true }
    try free(findings.spare) { $0.excess > 0 }
    try writing { db in
      try db.execute(sql: "DELETE FROM bases WHERE id NOT IN (SELECT base FROM records)")
    }
    if needed.runs == 0 { compact() }
    return report
  }

  /// So many things go at a time. Drivers wait meanwhile.
  private static let batch = 500

  /// Takes away what nobody needs by now, and returns that.
  private func free(_ batch: [Garbage], _ needed: Needed) throws -> [Garbage] {
    let lock = try FreeLock(layout, LOCK_EX)
    defer { withExtendedLifetime(lock) {} }
    try needed.refresh()
    let going = batch.filter { needed.spares($0.thing) }
    var freed: [Garbage] = []
    for garbage in going {
      switch garbage.thing {
      case .file(let path): if unlink(path) == 0 { freed.append(garbage) }
      case .copy(let digest): if unlink(layout.opened(digest)) == 0 { freed.append(garbage) }
      case .log(let path): if removeLog(path) { freed.append(garbage) }
      case .entry(let path): if unlink(path) == 0 { freed.append(garbage) }
      case .state, .blob, .record: break
      }
    }
    let (entries, files) = try unindexed(going, needed)
    freed += entries
    for file in files { unlink(file) }
    return freed
  }

  /// Takes things out of the index; returns those that were there, and the files that nothing speaks of any more.
  private func unindexed(_ going: [Garbage], _ needed: Needed) throws -> (freed: [Garbage], files: [String]) {
    do { return try forget(going, needed) } catch StoreError.full {
      // To forget takes some room: files whose bytes are gone are as good as forgotten.
      for garbage in going {
        guard case .blob(let digest, _) = garbage.thing else { continue }
        for (form, place) in try reading({ try Store.rows(of: digest, $0) }) where place == .file {
          unlink(layout.blob(digest, form.codec))
        }
      }
      return try forget(going, needed)
    }
  }

  private func forget(_ going: [Garbage], _ needed: Needed) throws -> (freed: [Garbage], files: [String]) {
    try writing { db in
      var freed: [Garbage] = []
      var files: [String] = []
      for garbage in going {
        switch garbage.thing {
        case .file, .copy, .log, .entry: break
        case .state(let key):
          for form in try Store.drop([key], sparing: [], db) {
            files.append(layout.blob(form.digest, form.codec))
          }
          freed.append(garbage)
        case .blob(let digest, let isNamed):
          let here = try Store.rows(of: digest, db).filter { $0.1 != .elsewhere }
          if here.isEmpty { continue }
          for (form, place) in here where place == .file { files.append(layout.blob(digest, form.codec)) }
          for sql in [
            isNamed ? "UPDATE blobs SET place = 2 WHERE digest = ?" : "DELETE FROM blobs WHERE digest = ?",
            "DELETE FROM inlineBlobs WHERE digest = ?",
          ] { try db.cachedStatement(sql: sql).execute(arguments: [digest.data]) }
          freed.append(garbage)
        case .record(let key, let blobs):
          for table in ["records", "outputs", "logs", "accepted", "origins"] {
            try db.cachedStatement(sql: "DELETE FROM \(table) WHERE key = ?").execute(arguments: [key.data])
          }
          for digest in blobs where !needed.blobs.contains(digest) {
            for sql in [
              "DELETE FROM blobs WHERE digest = ? AND place = 2", "DELETE FROM members WHERE manifest = ?",
            ] { try db.cachedStatement(sql: sql).execute(arguments: [digest.data]) }
          }
          freed.append(garbage)
        }
      }
      return (freed, files)
    }
  }

  /// One that a run prints to stays.
  private func removeLog(_ path: String) -> Bool {
    let file = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else { return false }
    defer { close(file) }
    return flock(file, LOCK_EX | LOCK_NB) == 0 && unlink(path) == 0
  }
}

extension GarbageReport {
  fileprivate mutating func count(_ garbage: Garbage) {
    freed[garbage.sort, default: Amount()].count += 1
    freed[garbage.sort]!.bytes += garbage.bytes
  }
}

// Owns finding what can go, and in which order: an inventory of index and folders, held against what is needed. It takes
// no lock and frees nothing, so it may be out of date by the time something goes: who frees looks again.

import Canonical
import Foundation
import GRDB

/// What can go.
struct Findings {
  /// Goes in any case, in this order.
  var going: [Garbage] = []
  /// Goes after that until the bound is met.
  var spare: [Garbage] = []
  var report = GarbageReport()
}

extension Store {
  /// The bytes of the store: the index, blobs, copies and logs. What workers are writing isn't counted.
  public func size() throws -> Int {
    try Folder.blobs(layout).bytes + Folder.copies(layout).bytes + Folder.logs(layout).bytes
      + Folder.served(layout).bytes + indexSize()
  }

  private func indexSize() throws -> Int {
    try reading { db in
      func number(_ name: String) throws -> Int { try Int.fetchOne(db, sql: "PRAGMA \(name)") ?? 0 }
      return try (number("page_count") - number("freelist_count")) * number("page_size")
    }
  }

  func find(
    _ wish: GarbageWish, _ needed: Needed, _ references: References, on remotes: [any Remote] = [],
    now: Date = Date()
  ) throws -> Findings {
    let inventory = try Inventory(self)
    let folders = (
      blobs: Folder.blobs(layout), copies: Folder.copies(layout), logs: Folder.logs(layout),
      served: Folder.served(layout)
    )
    let time = Int(now.timeIntervalSince1970 * 1000)
    let youngest = time - Int(wish.grace * 1000)
    let oldest = wish.unusedFor.map { time - Int($0 * 1000) }
    /// Whether something that nobody needs goes: always, never, or when there is no room.
    func fate(_ used: Int, alwaysGoes: Bool) -> Fate {
      if used > youngest { return .stays }
      if let oldest, used > oldest { return wish.bound == nil ? .stays : .spare }
      return alwaysGoes || oldest != nil ? .goes : .spare
    }
    var findings = Findings()
    findings.report.runs = needed.runs
    findings.report.bound = wish.bound
    findings.report.before =
      try folders.blobs.bytes + folders.copies.bytes + folders.logs.bytes + folders.served.bytes
      + indexSize()
    func add(_ thing: Garbage.Thing, _ sort: GarbageSort, _ bytes: Int, _ fate: Fate, worth: Double) {
      let garbage = Garbage(thing: thing, sort: sort, bytes: bytes, worth: worth)
      switch fate {
      case .goes: findings.going.append(garbage)
      case .spare: findings.spare.append(garbage)
      case .stays: findings.report.young += bytes
      }
    }

    // What a run in progress has written isn't in the index yet.
    if needed.runs == 0 {
      for file in folders.blobs.files where !inventory.isIndexed(file.name) {
        add(
          .file(file.path), .leftovers, file.size, fate(file.time, alwaysGoes: true), worth: Double(file.time)
        )
      }
    }
    for file in folders.copies.files {
      guard let digest = Digest(hex: file.name), !needed.usedBlobs.contains(digest) else { continue }
      let isOrphan = wish.unreachable && !needed.blobs.contains(digest)
      add(
        .copy(digest), .copies, file.size, fate(file.time, alwaysGoes: isOrphan), worth: Double(file.time))
    }
    for file in folders.logs.files {
      add(.log(file.path), .logs, file.size, fate(file.time, alwaysGoes: false), worth: Double(file.time))
    }
    for file in folders.served.files {
      add(
        .entry(file.path), .foreign, file.size, fate(file.time, alwaysGoes: false), worth: Double(file.time))
    }
    for (key, state) in inventory.states where !needed.usedStates.contains(key) {
      let its = fate(state.time, alwaysGoes: false)
      add(.state(key), .states, inventory.bytes(ofState: state.blobs), its, worth: Double(state.time))
    }

    // Results: when each was used for the last time, and what names each blob.
    let named = try references.named(by: inventory.records.keys)
    var names: [Digest: (used: Int, seconds: Double, doomed: Bool)] = [:]
    var doomed: [(key: Digest, record: References.Named, time: Int)] = []
    for (key, time) in inventory.records {
      guard let record = named[key] else { continue }
      let isNeeded = needed.keys.contains(key)
      let its = isNeeded ? Fate.stays : fate(time, alwaysGoes: wish.unreachable)
      if its == .goes { doomed.append((key, record, time)) }
      for blob in record.blobs {
        let known = names[blob]
        names[blob] = (
          max(known?.used ?? 0, time), max(known?.seconds ?? 0, record.seconds),
          (known?.doomed ?? true) && its == .goes
        )
      }
    }
    for (key, record, time) in doomed {
      let blobs = record.blobs.filter { names[$0]!.doomed && !needed.blobs.contains($0) }
      add(.record(key, blobs: blobs), .records, record.size, .goes, worth: Double(time))
    }
    var spare: [(digest: Digest, bytes: Int, worth: Double)] = []
    for (digest, blob) in inventory.blobs where blob.bytes > 0 {
      if needed.blobs.contains(digest) {
        findings.report.needed += blob.bytes
        continue
      }
      if inventory.blobsOfStates.contains(digest) { continue }
      guard let naming = names[digest] else {
        add(.blob(digest, isNamed: false), .leftovers, blob.bytes, fate(0, alwaysGoes: true), worth: 0)
        continue
      }
      let worth = naming.seconds / Double(blob.bytes) / Double(max(1, time - naming.used))
      switch fate(naming.used, alwaysGoes: naming.doomed) {
      case .goes where naming.doomed:
        add(.blob(digest, isNamed: true), .results, blob.bytes, .goes, worth: worth)
      case .stays: findings.report.young += blob.bytes
      default: spare.append((digest, blob.bytes, worth))
      }
    }
    if let bound = wish.bound {
      for (digest, bytes, worth) in spare {
        // Asked only where it matters.
        let isShared =
          findings.report.before > bound
          ? try remotes.contains { try inventory.isShared(digest, on: $0) } : false
        add(.blob(digest, isNamed: true), isShared ? .shared : .results, bytes, .spare, worth: worth)
      }
    }
    findings.going.sort(by: Findings.goesEarlier)
    findings.spare = wish.bound == nil ? [] : findings.spare.sorted(by: Findings.goesEarlier)
    return findings
  }

  private enum Fate { case goes, spare, stays }
}

extension Findings {
  fileprivate static func goesEarlier(_ a: Garbage, _ b: Garbage) -> Bool {
    if a.sort != b.sort { return a.sort < b.sort }
    if a.worth != b.worth { return a.worth < b.worth }
    return a.name < b.name
  }
}

extension Garbage {
  /// Decides between equals, so that a dry run says what a real one does.
  fileprivate var name: String {
    switch thing {
    case .file(let path), .log(let path), .entry(let path): path
    case .copy(let digest), .state(let digest), .blob(let digest, _), .record(let digest, _): digest.hex
    }
  }
}

/// What the index has, as far as freeing cares.
struct Inventory {
  struct Blob {
    /// Stored bytes that are here.
    var bytes = 0
    /// Of content.
    var content = 0
    var forms: [(StoredBlob, Place)] = []
  }

  /// When each record was used for the last time: written, or a last result. Milliseconds since 1970.
  private(set) var records: [Digest: Int] = [:]
  private(set) var blobs: [Digest: Blob] = [:]
  private(set) var states: [Digest: (time: Int, blobs: [Digest])] = [:]
  private(set) var blobsOfStates: Set<Digest> = []

  init(_ store: Store) throws {
    (records, blobs, states) = try store.reading { db in
      let uses = try Store.lastUses(db)
      var records: [Digest: Int] = [:]
      var rows = try Row.fetchCursor(db, sql: "SELECT key, time FROM records")
      while let row = try rows.next() {
        let key = try Digest(row, 0)
        records[key] = max(row[1], uses[key] ?? 0)
      }
      var blobs: [Digest: Blob] = [:]
      rows = try Row.fetchCursor(
        db, sql: "SELECT digest, stored, size, codec, storedSize, place FROM blobs")
      while let row = try rows.next() {
        let digest = try Digest(row, 0)
        let codec: String = row[3]
        guard let codec = Codec(rawValue: codec), let place = Place(rawValue: row[5]) else { continue }
        let form = StoredBlob(
          digest: digest, size: row[2], codec: codec, storedDigest: try Digest(row, 1), storedSize: row[4])
        blobs[digest, default: Blob()].content = form.size
        blobs[digest]!.forms.append((form, place))
        if place != .elsewhere { blobs[digest]!.bytes += form.storedSize }
      }
      var states: [Digest: (time: Int, blobs: [Digest])] = [:]
      rows = try Row.fetchCursor(
        db,
        sql: "SELECT states.key, time, digest FROM states LEFT JOIN stateBlobs ON stateBlobs.key = states.key"
      )
      while let row = try rows.next() {
        let key = try Digest(row, 0)
        var state = states[key] ?? (row[1], [])
        if !row.hasNull(atIndex: 2) { state.blobs.append(try Digest(row, 2)) }
        states[key] = state
      }
      return (records, blobs, states)
    }
    blobsOfStates = Set(states.values.flatMap(\.blobs))
  }

  /// Whether a file of this name in `blobs/` is where a row says that a blob is.
  func isIndexed(_ name: String) -> Bool {
    guard let digest = Digest(hex: name.prefix(64)), let blob = blobs[digest] else { return false }
    return blob.forms.contains { $0.1 == .file && digest.hex + $0.0.codec.suffix == name }
  }

  func bytes(ofState digests: [Digest]) -> Int { digests.reduce(0) { $0 + (blobs[$1]?.bytes ?? 0) } }

  func isShared(_ digest: Digest, on remote: any Remote) throws -> Bool {
    try blobs[digest]!.forms.contains { try remote.hasBlob($0.0.storedDigest, size: $0.0.storedSize) }
  }
}

/// The plain files below a folder of the store.
struct Folder {
  struct File {
    var path: String
    var name: String
    var size: Int
    /// When it was written, in milliseconds since 1970.
    var time: Int
  }

  private(set) var files: [File] = []
  var bytes: Int { files.reduce(0) { $0 + $1.size } }

  static func blobs(_ layout: Layout) -> Folder { below(layout.blobs) }
  static func copies(_ layout: Layout) -> Folder { Folder(in: [layout.open]) }
  static func logs(_ layout: Layout) -> Folder { below(layout.logs) }
  static func served(_ layout: Layout) -> Folder { below(layout.served) }

  private static func below(_ folder: String) -> Folder {
    Folder(in: names(in: folder).map { "\(folder)/\($0)" })
  }

  private init(in folders: [String]) {
    for folder in folders {
      for name in names(in: folder) {
        var status = stat()
        let path = "\(folder)/\(name)"
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
        let time = status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1_000_000
        files.append(File(path: path, name: name, size: Int(status.st_size), time: time))
      }
    }
  }
}

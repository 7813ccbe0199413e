// Owns whose bytes a store's blobs are: by project, pipeline file and stage, as far as last runs tell, and nobody's.

import Canonical
import Foundation
import GRDB

/// What the last results of a project, a pipeline file or a stage take.
public struct StoreShare: Hashable, Sendable {
  public var project: String
  /// Nil: all files of the project.
  public var file: String?
  /// Nil: all stages of the file.
  public var stage: String?
  public var results = 0
  /// Bytes of content of the blobs that are here, each counted once.
  public var content = 0
  /// The same as stored.
  public var stored = 0
  /// Of `stored`, what others of its sort (projects, files, stages) need too.
  public var shared = 0

  public init(
    project: String, file: String? = nil, stage: String? = nil, results: Int = 0, content: Int = 0,
    stored: Int = 0, shared: Int = 0
  ) {
    (self.project, self.file, self.stage) = (project, file, stage)
    (self.results, self.content, self.stored, self.shared) = (results, content, stored, shared)
  }
}

/// Whose bytes are whose.
public struct StoreUse: Hashable, Sendable {
  public var projects: [StoreShare] = []
  public var files: [StoreShare] = []
  public var stages: [StoreShare] = []
  /// What all last results take, each blob counted once.
  public var needed = GarbageReport.Amount()
  /// Results that no last run came to and no pin keeps, and the bytes that only they have.
  public var unneeded = GarbageReport.Amount()
  public var pins = 0
  /// What could be freed, by sort, were there no grace.
  public var freeable: [GarbageSort: GarbageReport.Amount] = [:]
  /// The bytes of the store.
  public var size = 0

  public init() {}
}

extension Store {
  /// Finds out whose bytes are whose. It reads every record.
  public func use() throws -> StoreUse {
    let references = References(self)
    let needed = try Needed(self, references)
    let inventory = try Inventory(self)
    let results = try reading { try Store.lastResults($0) }
    let blobs = try references.named(by: Set(results.map(\.key))).mapValues(\.blobs)

    /// What each group of results takes, in the order of their names.
    func shares(_ name: (LastResult) -> StoreShare) -> [StoreShare] {
      var keys: [StoreShare: Set<Digest>] = [:]
      for result in results { keys[name(result), default: []].insert(result.key) }
      let held = keys.mapValues { keys in Set(keys.flatMap { blobs[$0] ?? [] }) }
      var owners: [Digest: Int] = [:]
      for blob in held.values.joined() { owners[blob, default: 0] += 1 }
      return keys.map { group, keys in
        var share = group
        share.results = keys.count
        for digest in held[group]! {
          guard let blob = inventory.blobs[digest], blob.bytes > 0 else { continue }
          share.content += blob.content
          share.stored += blob.bytes
          if owners[digest]! > 1 { share.shared += blob.bytes }
        }
        return share
      }.sorted { ($0.project, $0.file ?? "", $0.stage ?? "") < ($1.project, $1.file ?? "", $1.stage ?? "") }
    }

    var use = StoreUse()
    use.projects = shares { StoreShare(project: $0.place.project) }
    use.files = shares { StoreShare(project: $0.place.project, file: $0.place.file) }
    use.stages = shares {
      StoreShare(project: $0.place.project, file: $0.place.file, stage: Store.stage(of: $0.instance))
    }
    use.needed.count = needed.keys.count { inventory.records[$0] != nil }
    use.needed.bytes = needed.blobs.reduce(0) { $0 + (inventory.blobs[$1]?.bytes ?? 0) }
    let wish = GarbageWish(bound: 0, unreachable: true, grace: 0)
    let findings = try find(wish, needed, references)
    for garbage in findings.going + findings.spare {
      use.freeable[garbage.sort, default: .init()].count += 1
      use.freeable[garbage.sort]!.bytes += garbage.bytes
    }
    use.unneeded = .init(
      count: use.freeable[.records]?.count ?? 0, bytes: use.freeable[.results]?.bytes ?? 0)
    use.pins = try pins().count
    use.size = findings.report.before
    return use
  }

  /// `model` of `model[seed=1]`.
  private static func stage(of instance: String) -> String {
    String(instance.prefix { $0 != "[" })
  }
}

// Owns finding what was made from an instance's result, by the records in the store: whoever made it, from whatever
// file. What counts is content: a record belongs to it when its action reads one of the artifacts.

import Canonical
import ContentStore

/// The results that were made from another, directly or not.
public struct Consumers: Sendable {
  /// Keys of their records.
  public let keys: Set<Digest>
  /// Which instances have, or had, these results. Some nobody here remembers.
  public let owners: [Digest: Set<ResultOwner>]

  package init(keys: Set<Digest>, owners: [Digest: Set<ResultOwner>]) {
    (self.keys, self.owners) = (keys, owners)
  }

  /// Goes through all records of the store, once for most, at some 10 µs each.
  /// - Throws: `StoreError`.
  public init(of key: Digest, store: Store) throws {
    guard let record = try store.record(for: key) else {
      (keys, owners) = ([], [:])
      return
    }
    var search = Search()
    search.add(record)
    try search.run(store)
    keys = search.found.subtracting([key])
    owners = try store.owners(of: keys)
  }
}

private struct Search {
  private(set) var found = Set<Digest>()
  /// The contents that lead on: artifacts, and their members where the stage wrote those itself, since an input may ask
  /// for such a part; what a manifest merely links to is somebody else's.
  private var wanted = Set<Digest>()
  /// Manifests that haven't been looked into, with what their stages wrote.
  private var unopened: [(manifest: Digest, written: Set<Digest>)] = []
  /// Long lists of inputs, by their digests.
  private var lists: [Digest: Set<Digest>] = [:]
  private var unread = Set<Digest>()

  mutating func add(_ record: Record) {
    guard found.insert(record.key).inserted else { return }
    let written = Set(record.blobs.map(\.digest))
    for artifact in record.artifacts.values {
      wanted.insert(artifact.digest)
      if artifact.form == .manifest { unopened.append((artifact.digest, written)) }
    }
  }

  /// Most records were published after those that they read. Where one wasn't, or a part or a long list is in the way,
  /// another pass finds what is left.
  mutating func run(_ store: Store) throws {
    while true {
      let before = found.count
      try store.eachRecord { key, text in
        if !found.contains(key), reads(text), let record = try? Record(parsing: text) { add(record) }
      }
      let parts = try open(store)
      let read = read(store)
      if found.count == before, !parts, !read { return }
    }
  }

  /// Whether an action's inputs have a content that is wanted.
  private mutating func reads(_ text: [UInt8]) -> Bool {
    var isHit = false
    Search.eachInput(in: text) { digest, isList in
      if isList {
        if let list = lists[digest] {
          isHit = isHit || !list.isDisjoint(with: wanted)
        } else {
          unread.insert(digest)
        }
      } else if wanted.contains(digest) {
        isHit = true
      }
    }
    return isHit
  }

  /// Looks into manifests; whether anything more is wanted for it.
  private mutating func open(_ store: Store) throws -> Bool {
    let before = wanted.count
    let members = try store.members(of: unopened.map(\.manifest))
    for (manifest, written) in unopened {
      for artifact in (members[manifest] ?? [:]).values where written.contains(artifact.digest) {
        wanted.insert(artifact.digest)
      }
    }
    unopened = []
    return wanted.count > before
  }

  /// Reads long lists; whether one of them has what is wanted. One that can't be had leads nowhere.
  private mutating func read(_ store: Store) -> Bool {
    var isHit = false
    for digest in unread {
      var members = Set<Digest>()
      Search.eachDigest(in: ((try? store.read(digest)) ?? [])[...]) { member, _ in members.insert(member) }
      lists[digest] = members
      isHit = isHit || !members.isDisjoint(with: wanted)
    }
    unread = []
    return isHit
  }

  /// The digests among an action's inputs, found without parsing: in canonical JSON no text of somebody's can have a
  /// quote that isn't escaped, and `inputs` stand before `kind`.
  private static func eachInput(in text: [UInt8], _ body: (Digest, _ isList: Bool) -> Void) {
    guard let start = text.firstRange(of: Array("\"inputs\":{".utf8))?.upperBound,
      let end = text[start...].firstRange(of: Array("},\"kind\":".utf8))?.lowerBound
    else { return }
    eachDigest(in: text[start..<end], body)
  }

  private static func eachDigest(in text: ArraySlice<UInt8>, _ body: (Digest, _ isList: Bool) -> Void) {
    let quote = UInt8(ascii: "\"")
    let list = Array("\"list\":".utf8)
    var i = text.startIndex
    while i + 65 < text.endIndex {
      guard text[i] == quote, text[i + 65] == quote,
        let digest = Digest(hex: String(decoding: text[i + 1..<i + 65], as: UTF8.self))
      else {
        i += 1
        continue
      }
      body(digest, text[text.startIndex..<i].suffix(list.count).elementsEqual(list))
      i += 66
    }
  }
}

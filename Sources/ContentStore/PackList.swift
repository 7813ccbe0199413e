// Owns the text that says which packs hold what a manifest lists. Packs are blobs of many small ones' stored bytes, one
// behind the other, so that thousands cost a few requests. A list is a hint of whoever wrote it: what is taken from a pack
// is verified as if it had come alone, and a list that is wrong is as none.

import Canonical

/// The packs of one manifest.
struct PackList: Hashable {
  struct Member: Hashable {
    var stored: Digest
    var offset: Int
    var size: Int
  }

  struct Pack: Hashable {
    /// SHA-256 of the pack's bytes.
    var stored: Digest
    var size: Int
    /// In the order of their offsets, without gaps.
    var members: [Member]
  }

  var packs: [Pack]

  /// Blobs of fewer stored bytes go into packs, where a remote lacks more than so many of those that one manifest lists.
  static let small = 256 << 10
  static let few = 16
  /// The bytes at which a pack is full.
  static let full = 16 << 20
  /// No list is longer, in bytes, nor has more packs; no pack is larger.
  static let longest = Record.longest
  static let mostPacks = 4096
  static let largest = 64 << 20

  /// Where the list of a manifest's packs lies, among the records.
  static func key(of manifest: Digest) -> Digest { .of("bobbin packs\n\(manifest.hex)".utf8) }

  var text: String {
    let packs = packs.map { pack -> JSON in
      [
        "stored": .string(pack.stored.hex), "size": .integer(pack.size),
        "members": .array(
          pack.members.map { [.string($0.stored.hex), .integer($0.offset), .integer($0.size)] }),
      ]
    }
    return JSON.object(["packs": .array(packs), "version": 1]).canonical
  }

  /// Whether a text claims to be such a list, rather than a record.
  static func isOne(_ text: some Collection<UInt8>) -> Bool { text.starts(with: #"{"packs":"#.utf8) }

  init(_ packs: [Pack]) { self.packs = packs }

  /// Reads a list, strictly.
  /// - Throws: `Undecodable` where it isn't one, or lies about itself: members that overlap, leave gaps or reach beyond
  ///   their pack.
  init(parsing text: [UInt8]) throws {
    guard text.count <= PackList.longest, let json = try? JSON(parsing: text) else {
      throw Undecodable("not valid JSON")
    }
    guard json["version"]?.intValue == 1, let listed = json["packs"]?.arrayValue,
      listed.count <= PackList.mostPacks
    else { throw Undecodable("no list of packs of version 1") }
    var seen = Set<Digest>()
    packs = try listed.map { json in
      guard let stored = json["stored"]?.stringValue.flatMap({ Digest(hex: $0) }),
        let size = json["size"]?.intValue, (1...PackList.largest).contains(size),
        let listed = json["members"]?.arrayValue
      else { throw Undecodable("a pack isn't one") }
      var end = 0
      let members = try listed.map { json in
        guard let member = json.arrayValue, member.count == 3,
          let digest = member[0].stringValue.flatMap({ Digest(hex: $0) }),
          let offset = member[1].intValue, let size = member[2].intValue,
          (0..<PackList.small).contains(size)
        else { throw Undecodable("a member isn't one") }
        guard offset == end else { throw Undecodable("members overlap, or leave gaps") }
        guard seen.insert(digest).inserted else { throw Undecodable("a member is listed twice") }
        end += size
        return Member(stored: digest, offset: offset, size: size)
      }
      guard end == size else { throw Undecodable("members don't fill their pack") }
      return Pack(stored: stored, size: size, members: members)
    }
  }
}

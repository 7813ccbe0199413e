// Owns reading zip archives, as far as npz files need: stored and deflated members, zip64 sizes, no encryption
// (PKWARE APPNOTE 6.3.9). The central directory is believed, local headers only for where the data begin.
import CZlib
import Foundation

/// An open archive: its directory is read and checked, its members are unpacked when they are asked for.
struct ZipArchive: Sendable {
  private let data: Data
  private let file: String
  private var entries: [Entry] = []

  init(_ url: URL, called file: String) throws {
    self.file = file
    do {
      data = try Data(contentsOf: url, options: .mappedIfSafe)
    } catch {
      throw FormatError(file: file, "can't be read: \(reason(error))")
    }
    entries = try directory()
  }

  /// The members' names, in the archive's order.
  var names: [String] { entries.map(\.name) }

  /// A member, unpacked and checked; nil where there is none of that name.
  func contents(of name: String) throws -> Data? {
    try entries.first { $0.name == name }.map(contents)
  }

  /// The first bytes of a member, unpacked but not checked; nil where there is none of that name.
  func beginning(of name: String, bytes count: Int) throws -> Data? {
    guard let entry = entries.first(where: { $0.name == name }) else { return nil }
    let stored = try bytes(entry.packed)
    guard entry.method == 8 else { return Data(stored.prefix(count)) }
    return try inflateBeginning(
      stored.prefix(count + 65_536), as: .bare, bytes: count, file: "\(file): \(entry.name)")
  }

  private func fail(_ problem: String) -> FormatError { FormatError(file: file, "zip archive: \(problem)") }

  private func number<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) throws -> Int {
    guard offset >= 0, offset <= data.count - MemoryLayout<T>.size else {
      throw fail("ends early: byte \(offset) of \(data.count) is wanted")
    }
    let value = data.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
    guard let small = Int(exactly: value) else { throw fail("a number at byte \(offset) is too large") }
    return small
  }

  private func bytes(_ range: Range<Int>) throws -> Data {
    guard range.lowerBound >= 0, range.upperBound <= data.count else {
      throw fail("ends early: bytes \(range) of \(data.count) are wanted")
    }
    return data[(data.startIndex + range.lowerBound)..<(data.startIndex + range.upperBound)]
  }

  private func directory() throws -> [Entry] {
    guard data.count >= 22 else { throw fail("found \(data.count) bytes; it is truncated or no archive") }
    var end = data.count - 22
    while try number(UInt32.self, at: end) != 0x0605_4b50 {
      end -= 1
      guard end >= max(0, data.count - 22 - 65_535) else {
        throw fail("has no end-of-directory record; it is truncated or no archive")
      }
    }
    var count = try number(UInt16.self, at: end + 10)
    var offset = try number(UInt32.self, at: end + 16)
    if end >= 20, try number(UInt32.self, at: end - 20) == 0x0706_4b50 {
      let end64 = try number(UInt64.self, at: end - 12)
      guard try number(UInt32.self, at: end64) == 0x0606_4b50 else { throw fail("zip64 record is damaged") }
      count = try number(UInt64.self, at: end64 + 32)
      offset = try number(UInt64.self, at: end64 + 48)
    }
    var entries: [Entry] = []
    for _ in 0..<count { entries.append(try entry(at: &offset)) }

    // Entries over the same bytes, or that claim more than memory has, make much out of a small file.
    let inOrder = entries.sorted { $0.packed.lowerBound < $1.packed.lowerBound }
    for (a, b) in zip(inOrder, inOrder.dropFirst()) where a.packed.upperBound > b.packed.lowerBound {
      throw fail("'\(a.name)' and '\(b.name)' overlap")
    }
    var unpacked = 0
    for entry in entries where entry.method != 0 {
      guard entry.size <= largestUnpacked - unpacked else {
        throw fail(
          "its entries unpack to more than \(largestUnpacked >> 30) GiB; save the arrays without compression")
      }
      unpacked += entry.size
    }
    var names = Set<String>()
    for entry in entries where !names.insert(entry.name).inserted {
      throw fail("has two members called '\(entry.name)'")
    }
    return entries
  }

  /// What the directory says of one member.
  private struct Entry {
    let name: String
    let method: Int
    let checksum: Int
    let size: Int
    /// Where its bytes lie in the archive.
    let packed: Range<Int>
  }

  /// The directory entry at `offset`, which moves on to the next.
  private func entry(at offset: inout Int) throws -> Entry {
    guard try number(UInt32.self, at: offset) == 0x0201_4b50 else {
      throw fail("no directory entry at byte \(offset)")
    }
    let flags = try number(UInt16.self, at: offset + 8)
    let method = try number(UInt16.self, at: offset + 10)
    let checksum = try number(UInt32.self, at: offset + 16)
    var packed = try number(UInt32.self, at: offset + 20)
    var size = try number(UInt32.self, at: offset + 24)
    let nameLength = try number(UInt16.self, at: offset + 28)
    let extraLength = try number(UInt16.self, at: offset + 30)
    let commentLength = try number(UInt16.self, at: offset + 32)
    var local = try number(UInt32.self, at: offset + 42)
    let name = String(decoding: try bytes((offset + 46)..<(offset + 46 + nameLength)), as: UTF8.self)

    // Zip64: whichever of the three reads all ones stands in extra field 1, in this order.
    var extra = offset + 46 + nameLength
    let extraEnd = extra + extraLength
    while extra + 4 <= extraEnd {
      let length = try number(UInt16.self, at: extra + 2)
      if try number(UInt16.self, at: extra) == 1 {
        var at = extra + 4
        if size == 0xffff_ffff {
          size = try number(UInt64.self, at: at)
          at += 8
        }
        if packed == 0xffff_ffff {
          packed = try number(UInt64.self, at: at)
          at += 8
        }
        if local == 0xffff_ffff { local = try number(UInt64.self, at: at) }
      }
      extra += 4 + length
    }
    offset = extraEnd + commentLength

    guard flags & 1 == 0 else { throw fail("'\(name)' is encrypted") }
    guard try number(UInt32.self, at: local) == 0x0403_4b50 else {
      throw fail("'\(name)' has no header at byte \(local)")
    }
    let localName = try number(UInt16.self, at: local + 26)
    let localExtra = try number(UInt16.self, at: local + 28)
    let start = local + 30 + localName + localExtra
    guard packed <= data.count else { throw fail("'\(name)' is larger than the archive") }
    guard start <= data.count - packed else {
      throw fail("ends early: bytes \(start)..<\(start + packed) of \(data.count) are wanted")
    }
    return Entry(
      name: name, method: method, checksum: checksum, size: size, packed: start..<(start + packed))
  }

  /// A member's data, unpacked and checked.
  private func contents(of entry: Entry) throws -> Data {
    let stored = try bytes(entry.packed)
    let contents: Data
    switch entry.method {
    case 0: contents = Data(stored)
    case 8:
      let size = DeclaredSize(header: 0) { _ in entry.size }
      contents = try inflate(stored, as: .bare, declared: size, file: "\(file): \(entry.name)")
    default:
      throw fail("'\(entry.name)' is packed by method \(entry.method); known are 0 (stored) and 8 (deflate)")
    }
    guard contents.count == entry.size else {
      throw fail("'\(entry.name)' has \(contents.count) bytes, its directory entry says \(entry.size)")
    }
    let found = contents.withUnsafeBytes { crc32_z(0, $0.bindMemory(to: UInt8.self).baseAddress, $0.count) }
    guard Int(found) == entry.checksum else {
      throw fail("'\(entry.name)' is damaged: its checksum differs")
    }
    return contents
  }
}

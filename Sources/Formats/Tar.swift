// Owns unpacking files from tar archives (POSIX.1-2017, pax; GNU's long names), plain or gzip-compressed. Whoever wants
// files says so by their last names, so nothing in an archive can lead outside the folder or to other files.
import Foundation

/// Unpacks the plain files of an archive whose last names `isWanted`, into a folder that is there; links, folders and
/// all else are passed over. The archive is streamed. Returns the names.
public func unpackTar(_ url: URL, into folder: URL, where isWanted: (String) -> Bool) throws -> [String] {
  var reader = TarReader(stream: try UnpackingStream(url), file: url.path)
  var names: [String] = []
  var left = largestUnpacked
  while let entry = try reader.next() {
    guard let name = entry.path.split(separator: "/").last.map(String.init), entry.isPlain, name != "..",
      name != ".", isWanted(name)
    else {
      try reader.skip(entry)
      continue
    }
    guard !names.contains(name) else {
      throw FormatError(file: url.path, "tar archive: has two files called '\(name)'")
    }
    left -= entry.size
    guard left >= 0 else {
      throw FormatError(
        file: url.path, "tar archive: unpacks to more than \(largestUnpacked >> 30) GiB; unpack it first")
    }
    try reader.write(entry, to: folder.appending(path: name))
    names.append(name)
  }
  return names
}

private struct TarReader {
  let stream: UnpackingStream
  let file: String
  private var offset = 0

  init(stream: UnpackingStream, file: String) {
    self.stream = stream
    self.file = file
  }

  struct Entry {
    var path: String
    var size: Int
    var isPlain: Bool
  }

  private func fail(_ problem: String) -> FormatError { FormatError(file: file, "tar archive: \(problem)") }

  /// The next entry; nil at the end. Its data are to be written or skipped before the next.
  mutating func next() throws -> Entry? {
    var longPath: String?
    var longSize: Int?
    while true {
      guard let header = try block() else {
        if offset == 0 { throw fail("the file is empty") }
        return nil
      }
      if header.allSatisfy({ $0 == 0 }) {
        // To the end, where gzip has its checksum.
        while try block() != nil {}
        return nil
      }
      try check(header)
      var entry = Entry(
        path: path(header), size: try number(header, 124..<136, "size"),
        isPlain: [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(header[156]))
      switch header[156] {
      case UInt8(ascii: "x"):
        let records = try pax(text(of: entry))
        longPath = records["path"] ?? longPath
        longSize = records["size"].flatMap { Int($0) } ?? longSize
      case UInt8(ascii: "L"):
        longPath = String(decoding: try text(of: entry).prefix { $0 != 0 }, as: UTF8.self)
      case UInt8(ascii: "g"), UInt8(ascii: "K"): try skip(entry)
      default:
        entry.path = longPath ?? entry.path
        entry.size = longSize ?? entry.size
        guard entry.size >= 0 else { throw fail("'\(entry.path)' has a size of \(entry.size)") }
        // Links and folders have no data, whatever their size says.
        if (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(header[156]) { entry.size = 0 }
        return entry
      }
    }
  }

  mutating func skip(_ entry: Entry) throws { try data(of: entry) { _ in } }

  mutating func write(_ entry: Entry, to url: URL) throws {
    do {
      guard FileManager.default.createFile(atPath: url.path, contents: nil) else {
        throw FormatError(file: url.path, "can't be created")
      }
      let handle = try FileHandle(forWritingTo: url)
      defer { try? handle.close() }
      try data(of: entry) { try handle.write(contentsOf: $0) }
    } catch let error as FormatError {
      throw error
    } catch {
      throw FormatError(file: url.path, "can't be written: \(reason(error))")
    }
  }

  /// A block of 512 bytes; nil where the file ends.
  private mutating func block() throws -> [UInt8]? {
    var block = [UInt8](repeating: 0, count: 512)
    let n = try block.withUnsafeMutableBytes { try stream.read(into: $0) }
    guard n == 512 || n == 0 else { throw fail("ends early, after \(offset + n) bytes") }
    offset += n
    return n == 0 ? nil : block
  }

  private mutating func data(of entry: Entry, _ body: (Data) throws -> Void) throws {
    var left = (entry.size + 511) / 512 * 512
    var wanted = entry.size
    var buffer = [UInt8](repeating: 0, count: min(max(left, 512), 1 << 18))
    while left > 0 {
      let piece = min(left, buffer.count)
      let n = try buffer.withUnsafeMutableBytes { try stream.read(into: .init(rebasing: $0[..<piece])) }
      guard n == piece else {
        throw fail("ends early, \(left - n) bytes before the end of '\(entry.path)'")
      }
      try body(Data(buffer[..<min(n, wanted)]))
      wanted -= min(n, wanted)
      left -= n
      offset += n
    }
  }

  /// The data of an entry that says something of the next.
  private mutating func text(of entry: Entry) throws -> Data {
    guard entry.size <= 1 << 20 else { throw fail("a name of \(entry.size) bytes") }
    var text = Data()
    try data(of: entry) { text.append($0) }
    return text
  }

  private func check(_ header: [UInt8]) throws {
    let sum = header.enumerated().reduce(0) {
      $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element))
    }
    guard let said = try? number(header, 148..<156, "checksum"), said == sum else {
      throw fail(
        "no entry at byte \(offset - 512) (its checksum is wrong): damaged, or no tar archive (.tar, .tar.gz)"
      )
    }
  }

  /// Octal text, or from 8 GiB on binary with the top bit set.
  private func number(_ header: [UInt8], _ range: Range<Int>, _ what: String) throws -> Int {
    let bytes = header[range]
    if bytes.first! & 0x80 != 0 {
      guard bytes.dropFirst().prefix(bytes.count - 9).allSatisfy({ $0 == 0 }),
        header[range.upperBound - 8] < 128
      else { throw fail("the \(what) at byte \(offset - 512 + range.lowerBound) is too large") }
      return bytes.suffix(8).reduce(0) { $0 << 8 | Int($1) }
    }
    let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self).trimmingCharacters(in: .whitespaces)
    guard let value = text.isEmpty ? 0 : Int(text, radix: 8), value >= 0 else {
      throw fail("the \(what) at byte \(offset - 512 + range.lowerBound) is '\(text)', no octal number")
    }
    return value
  }

  private func path(_ header: [UInt8]) -> String {
    func text(_ range: Range<Int>) -> String {
      String(decoding: header[range].prefix { $0 != 0 }, as: UTF8.self)
    }
    let isPOSIX = header[257..<263].elementsEqual(Array("ustar\0".utf8))
    let prefix = isPOSIX ? text(345..<500) : ""
    return (prefix.isEmpty ? "" : prefix + "/") + text(0..<100)
  }

  /// `length key=value\n`, again and again.
  private func pax(_ text: Data) throws -> [String: String] {
    var records: [String: String] = [:]
    var rest = text[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0 != UInt8(ascii: " ") }
      guard let length = Int(String(decoding: digits, as: UTF8.self)), length > digits.count + 1,
        length <= rest.count
      else { throw fail("a damaged pax record before byte \(offset)") }
      let record = rest.prefix(length).dropFirst(digits.count + 1).dropLast()
      if let equals = record.firstIndex(of: UInt8(ascii: "=")) {
        records[String(decoding: record[..<equals], as: UTF8.self)] =
          String(decoding: record[(equals + 1)...], as: UTF8.self)
      }
      rest = rest.dropFirst(length)
    }
    return records
  }
}

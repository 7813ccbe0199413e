// Owns where two files of one format differ, in the format's own terms: the field of a JSON object, the line of a table,
// else the byte. Formats that the engine doesn't know are compared by those who do.

import Canonical
import Foundation

/// Where two contents differ first.
public struct ContentDifference: Sendable, Hashable {
  /// `tensor 'conv1.weight' [0, 3]`, `field accuracy`, `line 3`, `byte 17`.
  public var place: String
  /// What is recorded there, and what came out now.
  public var recorded: String
  public var now: String
  /// The largest absolute difference of all the numbers of that tensor, or of the one that differs.
  public var largest: Double?
  /// How much of it differs besides: `34 of 432 numbers`.
  public var extent: String?

  public init(
    _ place: String, recorded: String, now: String, largest: Double? = nil, extent: String? = nil
  ) {
    self.place = place
    self.recorded = recorded
    self.now = now
    self.largest = largest
    self.extent = extent
  }
}

/// Tells where two files of one format differ.
public struct ContentComparer: Sendable {
  /// The file name extension of such files.
  public let fileExtension: String
  /// The recorded file, and the one that came out now; nil where what differs says nothing in this format. What it
  /// throws says that one of them is no such file: then bytes are compared.
  public let difference: @Sendable (_ recorded: URL, _ now: URL) throws -> ContentDifference?

  public init(
    fileExtension: String, difference: @escaping @Sendable (URL, URL) throws -> ContentDifference?
  ) {
    self.fileExtension = fileExtension
    self.difference = difference
  }
}

extension ContentComparer {
  /// Those that the engine brings.
  static let plain = [
    ContentComparer(fileExtension: "json") { fields(try JSON(parsing: $0.text), try JSON(parsing: $1.text)) },
    ContentComparer(fileExtension: "csv") { lines(try $0.text, try $1.text) },
  ]

  /// No longer file is read as text, in bytes.
  private static let longestText = 64 << 20

  fileprivate static func text(of file: URL) throws -> [UInt8] {
    let data = try Data(contentsOf: file, options: .alwaysMapped)
    guard data.count <= longestText else { throw CocoaError(.fileReadTooLarge) }
    return Array(data)
  }

  /// The first field that differs, members in the order of their names.
  private static func fields(_ recorded: JSON, _ now: JSON, _ path: String = "") -> ContentDifference? {
    if recorded == now { return nil }
    if let before = recorded.objectValue, let after = now.objectValue {
      return Set(before.keys).union(after.keys).sorted().lazy.compactMap { name in
        fields(before[name] ?? .null, after[name] ?? .null, path.isEmpty ? name : "\(path).\(name)")
      }.first
    }
    if let before = recorded.arrayValue, let after = now.arrayValue, before.count == after.count {
      return before.indices.lazy.compactMap { fields(before[$0], after[$0], "\(path)[\($0)]") }.first
    }
    var largest: Double?
    if let a = recorded.doubleValue, let b = now.doubleValue { largest = abs(a - b) }
    return ContentDifference(
      path.isEmpty ? "the whole value" : "field \(path)", recorded: cut(recorded.canonical),
      now: cut(now.canonical), largest: largest)
  }

  private static func lines(_ recorded: [UInt8], _ now: [UInt8]) -> ContentDifference? {
    let (before, after) = (
      recorded.split(separator: 10, omittingEmptySubsequences: false),
      now.split(separator: 10, omittingEmptySubsequences: false)
    )
    func spelled(_ line: ArraySlice<UInt8>?) -> String {
      line.map { cut(String(decoding: $0, as: UTF8.self)) } ?? "the end"
    }
    for n in 0..<max(before.count, after.count) {
      let (a, b) = (n < before.count ? before[n] : nil, n < after.count ? after[n] : nil)
      if a != b { return ContentDifference("line \(n + 1)", recorded: spelled(a), now: spelled(b)) }
    }
    return nil
  }

  /// The first byte that differs.
  static func bytes(_ recorded: URL, _ now: URL) throws -> ContentDifference {
    let (before, after) = (
      try Data(contentsOf: recorded, options: .alwaysMapped),
      try Data(contentsOf: now, options: .alwaysMapped)
    )
    let common = before.withUnsafeBytes { a in
      after.withUnsafeBytes { b in zip(a, b).prefix { $0 == $1 }.count }
    }
    func spelled(_ data: Data) -> String {
      common < data.count ? "0x" + String(data[data.startIndex + common], radix: 16) : "the end"
    }
    return ContentDifference(
      "byte \(common)", recorded: spelled(before), now: spelled(after),
      extent: before.count == after.count ? nil : "\(before.count) bytes against \(after.count)")
  }

  private static func cut(_ text: String) -> String { text.count <= 60 ? text : text.prefix(59) + "…" }
}

extension URL {
  fileprivate var text: [UInt8] { get throws { try ContentComparer.text(of: self) } }
}

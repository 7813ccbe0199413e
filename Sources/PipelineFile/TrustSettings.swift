// Owns `trust:` in `bobbin.yaml`: the keys whose results a project takes from remotes, read and added to.

import ContentStore
import Foundation
import Workflow

/// A key that a project trusts, and whose it is.
public struct TrustedKey: Sendable, Hashable {
  public var key: PublicKey
  public var name: String?

  public init(_ key: PublicKey, name: String?) { (self.key, self.name) = (key, name) }

  /// As it stands in the list: `ed25519:… anna`.
  public var text: String { "\(key)" + (name.map { " " + $0 } ?? "") }
}

extension Settings {
  /// `trust: [ed25519:… anna, …]`. An empty one, or one whose lines are all comments, trusts nobody.
  static func trust(_ keys: Keys) throws -> [TrustedKey] {
    let trusted = try keys.list("trust").map { raw in
      guard case .scalar(let text, _, let place) = raw else {
        throw DecodingIssue(
          raw.place, "trust: expected a public key such as `bobbin key new` prints, found \(raw.found)")
      }
      let words = text.split(separator: " ")
      guard (1...2).contains(words.count), let key = PublicKey(words[0]) else {
        throw DecodingIssue(
          place, "trust: expected ed25519:, 44 letters and digits and perhaps a name, found \(raw.found)")
      }
      return (TrustedKey(key, name: words.count > 1 ? String(words[1]) : nil), place)
    }
    var seen = Set<PublicKey>()
    for (trusted, place) in trusted where !seen.insert(trusted.key).inserted {
      throw DecodingIssue(place, "trust: a key is written twice")
    }
    return trusted.map(\.0)
  }

  /// Adds a key to the list of the project at `root`; the rest of the file stays as it is. False where it stands there.
  /// - Throws: `PipelineFileError`, also where the list is written in a way that nothing can be added to by itself.
  public static func addTrusted(_ trusted: TrustedKey, root: URL) throws -> Bool {
    let before = try load(root: root)
    if before.trust?.contains(where: { $0.key == trusted.key }) ?? false { return false }
    let url = root.appendingPathComponent(fileName)
    let text =
      FileManager.default.fileExists(atPath: url.path) ? try Reading.text(of: url, named: fileName) : ""
    let edited = adding(trusted.text, to: text)
    var wanted = before
    wanted.trust = (before.trust ?? []) + [trusted]
    guard let found = try? Settings(text: edited), Set(found.trust ?? []) == Set(wanted.trust!) else {
      throw PipelineFileError(
        Place(file: fileName, line: 0, column: 0),
        "its trust: is written in a way that can't be added to from here; add to the list: \(trusted.text)")
    }
    do { try edited.write(to: url, atomically: true, encoding: .utf8) } catch {
      throw PipelineFileError(
        Place(file: fileName, line: 0, column: 0),
        "can't be written: \((error as NSError).localizedDescription)")
    }
    return true
  }

  /// The text with one item more: below the last one of a list in lines, at the end of one in brackets, or in a list of
  /// its own at the end.
  private static func adding(_ item: String, to text: String) -> String {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let start = lines.firstIndex(where: { $0.hasPrefix("trust:") }) else {
      let ends = text.isEmpty || text.hasSuffix("\n")
      return text + (ends ? "" : "\n") + "trust:\n  - \(item)\n"
    }
    if let end = lines[start].lastIndex(of: "]"), let begin = lines[start].firstIndex(of: "[") {
      let isEmpty = lines[start][lines[start].index(after: begin)..<end].allSatisfy { $0 == " " }
      lines[start].insert(contentsOf: (isEmpty ? "" : ", ") + item, at: end)
      return lines.joined(separator: "\n")
    }
    var last = start
    var indent = "  "
    for (i, line) in lines.enumerated().dropFirst(start + 1) {
      let rest = line.drop { $0 == " " }
      if rest.hasPrefix("- ") {
        last = i
        indent = String(line.prefix(line.count - rest.count))
      } else if !rest.isEmpty, !rest.hasPrefix("#") {
        break
      }
    }
    lines.insert("\(indent)- \(item)", at: last + 1)
    if last + 2 == lines.count { lines.append("") }
    return lines.joined(separator: "\n")
  }
}

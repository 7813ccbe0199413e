// Owns how remotes are named in files: `remote:` in the pipeline file, `remotes:` in bobbin.yaml and in the user's own
// settings, and which of them a command uses, in which order.

import Foundation
import Workflow

/// Whether something may be put on a remote.
public enum RemoteAccess: String, CaseIterable, Sendable {
  case readWrite = "read-write"
  case readOnly = "read-only"
}

/// A remote as somebody wrote it.
public struct RemoteSetting: Sendable, Hashable {
  /// What others call it; nil: nothing.
  public var name: String?
  /// A path or a URL, or the name of a remote that stands elsewhere.
  public var url: String
  public var access: RemoteAccess

  public init(name: String? = nil, url: String, access: RemoteAccess = .readWrite) {
    (self.name, self.url, self.access) = (name, url, access)
  }
}

/// A remote that a command uses.
public struct ChosenRemote: Sendable, Hashable {
  public var setting: RemoteSetting
  /// What its path counts from.
  public var base: URL

  public init(_ setting: RemoteSetting, base: URL) { (self.setting, self.base) = (setting, base) }

  /// - Parameters:
  ///   - asked: what `--remote` says, each a name or a place, relative to `here`; if anything, that alone counts.
  ///   - lists: the remotes of the pipeline file, of its project and of the user, in this order, with what their paths
  ///     count from. All are used, in this order; of those with one name or place, the first.
  /// - Throws: `DecodingIssue`.
  public static func all(
    asked: [String], here: URL, lists: [(remotes: [RemoteSetting], base: URL)]
  ) throws -> [ChosenRemote] {
    let written = lists.flatMap { list in list.remotes.map { ChosenRemote($0, base: list.base) } }
    let named = Dictionary(
      written.compactMap { chosen in chosen.setting.name.map { ($0, chosen) } }
    ) { first, _ in first }
    guard asked.isEmpty else {
      return try asked.map { place in
        if let chosen = named[place] { return chosen }
        let isWord = !place.contains("/")
        if isWord, !FileManager.default.fileExists(atPath: here.appending(path: place).path),
          let near = nearestName(to: place, in: named.keys)
        {
          throw DecodingIssue(
            .nowhere, "--remote: there is no remote '\(place)'\(didYouMean([near])) A folder is ./\(place)")
        }
        return ChosenRemote(RemoteSetting(url: place), base: here)
      }
    }
    var chosen: [ChosenRemote] = []
    var places = Set<String>()
    var names = Set<String>()
    for entry in written {
      let meant = entry.setting.name == nil ? named[entry.setting.url] ?? entry : entry
      if let name = meant.setting.name, !names.insert(name).inserted { continue }
      let isPlace = meant.setting.url.contains("://") || meant.setting.url.hasPrefix("/")
      let place =
        isPlace ? meant.setting.url : meant.base.appending(path: meant.setting.url).standardizedFileURL.path
      if places.insert(place).inserted { chosen.append(meant) }
    }
    return chosen
  }
}

extension RemoteSetting {
  /// Reads a list of remotes, or one alone.
  /// - Parameters:
  ///   - key: the key that they stand under, for messages.
  ///   - home: what `~/` means, where paths have to be absolute; nil where they count from the project's root.
  static func list(_ raw: RawValue, _ key: String, home: String?? = nil) throws -> [RemoteSetting] {
    let values: [RawValue]
    if case .list(let listed, _) = raw { values = listed } else { values = [raw] }
    var names = Set<String>()
    return try values.map { raw in
      var (setting, place) = try one(raw, key)
      if let name = setting.name, !names.insert(name).inserted {
        throw DecodingIssue(raw.place, "\(key): '\(name)' is written twice")
      }
      if let home, !setting.url.contains("://"), !setting.url.hasPrefix("/") {
        guard setting.url.hasPrefix("~/"), let home else {
          throw DecodingIssue(
            place, "\(key): '\(setting.url)' counts from nowhere here; write a URL, /… or ~/…")
        }
        setting.url = home + setting.url.dropFirst(1)
      }
      return setting
    }
  }

  private static func one(_ raw: RawValue, _ key: String) throws -> (RemoteSetting, Place) {
    switch raw {
    case .scalar(let text, _, let place) where !text.isEmpty: return (RemoteSetting(url: text), place)
    case .map(let members, let place):
      let keys = try Keys(members, known: ["name", "url", "access"])
      guard let url = keys["url"] else {
        throw DecodingIssue(place, "\(key): 'url' is missing: a folder or URL")
      }
      guard case .scalar(let text, _, let urlPlace) = url, !text.isEmpty else {
        throw DecodingIssue(url.place, "\(key): url: expected a folder or URL, found \(url.found)")
      }
      return (
        RemoteSetting(name: try name(keys["name"], key), url: text, access: try access(keys["access"], key)),
        urlPlace
      )
    default:
      throw DecodingIssue(
        raw.place, "\(key): expected a folder, a URL or { name, url, access }, found \(raw.found)")
    }
  }

  private static func name(_ raw: RawValue?, _ key: String) throws -> String? {
    guard let raw else { return nil }
    guard case .scalar(let name, _, _) = raw, name.wholeMatch(of: /[A-Za-z][A-Za-z0-9_-]*/) != nil else {
      throw DecodingIssue(
        raw.place, "\(key): name: expected a letter and then letters, digits, - and _, found \(raw.found)")
    }
    return name
  }

  private static func access(_ raw: RawValue?, _ key: String) throws -> RemoteAccess {
    guard let raw else { return .readWrite }
    let known = RemoteAccess.allCases.map(\.rawValue)
    guard case .scalar(let text, _, _) = raw, let access = RemoteAccess(rawValue: text) else {
      throw DecodingIssue(
        raw.place, "\(key): access: expected \(known.joined(separator: " or ")), found \(raw.found)")
    }
    return access
  }
}

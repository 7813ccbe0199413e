// Owns `settings.yaml` in the user's own folder: what holds for all of somebody's projects on a machine.

import Foundation
import Workflow

/// A user's settings.
public struct UserSettings: Sendable, Hashable {
  /// Where results are shared, after what pipeline files and projects say.
  public var remotes: [RemoteSetting]
  /// The name of the key that signs what is pushed. Nil: the only one.
  public var key: String?

  public init(remotes: [RemoteSetting] = [], key: String? = nil) {
    (self.remotes, self.key) = (remotes, key)
  }

  /// `bobbin` under `XDG_CONFIG_HOME` or `~/.config`; nil where neither that nor `HOME` is set.
  public static func folder(environment: [String: String]) -> String? {
    let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 + "/.config" }
    return (environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? home).map {
      $0 + "/bobbin"
    }
  }

  /// The name of the file.
  public static let fileName = "settings.yaml"

  /// The settings of whoever has this environment; the defaults where there is no file, or an empty one.
  /// - Throws: `PipelineFileError`, with places.
  public static func load(environment: [String: String]) throws -> UserSettings {
    guard let folder = folder(environment: environment) else { return UserSettings() }
    let path = "\(folder)/\(fileName)"
    guard FileManager.default.fileExists(atPath: path) else { return UserSettings() }
    let text = try Reading.text(of: URL(fileURLWithPath: path), named: path)
    guard let raw = try Reading.value(in: text, named: path) else { return UserSettings() }
    do { return try UserSettings(raw, home: environment["HOME"]) } catch let issue as DecodingIssue {
      throw PipelineFileError([issue])
    }
  }

  private init(_ raw: RawValue, home: String?) throws {
    if case .null = raw {
      self.init()
      return
    }
    guard case .map(let members, _) = raw else {
      throw DecodingIssue(raw.place, "expected a map with remotes and key, found \(raw.found)")
    }
    let keys = try Keys(members, known: ["remotes", "key"])
    var key: String?
    if let raw = keys["key"] {
      guard case .scalar(let text, _, _) = raw, !text.isEmpty else {
        throw DecodingIssue(raw.place, "key: expected the name of a key, found \(raw.found)")
      }
      key = text
    }
    self.init(
      remotes: try keys["remotes"].map { try RemoteSetting.list($0, "remotes", home: .some(home)) } ?? [],
      key: key)
  }
}

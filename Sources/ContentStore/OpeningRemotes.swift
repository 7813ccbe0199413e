// Owns the way from a place, as somebody writes it, to the remote there, and how such a place is shown.

import Canonical
import Foundation
import GRDB

/// A sort of remote: how it is written, and how to open one. Another sort is one more file, and a line in the list that
/// the program passes.
public struct RemoteKind: Sendable {
  /// The URL's scheme; plain paths have `file`.
  public let scheme: String
  public let open: @Sendable (RemoteAddress) throws -> any Remote

  public init(scheme: String, open: @escaping @Sendable (RemoteAddress) throws -> any Remote) {
    (self.scheme, self.open) = (scheme, open)
  }

  /// The sort that needs no network.
  public static let directory = RemoteKind(scheme: "file") {
    try DirectoryRemote(at: $0.url, isKnown: $0.isKnown)
  }
}

/// Where a remote is, and what is known of it here.
public struct RemoteAddress {
  /// Perhaps with user and password.
  public var url: URL
  /// What the project calls it; nil: nothing.
  public var name: String?
  /// The environment variables that may hold credentials.
  public var environment: [String: String]
  /// Says of a remote's description whether it was used before: then nothing is made in its place.
  public var isKnown: (String) throws -> Bool

  public init(
    _ url: URL, name: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment,
    isKnown: @escaping (String) throws -> Bool = { _ in false }
  ) {
    (self.url, self.name, self.environment, self.isKnown) = (url, name, environment, isKnown)
  }

  /// A place as it may be shown: a URL's password isn't.
  public static func shown(_ place: String) -> String {
    guard let scheme = place.range(of: "://") else { return place }
    let rest = place[scheme.upperBound...]
    // The last one: whoever forgot to escape an @ in his password has it hidden too.
    guard let at = rest.prefix(while: { $0 != "/" && $0 != "?" && $0 != "#" }).lastIndex(of: "@"),
      let colon = rest[..<at].firstIndex(of: ":")
    else { return place }
    return place[..<colon] + ":***" + place[at...]
  }
}

extension Store {
  /// Opens a remote, given as a path (relative to `base`) or a URL. One that this store has used before must still be
  /// there: an empty folder in its place is a filesystem that isn't mounted.
  /// - Parameters:
  ///   - name: what the project calls it.
  ///   - kinds: the sorts that there are.
  /// - Throws: `.remoteAbsent`.
  public func openRemote(
    _ place: String, relativeTo base: URL, name: String? = nil, kinds: [RemoteKind] = [.directory]
  ) throws -> any Remote {
    let known = try reading { db in
      let rows = try Row.fetchAll(db, sql: "SELECT place, identity FROM remotes")
      return Dictionary(rows.map { ($0[0] as String, $0[1] as String) }) { first, _ in first }
    }
    let remote = try ContentStore.openRemote(place, relativeTo: base, name: name, kinds: kinds) {
      known[$0] != nil
    }
    if let identity = remote.identity, known[remote.description] != identity, !isReadOnly {
      try writing {
        try $0.execute(
          sql: "INSERT OR REPLACE INTO remotes (place, identity, time) VALUES (?, ?, ?)",
          arguments: [remote.description, identity, Store.now])
      }
    }
    return remote
  }
}

/// Opens a remote, given as a path (relative to `base`) or a URL.
public func openRemote(
  _ place: String, relativeTo base: URL, name: String? = nil, kinds: [RemoteKind] = [.directory],
  isKnown: @escaping (String) throws -> Bool = { _ in false }
) throws -> any Remote {
  guard !place.isEmpty else { throw StoreError.remote(name: "''", reason: "the path is empty") }
  let shown = RemoteAddress.shown(place)
  let scheme: String
  let url: URL
  if let end = place.range(of: "://") {
    scheme = place[..<end.lowerBound].lowercased()
    guard let parsed = URL(string: place) else {
      throw StoreError.remote(name: shown, reason: "not a URL; write spaces and the like as %20")
    }
    url = parsed
  } else {
    scheme = "file"
    let path = place.hasPrefix("/") ? place : base.path + "/" + place
    url = URL(fileURLWithPath: path).standardizedFileURL
  }
  guard let kind = kinds.first(where: { $0.scheme == scheme }) else {
    throw StoreError.remote(
      name: shown,
      reason: "there is no remote of the sort '\(scheme)'; there are "
        + kinds.map { "\($0.scheme)://…" }.joined(separator: ", ") + " and plain paths of directories")
  }
  return try kind.open(RemoteAddress(url, name: name, isKnown: isKnown))
}

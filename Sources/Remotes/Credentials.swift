// Owns whom a remote is asked as, whom it is believed to be, and what a refusal says about either. Nothing here is ever
// printed but names: of users, of variables, of files.

import ContentStore
import Foundation

/// What a server is told of who asks, and where that was said.
package struct Credentials: Sendable {
  package var authorisation = Authorisation.none
  /// The variable that has the token, or would have it.
  var variable = "BOBBIN_REMOTE_TOKEN"

  /// Those in a URL, else a bearer token: from `BOBBIN_REMOTE_TOKEN_<NAME>` for a remote with a name, or
  /// `BOBBIN_REMOTE_TOKEN`.
  /// - Throws: `.remote` for a token that no header can hold.
  package init(_ address: RemoteAddress) throws {
    if let user = address.url.user(percentEncoded: false), !user.isEmpty {
      authorisation = .basic(user: user, password: address.url.password(percentEncoded: false) ?? "")
      return
    }
    if let name = address.name { variable += "_" + Credentials.variablePart(name) }
    for candidate in Set([variable, "BOBBIN_REMOTE_TOKEN"]).sorted(by: { $0.count > $1.count }) {
      let token = address.environment[candidate]?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
      if token.isEmpty { continue }
      guard token.utf8.allSatisfy({ 0x21...0x7e ~= $0 }) else {
        throw StoreError.remote(
          name: RemoteAddress.shown(address.url.absoluteString),
          reason: "\(candidate) holds what is no token: spaces, or what isn't ASCII")
      }
      (authorisation, variable) = (.bearer(token), candidate)
      return
    }
  }

  /// `team-cache` becomes `TEAM_CACHE`.
  private static func variablePart(_ name: String) -> String {
    String(name.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
  }

  /// What to do about status 401.
  var cure: String {
    switch authorisation {
    case .none: "set \(variable), or write user:password@ before the host"
    case .basic(let user, _): "the password of '\(user)' in the URL is wrong, or another user's is needed"
    case .bearer: "the token in \(variable) is wrong, or has expired"
    }
  }
}

/// The certificates that are believed beside the system's.
package enum Certificates {
  /// The variables that may name a file of them, the first first.
  private static let variables = ["BOBBIN_CA_FILE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"]

  /// The file of a private authority's; nil: none is named.
  /// - Throws: `.remote` when it can't be read.
  static func file(_ address: RemoteAddress) throws -> String? {
    for variable in variables {
      guard let path = address.environment[variable], !path.isEmpty else { continue }
      guard access(path, R_OK) == 0 else {
        throw StoreError.remote(
          name: RemoteAddress.shown(address.url.absoluteString),
          reason: "\(variable) names \(path), which can't be read (\(String(cString: strerror(errno))))")
      }
      return path
    }
    return nil
  }

  static let cure = "for an authority of your own, let BOBBIN_CA_FILE name its certificate (PEM)"
}

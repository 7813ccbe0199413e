// Owns where the settings of S3's clients are found: variables, and the files in `~/.aws` that other tools write. Who
// logs in by other means (single sign-on, a machine's role) has a command that prints variables.

import ContentStore
import Foundation

/// Who asks an S3 service, and where it is.
package struct AWSSettings: Sendable {
  package var key: Signature.Key
  package var region: String
  /// nil: AWS itself.
  package var endpoint: URL?
  /// Where the key was found, for who has to mend it.
  var keySource: String

  /// What the URL's `?endpoint=…&region=…` say goes before variables, and these before files.
  /// - Throws: `.remote`.
  package init(_ address: RemoteAddress) throws {
    let shown = RemoteAddress.shown(address.url.absoluteString)
    func problem(_ reason: String) -> StoreError { .remote(name: shown, reason: reason) }
    let environment = address.environment.filter { !$0.value.isEmpty }
    var asked: [String: String] = [:]
    for item in URLComponents(url: address.url, resolvingAgainstBaseURL: false)?.queryItems ?? [] {
      guard ["endpoint", "region"].contains(item.name), let value = item.value, !value.isEmpty else {
        throw problem("'?\(item.name)' isn't known; there are ?endpoint=https://… and ?region=…")
      }
      asked[item.name] = value
    }
    let home = environment["HOME"] ?? NSHomeDirectory()
    let files = (
      config: environment["AWS_CONFIG_FILE"] ?? home + "/.aws/config",
      keys: environment["AWS_SHARED_CREDENTIALS_FILE"] ?? home + "/.aws/credentials"
    )
    let profile = environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"] ?? "default"
    let config = try AWSSettings.profiles(files.config, problem)
    let configured = config[profile == "default" ? profile : "profile \(profile)"] ?? [:]

    region =
      asked["region"] ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? configured[
        "region"]
      ?? "us-east-1"
    let place =
      asked["endpoint"] ?? environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"]
      ?? configured["endpoint_url"]
    endpoint = try place.map {
      guard let url = URL(string: $0), ["http", "https"].contains(url.scheme?.lowercased()), url.host != nil,
        url.query == nil, url.user == nil
      else { throw problem("its endpoint '\(RemoteAddress.shown($0))' is no https://host") }
      return url
    }

    if let id = address.url.user(percentEncoded: false), !id.isEmpty {
      key = .init(id: id, secret: address.url.password(percentEncoded: false) ?? "")
      keySource = "the URL"
    } else if let id = environment["AWS_ACCESS_KEY_ID"], let secret = environment["AWS_SECRET_ACCESS_KEY"] {
      key = .init(id: id, secret: secret, token: environment["AWS_SESSION_TOKEN"])
      keySource = "AWS_ACCESS_KEY_ID"
    } else {
      let keys = try AWSSettings.profiles(files.keys, problem)
      let found = [(keys[profile] ?? [:], files.keys), (configured, files.config)].lazy.compactMap {
        values, file -> (Signature.Key, String)? in
        guard let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] else {
          return nil
        }
        return (.init(id: id, secret: secret, token: values["aws_session_token"]), file)
      }.first
      guard let found else {
        throw problem(
          "no key to sign with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or have the profile "
            + "'\(profile)' in \(files.keys). After `aws sso login`: eval \"$(aws configure export-credentials "
            + "--format env)\"")
      }
      (key, keySource) = (found.0, "the profile '\(profile)' in \(found.1)")
    }
    guard
      [key.id, key.secret, key.token ?? "", region].allSatisfy({ $0.utf8.allSatisfy { 0x21...0x7e ~= $0 } })
    else { throw problem("the key or region of \(keySource) has spaces or what isn't ASCII") }
  }

  /// Section → name → value of a file such as `~/.aws/config`; empty where there is none.
  private static func profiles(
    _ path: String, _ problem: (String) -> StoreError
  ) throws -> [String: [String: String]] {
    guard access(path, F_OK) == 0 else { return [:] }
    let text: String
    do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
      throw problem("\(path) can't be read")
    }
    var sections: [String: [String: String]] = [:]
    var section = ""
    for line in text.split(whereSeparator: \.isNewline) {
      let trimmed = line.trimmingCharacters(in: .whitespaces)
      if trimmed.isEmpty || trimmed.hasPrefix("#") || trimmed.hasPrefix(";") { continue }
      if trimmed.hasPrefix("["), trimmed.hasSuffix("]") {
        section = trimmed.dropFirst().dropLast().split(separator: " ").joined(separator: " ")
      } else if !line.first!.isWhitespace, let equals = trimmed.firstIndex(of: "=") {
        // What is indented belongs to a setting above, such as `s3 =`.
        let name = trimmed[..<equals].trimmingCharacters(in: .whitespaces).lowercased()
        let value = trimmed[trimmed.index(after: equals)...].trimmingCharacters(in: .whitespaces)
        sections[section, default: [:]][name] = value
      }
    }
    return sections
  }
}

// Owns how a host is reached by SSH, as far as libcurl knows: which keys may log in, and where the host's own key is known.

import ContentStore
import Foundation

/// Who logs in by SSH, and which hosts are believed.
package struct SSHSettings: Sendable {
  package var user: String
  var password: String?
  /// Files of private keys, in the order in which they are tried.
  package var keys: [String]
  /// The file of known hosts.
  package var knownHosts: String
  /// Whether there is an agent to ask.
  package var hasAgent: Bool

  /// What the URL's `?key=…&known_hosts=…` say goes before `BOBBIN_SSH_KEY` and `BOBBIN_KNOWN_HOSTS`, and these before
  /// what is in `~/.ssh`.
  /// - Throws: `.remote`.
  package init(_ address: RemoteAddress) throws {
    let shown = RemoteAddress.shown(address.url.absoluteString)
    func problem(_ reason: String) -> StoreError { .remote(name: shown, reason: reason) }
    let environment = address.environment.filter { !$0.value.isEmpty }
    var asked: [String: String] = [:]
    for item in URLComponents(url: address.url, resolvingAgainstBaseURL: false)?.queryItems ?? [] {
      guard ["key", "known_hosts"].contains(item.name), let value = item.value, !value.isEmpty else {
        throw problem("'?\(item.name)' isn't known; there are ?key=FILE and ?known_hosts=FILE")
      }
      asked[item.name] = value
    }
    let folder = (environment["HOME"] ?? NSHomeDirectory()) + "/.ssh"
    user = address.url.user(percentEncoded: false) ?? environment["USER"] ?? NSUserName()
    password = address.url.password(percentEncoded: false)
    hasAgent = environment["SSH_AUTH_SOCK"] != nil

    if let key = asked["key"] ?? environment["BOBBIN_SSH_KEY"] {
      guard access(key, R_OK) == 0 else {
        throw problem("the SSH key \(key) can't be read (\(String(cString: strerror(errno))))")
      }
      keys = [key]
      hasAgent = false
    } else {
      keys = ["id_ed25519", "id_ecdsa", "id_rsa"].map { "\(folder)/\($0)" }.filter { access($0, R_OK) == 0 }
    }
    knownHosts = asked["known_hosts"] ?? environment["BOBBIN_KNOWN_HOSTS"] ?? folder + "/known_hosts"
  }

  /// What to do where nobody lets us in.
  package var cure: String {
    let tried = keys.map { ($0 as NSString).lastPathComponent } + (hasAgent ? ["the agent's"] : [])
    return
      (tried.isEmpty ? "there is no key in ~/.ssh and no agent" : "tried: " + tried.joined(separator: ", "))
      + ". Let BOBBIN_SSH_KEY name a key without a passphrase that the host knows, or add yours to an agent: ssh-add"
  }
}

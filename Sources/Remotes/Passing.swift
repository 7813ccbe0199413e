// Owns what network remotes throw inside this module: a failure of which it is known whether it may pass. Outside,
// `RetryingRemote` has made it a `StoreError`.

import CCurl
import ContentStore

/// A remote's failure that another try may do better than.
package struct Passing: Error {
  package var error: StoreError
  /// Seconds after which the server wants to be asked again; nil: it doesn't say.
  var after: Double?
}

extension Failure {
  /// What it is to who asked for a record or a blob.
  func thrown(by name: String) -> any Error {
    switch sort {
    case .own: cause ?? StoreError.remote(name: name, reason: reason)
    case .away: StoreError.remoteAbsent(name: name, reason: reason)
    case .passing: Passing(error: .remote(name: name, reason: reason))
    case .refused:
      StoreError.remote(
        name: name,
        reason: reason + (code == CURLE_PEER_FAILED_VERIFICATION ? "; \(Certificates.cure)" : ""))
    }
  }
}

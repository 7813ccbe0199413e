// Owns where an instance's log lies in a store.

import Canonical
import ContentStore
import Foundation

extension Graph {
  /// The file with what instance `name` printed when it last ran here.
  public func log(of name: String, in store: URL) -> URL {
    let folder = Digest.of("\(project)\n\(file)".utf8).hex.prefix(16)
    let log = Digest.of(name.utf8).hex.prefix(32)
    return store.appendingPathComponent("logs/\(folder)/\(log).log")
  }
}

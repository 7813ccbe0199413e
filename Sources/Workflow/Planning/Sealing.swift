// Owns what stands for all that a run has to say when everything has a result: each instance with its key.

import Canonical

extension Graph {
  /// A digest of the names and keys of these instances; nil unless all keys are known.
  func seal(_ scope: Scope, keys: [Digest?]) -> Digest? {
    var hasher = Hasher256()
    var text: [UInt8] = Array("\(scope.count) of \(instances.count)\n".utf8)
    for i in scope {
      guard let key = keys[i] else { return nil }
      text += instances[i].name.utf8
      text.append(UInt8(ascii: "\n"))
      key.withBytes { text.append(contentsOf: $0) }
      if text.count > 1 << 16 {
        text.withUnsafeBytes { hasher.update($0) }
        text.removeAll(keepingCapacity: true)
      }
    }
    text.withUnsafeBytes { hasher.update($0) }
    return hasher.finish()
  }
}

// Owns what a run has to say besides what becomes of its instances: warnings, and failures of the store or a remote.

import Synchronization

/// Warnings and failures so far.
struct Problems {
  /// Everything that was warned of.
  private(set) var warnings: [String] = []
  /// Failures of the store or a remote: they are in the exit status.
  private(set) var ofStore: [String] = []
  private var unsaid: [String] = []
  /// Where other threads leave warnings.
  let mailbox = Notices()

  mutating func warn(_ message: String) {
    warnings.append(message)
    unsaid.append(message)
  }

  mutating func fault(_ message: String) {
    ofStore.append(message)
    warn(message)
  }

  /// Takes what other threads left.
  mutating func collect() {
    for message in mailbox.take() { warn(message) }
  }

  mutating func takeUnsaid() -> [String] {
    defer { unsaid = [] }
    return unsaid
  }
}

/// Messages from other threads.
final class Notices: Sendable {
  private let messages = Mutex<[String]>([])

  func put(_ message: String) { messages.withLock { $0.append(message) } }

  func take() -> [String] {
    messages.withLock { messages in
      defer { messages = [] }
      return messages
    }
  }
}

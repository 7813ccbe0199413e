// Owns keeping the values of secret variables out of what people read: messages, progress, logs. It knows values as they
// are, not what a program makes of them (base64, say).

import Foundation
import Workflow

/// Puts `***` where a secret stands.
struct Secrecy: Sendable {
  /// The longest first: one may be a part of another.
  private let values: [Data]

  /// Shorter values aren't looked for: `***` would stand everywhere, and say what they are.
  private static let shortest = 4

  init(_ members: [JobMember]) {
    var found: Set<String> = []
    for member in members {
      for name in member.secrets {
        guard let value = member.environment[name] else { continue }
        // A log shows the lines of a key in a file of its own one by one.
        found.insert(value)
        found.formUnion(value.split(whereSeparator: \.isNewline).map(String.init))
      }
    }
    values = found.map { Data($0.utf8) }.filter { $0.count >= Secrecy.shortest }
      .sorted { $0.count != $1.count ? $0.count > $1.count : $0.lexicographicallyPrecedes($1) }
  }

  func hidden(_ text: String) -> String {
    if values.isEmpty { return text }
    return hidden(Data(text.utf8)).map { String(decoding: $0, as: UTF8.self) } ?? text
  }

  func hidden(_ progress: Progress) -> Progress {
    if values.isEmpty { return progress }
    return Progress(
      fraction: progress.fraction, detail: progress.detail.map { (hidden($0.name), hidden($0.value)) })
  }

  /// Takes the secrets out of a log to which nobody writes now.
  func clean(log: String) {
    if values.isEmpty { return }
    // What isn't a file of its own holds nothing of ours. In its place: the log stays open for what comes after.
    let file = open(log, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else { return }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      let text = try? FileHandle(fileDescriptor: file, closeOnDealloc: false).readToEnd(),
      let clean = hidden(text)
    else { return }
    _ = clean.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let n = pwrite(file, bytes.baseAddress! + done, bytes.count - done, off_t(done))
        guard n > 0 else { break }
        done += n
      }
      // What couldn't be written is better lost than read.
      return ftruncate(file, off_t(done))
    }
  }

  /// Nil when nothing is to be hidden.
  private func hidden(_ text: Data) -> Data? {
    var text = text
    var isChanged = false
    for value in values {
      var from = text.startIndex
      while let found = text.range(of: value, in: from..<text.endIndex) {
        text.replaceSubrange(found, with: Data("***".utf8))
        from = found.lowerBound + 3
        isChanged = true
      }
    }
    return isChanged ? text : nil
  }
}

// Owns writing to standard output and standard error; nothing else in the program does. What a command was asked for
// goes to the one, and losing it is an error. What it says on the way goes to the other, and losing that is none.

import Foundation
import Synchronization

/// Standard output could not take everything.
public struct OutputLost: Error, CustomStringConvertible, Sendable {
  let code: Int32

  /// Whether it was a pipe whose reader has closed its end.
  public var isReaderGone: Bool { code == EPIPE }

  public var description: String { "standard output can't be written: \(String(cString: strerror(code)))" }
}

/// What a command was asked for.
public enum StandardOutput {
  /// Writes all of it. On a terminal everything but line breaks and tabs that it would act on is spelled out.
  /// - Throws: `OutputLost`.
  public static func write(_ text: String) throws {
    try write(Array((isTerminal ? legible(lines: text) : text).utf8))
  }

  /// Writes the content of a file as it is; to a terminal, as `write` does.
  /// - Throws: `OutputLost`, and what reading throws.
  public static func write(contentOf file: URL) throws {
    let input = try FileHandle(forReadingFrom: file)
    defer { try? input.close() }
    while let chunk = try input.read(upToCount: 1 << 20), !chunk.isEmpty {
      // A character that is cut in two is not worth more than its two halves, spelled as what can't be read.
      try isTerminal ? write(String(decoding: chunk, as: UTF8.self)) : write(Array(chunk))
    }
  }

  /// Writes bytes as they are; to a terminal, as text.
  /// - Throws: `OutputLost`.
  public static func write(content: [UInt8]) throws {
    try isTerminal ? write(String(decoding: content, as: UTF8.self)) : write(content)
  }

  private static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  private static func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let n = Glibc.write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if n >= 0 {
          rest = rest.dropFirst(n)
        } else if errno == EAGAIN {
          var output = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
          _ = poll(&output, 1, -1)
        } else if errno != EINTR {
          throw OutputLost(code: errno)
        }
      }
    }
  }
}

/// What a command says on the way.
public enum StandardError {
  /// How long a reader that doesn't read may hold the program up, in milliseconds, before it is not waited for any
  /// more until it reads again.
  private static let patience: Int32 = 1000
  private static let isStuck = Atomic(false)

  /// Writes as much as can be written, and drops the rest: a full disk, a closed pipe or a reader that has stopped
  /// is no reason to end what runs.
  public static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      var output = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
      let ready = poll(&output, 1, isStuck.load(ordering: .relaxed) ? 0 : patience)
      if ready < 0, errno == EINTR { continue }
      isStuck.store(ready == 0, ordering: .relaxed)
      guard ready > 0 else { return }
      // A pipe that is ready takes so many without making us wait.
      let n = rest.prefix(Int(PIPE_BUF)).withUnsafeBytes {
        Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count)
      }
      if n < 0, errno == EINTR || errno == EAGAIN { continue }
      guard n > 0 else { return }
      rest = rest.dropFirst(n)
    }
  }
}

// Owns downloading one file whose SHA-256 is known: resumed where an earlier attempt, or an earlier process, left off,
// and believed for its digest alone. It doesn't know what the file is, nor who wants it.

import CCurl
import Canonical
import Foundation

/// One file to be downloaded.
public struct Download: Sendable {
  public let url: String
  /// SHA-256 of the whole file.
  public let digest: Digest
  /// How long nothing may arrive before an attempt is given up, in seconds.
  public var stall = 60
  /// How many attempts in a row may bring nothing before it is an error.
  public var attempts = 4
  /// The pause before the second such attempt, in seconds; it doubles each time.
  public var pause = 1.0

  public init(_ url: String, digest: Digest) {
    self.url = url
    self.digest = digest
  }

  /// How far it is.
  public struct Progress: Sendable {
    /// Bytes that are there, those of earlier attempts included.
    public var received: Int
    /// nil: the server doesn't say.
    public var total: Int?
    /// Bytes a second since this process began.
    public var rate: Double
    /// Seconds; nil where that isn't known.
    public var left: Double? {
      guard let total, rate > 0 else { return nil }
      return Double(total - received) / rate
    }
  }

  /// What is wrong with an address, before anything is asked of it; nil: nothing.
  public static func problem(with url: String) -> String? {
    let scheme = url.range(of: "://").map { url[..<$0.lowerBound].lowercased() }
    guard let scheme else { return "'\(url)' is no address; write https://…" }
    guard scheme == "https" || scheme == "http" else {
      return "'\(scheme)' isn't a protocol that is taken; write https:// or http://"
    }
    guard let host = URL(string: url)?.host, !host.isEmpty else { return "'\(url)' names no host" }
    return nil
  }

  /// Downloads into a file, which may have a beginning already; afterwards it is whole. What arrived stays there when
  /// this throws or the process is killed, unless it was wrong. One process at a time writes it; others wait.
  public func fetch(into file: URL, progress: @escaping (Progress) -> Void = { _ in }) throws {
    if let problem = Download.problem(with: url) { throw DownloadError(problem) }
    let partial = try PartialFile(file)
    if partial.size > 0, try partial.digest() == digest { return }
    let began = DispatchTime.now().uptimeNanoseconds
    let present = partial.size
    var hasStartedAgain = present == 0
    var fruitless = 0
    while true {
      let before = partial.size
      let result = Transfer(self, into: partial) { received, total in
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
        let rate = seconds > 0 ? Double(max(0, received - present)) / seconds : 0
        progress(Progress(received: received, total: total, rate: rate))
      }.run()
      switch result {
      case .whole:
        let found = try partial.digest()
        if found == digest { return }
        let size = partial.size
        try partial.empty()
        // What was there before may have been of another file.
        guard !hasStartedAgain else {
          throw DownloadError(
            "\(url): SHA-256 of the \(size) bytes is \(found.hex), expected \(digest.hex). Either another file is there "
              + "now, or the digest was written wrong")
        }
        hasStartedAgain = true
      case .unresumable:
        try partial.empty()
        guard !hasStartedAgain else {
          throw DownloadError("\(url): the server answers ranges that weren't asked for")
        }
        hasStartedAgain = true
      case .refused(let problem): throw DownloadError("\(url): \(problem)")
      case .interrupted(let problem):
        fruitless = partial.size > before ? 0 : fruitless + 1
        guard fruitless < attempts else {
          let kept =
            partial.size == 0
            ? "" : ". The first \(partial.size) bytes are kept; run again to go on from there"
          throw DownloadError("\(url): \(problem)\(kept)")
        }
        if fruitless > 0 { Thread.sleep(forTimeInterval: pause * Double(1 << (fruitless - 1))) }
      }
    }
  }
}

/// A download that failed. The message says of what, and what was found.
public struct DownloadError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

// Owns the remote that is a folder of a host with SSH, on which nothing needs to be installed: the layout of a directory
// remote, and one itself for whoever works on that host. Files are written under a temporary name and renamed.

import CCurl
import Canonical
import ContentStore
import Foundation
import Synchronization

extension RemoteKind {
  /// `sftp://user@host:port/path`; `/~/path` lies in the user's home.
  static let sftp = RemoteKind(scheme: "sftp") { RetryingRemote(BoundedRemote(try SFTPRemote($0))) }
}

/// A folder on another host as a remote. Each connection does one thing after the other, so there are several, and they
/// stay open.
package struct SFTPRemote: ManyAtOnce {
  /// The URL, without a password.
  package let description: String
  private let host: SFTPHost
  /// The remote's folder, absolute or beginning in the user's home.
  private let root: String
  private let state = SFTPState()

  /// - Throws: `.remote` for an address that can't be one. Nothing is asked yet.
  package init(_ address: RemoteAddress) throws {
    description = RemoteAddress.shown(address.url.absoluteString)
    let path = address.url.path(percentEncoded: false)
    let folder = path.split(separator: "/").joined(separator: "/")
    guard !folder.isEmpty, folder != "~", !folder.contains("\0"), !folder.contains("\n") else {
      throw StoreError.remote(
        name: description,
        reason: "it names no folder; write sftp://user@host/path, or /~/path for one in the home")
    }
    root = folder.hasPrefix("~/") ? String(folder.dropFirst(2)) : "/" + folder
    host = try SFTPHost(address)
  }

  private func path(_ folder: String, _ digest: Digest) -> String { "\(root)/v1/\(folder)/\(digest.hex)" }

  package func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws {
    try asking(
      keys.count,
      {
        var request = host.request(.get, path("ac", keys[$0]))
        request.limit = limit
        return request
      }, each: each
    ) { _, answer in
      guard let answer else { return nil }
      guard answer.received <= limit else { throw StoreError.record(reason: "longer than \(limit) bytes") }
      return answer.body
    }
  }

  package func hasRecords(
    _ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(keys.count, { host.request(.head, path("ac", keys[$0])) }, each: each) { $1 != nil }
  }

  package func blobs(
    _ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(
      wishes.count,
      {
        var request = host.request(.get, path("cas", wishes[$0].stored))
        (request.limit, request.sink) = (wishes[$0].limit, wishes[$0].sink)
        return request
      }, each: each
    ) { $1 != nil }
  }

  package func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(blobs.count, { host.request(.head, path("cas", blobs[$0].stored)) }, each: each) { i, answer in
      // One of another size is damaged: putting it again mends it. libcurl doesn't tell 0 from unknown.
      answer.map { ($0.size ?? 0) == blobs[i].size } ?? false
    }
  }

  package func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try putting(
      offers.count,
      {
        Upload(
          path: path("ac", offers[$0].key), body: Request.Body(offers[$0].text),
          isReplacing: offers[$0].isReplacing)
      }, each: each)
  }

  package func putBlobs(
    _ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void
  ) throws {
    try putting(
      offers.count,
      {
        Upload(
          path: path("cas", offers[$0].stored),
          body: Request.Body(size: offers[$0].size, from: offers[$0].source),
          isReplacing: true)
      }, each: { i, result in try each(i, result.map { _ in }) })
  }

  package func keys() throws -> [Digest]? {
    var request = host.request(.get, root + "/v1/ac/")
    request.options.append(.number(CURLOPT_DIRLISTONLY, 1))
    request.limit = 1 << 30
    var keys: [Digest] = []
    var line: [UInt8] = []
    request.sink = { bytes in
      for byte in bytes {
        if byte == UInt8(ascii: "\n") {
          if let key = Digest(hex: String(decoding: line, as: UTF8.self)) { keys.append(key) }
          line = []
        } else if line.count <= 64 {
          line.append(byte)
        }
      }
    }
    return try host.answer(of: request) == nil ? [] : keys.sorted()
  }

  /// Sends requests for files; `reading` gets nil for one that isn't there.
  private func asking<T>(
    _ count: Int, _ request: (Int) -> Request, each: (_ position: Int, Result<T, any Error>) throws -> Void,
    reading: (_ position: Int, Answer?) throws -> T
  ) throws {
    try host.send(count, request) { i, outcome in
      try each(i, Result { try reading(i, host.answer(outcome)) })
      return nil
    }
  }

  /// A file to be, and its name while it is written.
  private struct Upload {
    let path: String
    let body: Request.Body
    /// Whether what is there gives way.
    let isReplacing: Bool
    let temporary = OwnName().text
    var step = Step.asking

    enum Step {
      /// Is there one already?
      case asking
      case sending
      /// The name is taken: the file there is removed, and the name given.
      case replacing
      /// What became of the name that we didn't get?
      case lookingAgain
      /// It failed, and what was written is removed.
      case leaving(any Error)
      /// Another's stays, and ours is removed.
      case yielding
    }
  }

  /// Uploads files; `each` is told whether the file there is the one that was sent.
  private func putting(
    _ count: Int, _ upload: (Int) -> Upload, each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    do { try makeFolders() } catch {
      for i in 0..<count { try each(i, .failure(error)) }
      return
    }
    var uploads: [Int: Upload] = [:]
    func temporary(_ upload: Upload) -> String { "\(root)/v1/temporary/\(upload.temporary)" }
    func next(_ i: Int, _ step: Upload.Step) -> Request {
      uploads[i]!.step = step
      let upload = uploads[i]!
      switch step {
      case .asking, .lookingAgain: return host.request(.head, upload.path)
      case .sending:
        var request = host.request(.put, temporary(upload))
        request.body = upload.body
        request.options.append(.list(CURLOPT_POSTQUOTE, [host.rename(temporary(upload), upload.path)]))
        return request
      case .replacing:
        return host.commands(
          [host.remove(upload.path), host.rename(temporary(upload), upload.path)], in: root + "/v1/temporary/"
        )
      case .leaving, .yielding:
        return host.commands([host.remove(temporary(upload))], in: root + "/v1/temporary/")
      }
    }
    func end(_ i: Int, _ result: Result<Bool, any Error>) throws -> Request? {
      uploads[i] = nil
      try each(i, result)
      return nil
    }
    try host.send(
      count,
      { i in
        uploads[i] = upload(i)
        return next(i, uploads[i]!.isReplacing ? .sending : .asking)
      },
      ended: { i, outcome in
        let upload = uploads[i]!
        let answer = Result { try host.answer(outcome) }
        switch upload.step {
        case .asking:
          guard case .success(let found) = answer else { return try end(i, answer.map { _ in false }) }
          return found == nil ? next(i, .sending) : try end(i, .success(false))
        case .sending:
          switch answer {
          case .success(.some): return try end(i, .success(true))
          case .success:
            return try end(i, .failure(host.refusal("there is no folder \(root)/v1, and none can be made")))
          case .failure(StoreError.remoteAbsent): return try end(i, answer.map { _ in false })
          case .failure(let error):
            if case .failure(let failure) = outcome, failure.code == CURLE_QUOTE_ERROR {
              return next(i, upload.isReplacing ? .replacing : .lookingAgain)
            }
            return next(i, .leaving(error))
          }
        case .replacing:
          if case .success(.some) = answer { return try end(i, .success(true)) }
          return next(i, .lookingAgain)
        case .lookingAgain:
          switch answer {
          // Somebody was faster: his has the same name, and so, of a blob, the same bytes.
          case .success(.some(let found)) where !upload.isReplacing || (found.size ?? 0) == upload.body.size:
            return next(i, .yielding)
          case .success:
            return next(i, .leaving(host.refusal("the file \(upload.path) can't be given its name")))
          case .failure(let error): return next(i, .leaving(error))
          }
        case .yielding: return try end(i, .success(upload.isReplacing))
        case .leaving(let error): return try end(i, .failure(error))
        }
      })
  }

  /// Makes the folders that a remote has, once.
  private func makeFolders() throws {
    if state.hasFolders { return }
    var folders: [String] = []
    for part in (root + "/v1").split(separator: "/") {
      folders.append((folders.last.map { $0 + "/" } ?? (root.hasPrefix("/") ? "/" : "")) + part)
    }
    folders += ["ac", "cas", "temporary"].map { "\(root)/v1/\($0)" }
    // Those that are there already are no failure, and one that can't be made is seen by what follows.
    _ = try host.answer(of: host.commands(folders.map(host.make), in: root + "/v1/temporary/"))
    state.hasFolders = true
  }
}

/// What is known of the host's folder.
private final class SFTPState: Sendable {
  private let state = Mutex(false)
  var hasFolders: Bool {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

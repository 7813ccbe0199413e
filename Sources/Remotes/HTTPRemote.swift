// Owns the remote that is a web server in the layout of Bazel's remote caches: `<url>/ac/<key>` and
// `<url>/cas/<sha256 of the stored bytes>`, by GET, HEAD and PUT. nginx does, and bazel-remote, and `cache serve`.

import Canonical
import ContentStore
import Foundation

extension RemoteKind {
  /// - Parameter scheme: `http` or `https`.
  static func http(_ scheme: String) -> RemoteKind {
    RemoteKind(scheme: scheme) { RetryingRemote(BoundedRemote(try HTTPRemote($0))) }
  }
}

/// A web server as a remote. It need not know what it keeps; a PUT must come to be seen whole or not at all.
package struct HTTPRemote: Remote {
  /// The URL, with the user and without the password.
  package let description: String
  /// Without user and password, and without a slash at its end.
  private let root: String
  private let credentials: Credentials
  private let client: Client

  /// - Throws: `.remote` for an address that can't be one. Nothing is asked yet.
  package init(_ address: RemoteAddress, settings: Client.Settings = Client.Settings()) throws {
    description = RemoteAddress.shown(address.url.absoluteString)
    guard var parts = URLComponents(url: address.url, resolvingAgainstBaseURL: false),
      let host = parts.host, !host.isEmpty
    else { throw StoreError.remote(name: description, reason: "it names no host; write https://host/path") }
    guard parts.query == nil, parts.fragment == nil else {
      throw StoreError.remote(
        name: description, reason: "it has a '?' or '#'; a remote's URL ends with its path")
    }
    (parts.user, parts.password) = (nil, nil)
    var root = parts.string ?? ""
    while root.hasSuffix("/") { root.removeLast() }
    self.root = root
    credentials = try Credentials(address)
    var settings = settings
    if parts.scheme?.lowercased() == "https" { settings.certificates = try Certificates.file(address) }
    client = Client(settings)
  }

  private func request(_ method: Request.Method, _ folder: String, _ digest: Digest) -> Request {
    var request = Request(method, "\(root)/\(folder)/\(digest.hex)")
    request.authorisation = credentials.authorisation
    return request
  }

  // One is a batch of one.

  package func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    try one { try records([key], limit: limit, each: $0) }
  }
  package func hasRecord(_ key: Digest) throws -> Bool { try one { try hasRecords([key], each: $0) } }
  package func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try one { try putRecords([RecordOffer(text, for: key, replacing: replacing)], each: $0) }
  }
  package func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try withoutActuallyEscaping(sink) { sink in
      try one { try blobs([BlobWish(stored, limit: limit, to: sink)], each: $0) }
    }
  }
  package func hasBlob(_ stored: Digest, size: Int) throws -> Bool {
    try one { try hasBlobs([(stored, size)], each: $0) }
  }
  package func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try withoutActuallyEscaping(source) { source in
      try one { try putBlobs([BlobOffer(stored, size: size, from: source)], each: $0) }
    }
  }
  package func keys() throws -> [Digest]? { nil }

  private func one<T>(_ body: (_ each: (Int, Result<T, any Error>) throws -> Void) throws -> Void) throws -> T
  {
    var answer: Result<T, any Error>?
    try body { answer = $1 }
    return try answer!.get()
  }

  package func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws {
    try asking(
      keys.count,
      {
        var request = request(.get, "ac", keys[$0])
        request.limit = limit
        return request
      }, each: each
    ) { _, answer in
      if isMissing(answer) { return nil }
      try check(answer, .get)
      guard answer.received <= limit else {
        throw StoreError.record(reason: "longer than \(limit) bytes")
      }
      return answer.body
    }
  }

  package func hasRecords(
    _ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(keys.count, { request(.head, "ac", keys[$0]) }, each: each) { _, answer in
      if isMissing(answer) { return false }
      try check(answer, .head)
      return true
    }
  }

  package func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    func put(_ offer: RecordOffer) -> Request {
      var request = request(.put, "ac", offer.key)
      request.body = Request.Body(offer.text)
      // Servers that know this keep the first of two writers' at the same time; to others it is nothing.
      if !offer.isReplacing { request.headers = [("If-None-Match", "*")] }
      return request
    }
    var isAsked = [Bool](repeating: false, count: offers.count)
    try client.send(
      offers.count,
      { offers[$0].isReplacing ? put(offers[$0]) : request(.head, "ac", offers[$0].key) },
      ended: { i, outcome in
        let isHead = !offers[i].isReplacing && !isAsked[i]
        isAsked[i] = true
        if isHead, case .success(let answer) = outcome, isMissing(answer) { return put(offers[i]) }
        let result = Result {
          let answer = try self.answer(outcome)
          if !isHead, answer.status == 412 { return false }
          try check(answer, isHead ? .head : .put)
          return !isHead
        }
        try each(i, result)
        return nil
      })
  }

  package func blobs(
    _ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(
      wishes.count,
      {
        var request = request(.get, "cas", wishes[$0].stored)
        (request.limit, request.sink) = (wishes[$0].limit, wishes[$0].sink)
        return request
      }, each: each
    ) { _, answer in
      if isMissing(answer) { return false }
      try check(answer, .get)
      return true
    }
  }

  package func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(blobs.count, { request(.head, "cas", blobs[$0].stored) }, each: each) { i, answer in
      if isMissing(answer) { return false }
      try check(answer, .head)
      // One of another size is damaged: putting it again mends it.
      return answer.headers["content-length"].flatMap { Int($0) } ?? blobs[i].size == blobs[i].size
    }
  }

  package func putBlobs(
    _ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void
  ) throws {
    try asking(
      offers.count,
      {
        var request = request(.put, "cas", offers[$0].stored)
        request.body = Request.Body(size: offers[$0].size, from: offers[$0].source)
        return request
      }, each: each
    ) { _, answer in try check(answer, .put) }
  }

  /// Sends requests, and hands on what `reading` makes of each answer.
  private func asking<T>(
    _ count: Int, _ request: (Int) -> Request, each: (_ position: Int, Result<T, any Error>) throws -> Void,
    reading: (_ position: Int, Answer) throws -> T
  ) throws {
    try client.send(count, request) { i, outcome in
      try each(i, Result { try reading(i, answer(outcome)) })
      return nil
    }
  }

  private func answer(_ outcome: Result<Answer, Failure>) throws -> Answer {
    do { return try outcome.get() } catch { throw error.thrown(by: description) }
  }

  private func isMissing(_ answer: Answer) -> Bool { answer.status == 404 || answer.status == 410 }

  /// - Throws: `.remote`, as `Passing` where another try may do better.
  private func check(_ answer: Answer, _ method: Request.Method) throws {
    if answer.isSuccess { return }
    func refusal(_ reason: String) -> StoreError { .remote(name: description, reason: reason) }
    switch answer.status {
    case 401: throw refusal("it doesn't know who asks (401): \(credentials.cure)")
    case 403 where method == .put:
      throw refusal("nothing may be put there (403): it is read-only, or read-only for these credentials")
    case 403: throw refusal("it refuses access (403): \(credentials.cure)")
    case 405 where method == .put:
      throw refusal("nothing can be put there (405). For nginx: dav_methods PUT")
    case 413:
      throw refusal("it takes nothing of that size (413). For nginx: client_max_body_size 0")
    case 507: throw refusal("there is no room left (507)")
    case 300..<400:
      // What follows the '?' may be a signature.
      let place = answer.headers["location"].map { " to " + $0.prefix { $0 != "?" } } ?? ""
      throw refusal("it redirects\(RemoteAddress.shown(place)) (\(answer.status)); name that address instead")
    case 408, 429, 500, 502, 503, 504:
      throw Passing(
        error: refusal("it answers \(answer.status)"),
        after: answer.headers["retry-after"].flatMap { Double($0) })
    default: throw refusal("it answers \(answer.status); is it a cache, with ac/ and cas/ below that URL?")
    }
  }
}

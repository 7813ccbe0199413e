// Owns one request and its answer: what a path means, who may ask, what a store and the entries of other programs have
// there. Sockets are Connection.swift's.

import Canonical
import ContentStore
import Foundation
import Synchronization

/// What is answered.
struct Answer {
  var status: Int
  var fields: [(name: String, value: String)] = []
  var content = Offered.bytes([])
  /// The part that is sent; nil: all.
  var part: Range<Int>?
  /// Whether the request's body has been read, so that another request may follow.
  var isInStep = true

  init(_ status: Int, _ text: String = "") {
    self.status = status
    content = .bytes(text.isEmpty ? [] : Array("\(text)\n".utf8))
  }

  init(_ content: Offered) { (status, self.content) = (200, content) }

  init(_ refusal: Refusal) { self.init(refusal.status, refusal.reason) }
}

/// `/ac/<digest>` and `/cas/<digest>`, also below `/v1`.
struct Route: Equatable {
  var sort: ForeignEntries.Sort
  var name: Digest

  init?(_ path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    let rest = parts.first == "v1" ? parts.dropFirst() : parts
    guard rest.count == 2, let sort = ForeignEntries.Sort(rawValue: String(rest.first!)),
      let name = Digest(hex: rest.last!)
    else { return nil }
    (self.sort, self.name) = (sort, name)
  }
}

/// A body as it comes.
struct Body {
  let size: Int
  /// Fills the buffer; gives 0 once all has come.
  let read: ByteSource
}

/// Answers requests from a store.
final class Responder: Sendable {
  let store: Store
  let entries: ForeignEntries
  let isWritable: Bool
  /// Nil: everybody may do what the server does.
  let tokens: Tokens?
  /// Records are read into memory one at a time.
  private let reading = Mutex(())

  init(store: Store, entries: ForeignEntries, isWritable: Bool, tokens: Tokens?) {
    (self.store, self.entries, self.isWritable, self.tokens) = (store, entries, isWritable, tokens)
  }

  /// Why nothing is done about a request, whatever follows; nil where something may be.
  func objection(to head: RequestHead) -> Answer? {
    if let tokens {
      let right = tokens.right(of: head.authorization)
      if right == .none {
        var answer = Answer(401, "this server wants a token: Authorization: Bearer TOKEN")
        answer.fields.append(("WWW-Authenticate", "Bearer realm=\"bobbin\""))
        return answer
      }
      if head.method == "PUT", right < .writing { return Answer(403, "this token is for reading") }
    }
    guard ["GET", "HEAD", "PUT"].contains(head.method) else {
      var answer = Answer(405, "GET, HEAD and PUT are what it knows")
      answer.fields.append(("Allow", "GET, HEAD, PUT"))
      return answer
    }
    guard Route(head.path) != nil else {
      return Answer(404, "there are /ac/<sha256> and /cas/<sha256>")
    }
    if head.method == "PUT" {
      if !isWritable {
        return Answer(403, "this server is read-only; it is started with --writable to take things")
      }
      guard let length = head.length else { return Answer(411, "Content-Length says how much comes") }
      if length > entries.bound {
        return Answer(413, "more than the \(entries.bound) bytes that it keeps of others")
      }
    } else if head.length ?? 0 > 0 {
      return Answer(400, "\(head.method) has no body")
    }
    return nil
  }

  /// Answers a request that nothing was to be said against.
  func answer(_ head: RequestHead, _ body: Body) throws -> Answer {
    let route = Route(head.path)!
    do {
      return head.method == "PUT" ? try put(route, head, body) : try get(route, head)
    } catch StoreError.full {
      return Answer(507, "there is no room left")
    } catch let error as StoreError {
      // Paths of this machine are nobody else's affair.
      var answer = Answer(500, "the store failed")
      answer.fields.append(("X-Bobbin-Concern", "\(error.concern)"))
      return answer
    }
  }

  private func get(_ route: Route, _ head: RequestHead) throws -> Answer {
    guard let content = try find(route) else { return Answer(404) }
    var answer = Answer(content)
    answer.fields = [("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes")]
    if route.sort == .blobs { answer.fields.append(("ETag", "\"\(route.name.hex)\"")) }
    guard let range = head.range else { return answer }
    guard range.first < content.size else {
      var refused = Answer(416, "it has \(content.size) bytes")
      refused.fields = [("Content-Range", "bytes */\(content.size)")]
      return refused
    }
    let end = min(range.last ?? .max, content.size - 1)
    answer.status = 206
    answer.part = range.first..<end + 1
    answer.fields.append(("Content-Range", "bytes \(range.first)-\(end)/\(content.size)"))
    return answer
  }

  private func find(_ route: Route) throws -> Offered? {
    switch route.sort {
    case .records: if let text = try store.offeredRecord(route.name) { return .bytes(text) }
    case .blobs: if let blob = try store.offeredBlob(route.name) { return blob }
    }
    return try entries.find(route.sort, route.name).map { .file($0) }
  }

  private func put(_ route: Route, _ head: RequestHead, _ body: Body) throws -> Answer {
    var draft = try entries.draft()
    try withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 64) { buffer in
      while case let n = try body.read(buffer), n > 0 {
        try draft.write(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
      }
    }
    switch route.sort {
    case .blobs: return try keep(blob: draft, as: route.name)
    case .records: return try keep(record: draft, as: route.name, onlyIfNew: head.onlyIfNew)
    }
  }

  private func keep(blob draft: borrowing ForeignEntries.Draft, as name: Digest) throws -> Answer {
    let digest = draft.digest
    guard digest == name else { return Answer(400, "these bytes are \(digest)") }
    if try store.offeredBlob(name) != nil { return Answer(200) }
    return Answer(try entries.publish(draft, as: .blobs, name, replacing: false) ? 201 : 200)
  }

  private func keep(record draft: borrowing ForeignEntries.Draft, as key: Digest, onlyIfNew: Bool) throws
    -> Answer
  {
    if draft.size <= SignedText.longest, try draft.start == UInt8(ascii: "{") {
      let reception = try withRecord {
        try store.take(draft.contents(limit: SignedText.longest), for: key, from: entries)
      }
      switch reception {
      case .taken: return Answer(201)
      case .alreadyThere: return onlyIfNew ? Answer(412, "it is there") : Answer(200)
      case .otherStays:
        return Answer(onlyIfNew ? 412 : 409, "another result of this key is here; the first stays")
      case .refused(let reason): return Answer(403, "not taken: \(reason)")
      case .unknown: break
      }
    }
    if try store.offeredRecord(key) != nil {
      return Answer(onlyIfNew ? 412 : 409, "a record of this key is here; the first stays")
    }
    let isKept = try entries.publish(draft, as: .records, key, replacing: !onlyIfNew)
    return isKept ? Answer(201) : Answer(412, "it is there")
  }

  /// Does something with a record that may be long, beside nobody else who does.
  private func withRecord<T: Sendable>(_ body: () throws -> T) throws -> T {
    try reading.withLock { _ in try body() }
  }
}

// Owns the remote that is a bucket of S3 or of a service with the same API: `<prefix>/v1/ac/<key>` and
// `<prefix>/v1/cas/<sha256 of the stored bytes>`. Large blobs are S3Parts' affair.

import Canonical
import ContentStore
import Foundation
import Synchronization

extension RemoteKind {
  /// `s3://bucket/prefix`, perhaps with `?endpoint=https://host&region=name`.
  static let s3 = RemoteKind(scheme: "s3") { RetryingRemote(BoundedRemote(try S3Remote($0))) }
}

/// A bucket as a remote. A PUT is seen whole or not at all.
package struct S3Remote: ManyAtOnce {
  /// The URL, without a secret.
  package let description: String
  package let bucket: S3Bucket
  /// What stands before `ac/` and `cas/` in the names of objects.
  private let prefix: String
  private let takesConditions = TakesConditions()
  /// How many names are asked for at a time; services give no more than 1000.
  private let page: Int

  /// - Throws: `.remote` for an address that can't be one, or when nobody says who asks. Nothing is asked yet.
  package init(_ address: RemoteAddress, settings: Client.Settings = Client.Settings(), page: Int = 1000)
    throws
  {
    self.page = page
    description = RemoteAddress.shown(address.url.absoluteString)
    guard let name = address.url.host(percentEncoded: false), !name.isEmpty else {
      throw StoreError.remote(name: description, reason: "it names no bucket; write s3://bucket/folder")
    }
    guard address.url.fragment == nil else {
      throw StoreError.remote(name: description, reason: "it has a '#'; write %23")
    }
    let path = address.url.path(percentEncoded: false).split(separator: "/")
    prefix = (path + ["v1"]).joined(separator: "/")
    bucket = try S3Bucket(name, address, settings)
  }

  private func name(_ folder: String, _ digest: Digest) -> String { "\(prefix)/\(folder)/\(digest.hex)" }

  package func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws {
    try asking(
      keys.count,
      {
        var request = bucket.request(.get, name("ac", keys[$0]))
        request.limit = limit
        return request
      }, each: each
    ) { _, answer in
      guard try bucket.isThere(answer) else { return nil }
      guard answer.received <= limit else { throw StoreError.record(reason: "longer than \(limit) bytes") }
      return answer.body
    }
  }

  package func hasRecords(
    _ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(keys.count, { bucket.request(.head, name("ac", keys[$0])) }, each: each) { _, answer in
      try bucket.isThere(answer)
    }
  }

  package func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    /// Where one that is on its way stands.
    enum Step {
      case asked, put, putOnCondition
    }
    var steps = offers.map { $0.isReplacing ? Step.put : .asked }
    func put(_ i: Int) -> Request {
      let isConditional = !offers[i].isReplacing && takesConditions.value
      steps[i] = isConditional ? .putOnCondition : .put
      var request = bucket.request(
        .put, name("ac", offers[i].key), headers: isConditional ? [("If-None-Match", "*")] : [],
        payload: Digest.of(offers[i].text).hex)
      request.body = Request.Body(offers[i].text)
      return request
    }
    try bucket.client.send(
      offers.count,
      { steps[$0] == .put ? put($0) : bucket.request(.head, name("ac", offers[$0].key)) },
      ended: { i, outcome in
        do {
          let answer = try bucket.answer(outcome)
          switch steps[i] {
          case .asked:
            if try !bucket.isThere(answer) { return put(i) }
            try each(i, .success(false))
          case .putOnCondition where answer.status == 412: try each(i, .success(false))
          // A service that knows no conditions: HEAD has to do.
          case .putOnCondition where answer.status == 501:
            takesConditions.value = false
            return put(i)
          case .put, .putOnCondition:
            try bucket.check(answer)
            try each(i, .success(true))
          }
        } catch let error as Passing { try each(i, .failure(error)) } catch let error as StoreError {
          try each(i, .failure(error))
        }
        return nil
      })
  }

  package func blobs(
    _ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(
      wishes.count,
      {
        var request = bucket.request(.get, name("cas", wishes[$0].stored))
        (request.limit, request.sink) = (wishes[$0].limit, wishes[$0].sink)
        return request
      }, each: each
    ) { _, answer in try bucket.isThere(answer) }
  }

  package func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(blobs.count, { bucket.request(.head, name("cas", blobs[$0].stored)) }, each: each) {
      i, answer in
      // One of another size is damaged: putting it again mends it.
      try bucket.isThere(answer)
        && answer.headers["content-length"].flatMap { Int($0) } ?? blobs[i].size == blobs[i].size
    }
  }

  package func putBlobs(
    _ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void
  ) throws {
    let small = offers.indices.filter { offers[$0].size <= S3Parts.least }
    try asking(
      small.count,
      {
        let offer = offers[small[$0]]
        var request = bucket.request(
          .put, name("cas", offer.stored), payload: Signature.unsignedPayload)
        request.body = Request.Body(size: offer.size, from: offer.source)
        return request
      }, each: { try each(small[$0], $1) }
    ) { _, answer in try bucket.check(answer) }
    for i in offers.indices where offers[i].size > S3Parts.least {
      try each(
        i,
        Result {
          try S3Parts(bucket, name("cas", offers[i].stored), size: offers[i].size).put(from: offers[i].source)
        })
    }
  }

  package func keys() throws -> [Digest]? {
    let folder = prefix + "/ac/"
    var keys: [Digest] = []
    var last = ""
    var token: String?
    repeat {
      var query = [("list-type", "2"), ("max-keys", "\(page)"), ("prefix", folder)]
      if let token { query.append(("continuation-token", token)) }
      var request = bucket.request(.get, "", query: query)
      request.limit = 4 << 20
      let answer = try bucket.answer(of: request)
      try bucket.check(answer)
      let names = S3Answer.texts(of: "Key", in: answer.body)
      keys += names.compactMap { Digest(hex: $0.dropFirst(folder.count)) }
      token =
        S3Answer.text(of: "IsTruncated", in: answer.body) == "true"
        ? S3Answer.text(of: "NextContinuationToken", in: answer.body) : nil
      // Names come in order; a list that doesn't go on would never end.
      guard token == nil || names.last ?? "" > last else {
        throw StoreError.remote(name: description, reason: "its list of objects goes round and round")
      }
      last = names.last ?? ""
    } while token != nil
    return keys.sorted()
  }

  /// Sends requests, and hands on what `reading` makes of each answer.
  private func asking<T>(
    _ count: Int, _ request: (Int) -> Request, each: (_ position: Int, Result<T, any Error>) throws -> Void,
    reading: (_ position: Int, Answer) throws -> T
  ) throws {
    try bucket.client.send(count, request) { i, outcome in
      try each(i, Result { try reading(i, bucket.answer(outcome)) })
      return nil
    }
  }
}

/// Whether the service lets an object be put only where there is none; supposed until it says otherwise.
private final class TakesConditions: Sendable {
  private let state = Mutex(true)
  var value: Bool {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

// Owns putting a large blob into a bucket part by part, which S3 calls a multipart upload: a part that failed is sent again
// alone, and what was begun and fails is given back, since whoever owns the bucket pays for parts.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html

import Canonical
import ContentStore
import Foundation

/// One blob on its way in parts.
package struct S3Parts {
  private let bucket: S3Bucket
  private let name: String
  private let size: Int
  /// Bytes of each part but the last.
  private let part: Int

  /// Up to here a blob goes in one piece, in bytes.
  package static let least = 16 << 20
  /// Services take parts from 5 MiB on, and some no more than 1000 of them.
  private static let smallest = 8 << 20
  private static let most = 1000
  /// Bytes of parts that are kept at the same time, where one isn't more already.
  private static let kept = 24 << 20
  /// How often a part is sent in all.
  private static let tries = 3

  init(_ bucket: S3Bucket, _ name: String, size: Int) {
    (self.bucket, self.name, self.size) = (bucket, name, size)
    part = max(S3Parts.smallest, (size + S3Parts.most - 1) / S3Parts.most)
  }

  /// Puts all of it, or nothing.
  func put(from source: ByteSource) throws {
    let begun = try bucket.answer(
      of: {
        var request = bucket.request(.post, name, query: [("uploads", "")])
        request.body = Request.Body([])
        return request
      }())
    try bucket.check(begun)
    guard let upload = S3Answer.text(of: "UploadId", in: begun.body), !upload.isEmpty else {
      throw bucket.confusion("an upload in parts can't be begun")
    }
    do {
      try complete(upload, try putParts(upload, from: source))
    } catch {
      // What can't be given back now, the bucket's own rules clear away.
      _ = try? bucket.answer(of: bucket.request(.delete, name, query: [("uploadId", upload)]))
      throw error
    }
  }

  /// The tags that the service gives the parts.
  private func putParts(_ upload: String, from source: ByteSource) throws -> [String] {
    let count = (size + part - 1) / part
    var tags = [String](repeating: "", count: count)
    var bodies: [Int: [UInt8]] = [:]
    var attempts = [Int](repeating: 1, count: count)
    func request(_ i: Int, _ bytes: [UInt8]) -> Request {
      var request = bucket.request(
        .put, name, query: [("partNumber", "\(i + 1)"), ("uploadId", upload)], payload: Digest.of(bytes).hex)
      request.body = Request.Body(bytes)
      return request
    }
    try bucket.client.send(
      count, width: max(1, S3Parts.kept / part),
      { i in
        let bytes = try read(min(part, size - i * part), from: source)
        bodies[i] = bytes
        return request(i, bytes)
      },
      ended: { i, outcome in
        do {
          let answer = try bucket.answer(outcome)
          try bucket.check(answer)
          guard let tag = answer.headers["etag"] else { throw bucket.confusion("a part has no ETag") }
          tags[i] = tag
          bodies[i] = nil
          return nil
        } catch let fault as Passing {
          attempts[i] += 1
          guard attempts[i] <= S3Parts.tries, let bytes = bodies[i] else { throw fault.error }
          return request(i, bytes)
        }
      })
    return tags
  }

  private func read(_ count: Int, from source: ByteSource) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let n = try source(
          UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...]))
        guard n > 0 else { throw Shortage(size: count, found: filled) }
        filled += n
      }
    }
  }

  private func complete(_ upload: String, _ tags: [String]) throws {
    let parts = tags.enumerated().map {
      "<Part><PartNumber>\($0 + 1)</PartNumber><ETag>\(S3Answer.escaped($1))</ETag></Part>"
    }
    let bytes = Array("<CompleteMultipartUpload>\(parts.joined())</CompleteMultipartUpload>".utf8)
    var request = bucket.request(
      .post, name, query: [("uploadId", upload)], payload: Digest.of(bytes).hex)
    request.body = Request.Body(bytes)
    let answer = try bucket.answer(of: request)
    try bucket.check(answer)
    // A service says yes first, to keep the line open, and afterwards how it went.
    if let code = S3Answer.text(of: "Code", in: answer.body) {
      throw bucket.confusion("joining the parts failed (\(code.prefix(100)))")
    }
  }
}

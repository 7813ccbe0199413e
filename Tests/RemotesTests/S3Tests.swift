import Canonical
import ContentStore
import Foundation
import RealServices
import Testing

import Remotes

/// What only buckets have: parts, lists in pages, keys that are wrong. Against a real service.
@Suite struct S3Tests {
  private let service: Service?

  init() {
    service = Service.s3
    if service == nil { print("skipped: S3 isn't installed") }
  }

  private func remote(
    _ service: Service, _ place: String = "s3://team/\(UUID().uuidString)", page: Int = 1000,
    _ changes: [String: String] = [:]
  ) throws -> S3Remote {
    let environment = [
      "AWS_ACCESS_KEY_ID": service["KEY_ID"], "AWS_SECRET_ACCESS_KEY": service["SECRET"],
      "AWS_ENDPOINT_URL": service["ENDPOINT"], "AWS_REGION": service["REGION"],
    ]
    return try S3Remote(
      RemoteAddress(URL(string: place)!, environment: environment.merging(changes) { $1 }), page: page)
  }

  @Test func recordsAreListedPageByPage() throws {
    guard let service else { return }
    let place = "s3://team/\(UUID().uuidString)"
    let remote = try remote(service, place, page: 2)
    #expect(try remote.keys() == [])
    let keys = (0..<5).map { Digest.of("\($0)".utf8) }.sorted()
    try remote.putRecords(keys.map { RecordOffer([1], for: $0, replacing: false) }) { _, outcome in
      let isNew = try outcome.get()
      #expect(isNew)
    }
    #expect(try remote.keys() == keys)
    // What lies beside is nobody's business.
    #expect(try self.remote(service, place + "x").keys() == [])
  }

  /// 40 MB go in five parts.
  @Test func ofALargeBlobThatFailsNoPartIsLeft() throws {
    guard let service else { return }
    let remote = try remote(service, "s3://other/\(UUID().uuidString)")
    let bytes = noise(40_000_000)
    let stored = Digest.of(bytes)
    var given = 0
    #expect(throws: CancellationError.self) {
      try remote.putBlob(stored, size: bytes.count) { buffer in
        guard given < 30_000_000 else { throw CancellationError() }
        let n = min(buffer.count, 1_000_000)
        buffer.copyBytes(from: bytes[given..<given + n])
        given += n
        return n
      }
    }
    #expect(try !remote.hasBlob(stored, size: bytes.count))
    let uploads = try remote.bucket.answer(of: remote.bucket.request(.get, "", query: [("uploads", "")]))
    #expect(uploads.status == 200 && S3Answer.texts(of: "UploadId", in: uploads.body) == [])

    try remote.put(bytes)
    #expect(try remote.hasBlob(stored, size: bytes.count))
    #expect(try remote.get(stored, limit: bytes.count) == bytes)
  }

  @Test(
    arguments: [
      (
        "s3://team/x", ["AWS_SECRET_ACCESS_KEY": "wrong"],
        "the secret that belongs to the key id of AWS_ACCESS_KEY_ID is another"
      ),
      ("s3://team/x", ["AWS_ACCESS_KEY_ID": "test:nobody"], "of AWS_ACCESS_KEY_ID"),
      ("s3://nowhere/x", [:], "there is no bucket 'nowhere' (NoSuchBucket, 404); make it, or mend the name"),
    ] as [(String, [String: String], String)])
  func whatIsWrongIsSaidWithoutASecret(place: String, changes: [String: String], message: String) throws {
    guard let service else { return }
    let remote = try remote(service, place, changes)
    for ask in [
      { _ = try remote.record(Digest.of([1]), limit: 10) }, { _ = try remote.keys() },
      { try remote.put([1, 2, 3]) }, { try remote.put([UInt8](repeating: 1, count: S3Parts.least + 1)) },
    ] {
      let problem = #expect(throws: StoreError.self) { try ask() }
      let text = problem.map { "\($0)" } ?? ""
      #expect(text.hasPrefix("remote \(place): ") && text.contains(message), "\(text)")
      #expect(!text.contains(service["SECRET"]) && !text.contains("wrong"))
    }
  }
}

// Owns how a bucket is asked for an object: its address, the signature, and what a refusal means.

import Canonical
import CCurl
import ContentStore
import Foundation

/// A bucket of an S3 service, and who asks for what is in it.
package struct S3Bucket: Sendable {
  let client: Client
  /// What refusals name.
  private let remote: String
  private let name: String
  private let signature: Signature
  private let keySource: String
  /// `https://host:port`.
  private let root: String
  /// As libcurl writes it: without a port that goes without saying.
  private let host: String
  /// What stands before an object's name: the bucket, where the host doesn't say it.
  private let path: String
  private let isAWS: Bool

  package init(_ name: String, _ address: RemoteAddress, _ settings: Client.Settings) throws {
    let place = try AWSSettings(address)
    remote = RemoteAddress.shown(address.url.absoluteString)
    (self.name, keySource) = (name, place.keySource)
    signature = Signature(key: place.key, region: place.region)
    if let endpoint = place.endpoint, let host = endpoint.host {
      let scheme = endpoint.scheme!.lowercased()
      let shownHost = host.contains(":") ? "[\(host)]" : host
      let port = endpoint.port.flatMap { $0 == (scheme == "http" ? 80 : 443) ? nil : ":\($0)" } ?? ""
      self.host = shownHost + port
      root = "\(scheme)://\(self.host)"
      let folder = endpoint.path.split(separator: "/").map { "/" + Signature.escaped(String($0)) }.joined()
      path = folder + "/" + Signature.escaped(name)
    } else {
      let domain = place.region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
      // A certificate for every bucket has none for names with dots.
      let isHost = !name.contains(".")
      host = (isHost ? name + "." : "") + "s3.\(place.region).\(domain)"
      root = "https://\(host)"
      path = isHost ? "" : "/" + Signature.escaped(name)
    }
    isAWS = place.endpoint == nil
    var settings = settings
    if root.hasPrefix("https:") { settings.certificates = try Certificates.file(address) }
    client = Client(settings)
  }

  /// - Parameters:
  ///   - object: its name; empty: the bucket's.
  ///   - headers: others, signed.
  ///   - payload: see `Signature.headers`; nil: there is no body.
  package func request(
    _ method: Request.Method, _ object: String, query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)] = [], payload: String? = nil
  ) -> Request {
    let escaped =
      path + (object.isEmpty && !path.isEmpty ? "" : "/" + Signature.escaped(object, keepingSlashes: true))
    var request = Request(
      method, root + escaped + (query.isEmpty ? "" : "?" + Signature.text(of: query)))
    request.headers =
      headers
      + signature.headers(
        method.rawValue, host: host, path: escaped, query: query, headers: headers,
        payload: payload ?? Digest.of([UInt8]()).hex, at: Date())
    // A signature holds for one address.
    request.followsRedirects = false
    return request
  }

  package func answer(of request: Request) throws -> Answer {
    do { return try client.send(request) } catch let failure as Failure { throw failure.thrown(by: remote) }
  }

  func answer(_ outcome: Result<Answer, Failure>) throws -> Answer {
    do { return try outcome.get() } catch { throw error.thrown(by: remote) }
  }

  /// What is thrown for an answer that makes no sense.
  func confusion(_ reason: String) -> StoreError { .remote(name: remote, reason: reason) }

  /// Whether an answer to GET or HEAD has the object.
  func isThere(_ answer: Answer) throws -> Bool {
    if answer.status == 404, S3Answer.text(of: "Code", in: answer.body) != "NoSuchBucket" { return false }
    try check(answer)
    return true
  }

  /// - Throws: `.remote`, as `Passing` where another try may do better.
  func check(_ answer: Answer) throws {
    if answer.isSuccess { return }
    let code = S3Answer.text(of: "Code", in: answer.body).map { String($0.prefix(100)) }
    func refusal(_ reason: String) -> StoreError { .remote(name: remote, reason: reason) }
    func passing(_ reason: String) -> Passing {
      Passing(error: refusal(reason), after: answer.headers["retry-after"].flatMap { Double($0) })
    }
    let said = code.map { "\($0), \(answer.status)" } ?? "\(answer.status)"
    switch (answer.status, code) {
    case (_, "NoSuchBucket"):
      throw refusal("there is no bucket '\(name)' (\(said)); make it, or mend the name")
    case (_, "InvalidAccessKeyId"): throw refusal("it doesn't know the key id of \(keySource) (\(said))")
    case (_, "SignatureDoesNotMatch"):
      throw refusal("the secret that belongs to the key id of \(keySource) is another (\(said))")
    case (_, "ExpiredToken"), (_, "InvalidToken"):
      throw refusal("the session token of \(keySource) has expired (\(said)); log in again")
    case (_, "RequestTimeTooSkewed"): throw refusal("this machine's clock is wrong (\(said))")
    case (_, "QuotaExceeded"), (507, _): throw refusal("there is no room left (\(said))")
    case (300..<400, _), (_, "AuthorizationHeaderMalformed"):
      let region = answer.headers["x-amz-bucket-region"] ?? S3Answer.text(of: "Region", in: answer.body)
      throw refusal(
        "the bucket is in "
          + (region.map { "region \($0.prefix(40)): set AWS_REGION, or write ?region=\($0.prefix(40))" }
            ?? "another region or at another endpoint than this one: set AWS_REGION, or AWS_ENDPOINT_URL_S3")
          + " (\(said))")
    case (401, _), (403, _):
      throw refusal("it refuses access to whoever has the key of \(keySource) (\(said))")
    case (400, "RequestTimeout"), (408, _), (409, _), (429, _), (500..<600, _):
      throw passing("it answers \(said)")
    default:
      let hint = isAWS ? "" : "; is there an S3 service at \(root)?"
      throw refusal("it answers \(said)\(hint)")
    }
  }
}

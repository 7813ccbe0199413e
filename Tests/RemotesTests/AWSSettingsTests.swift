import ContentStore
import Foundation
import Testing

import Remotes

/// Where S3's keys, regions and endpoints are found.
@Suite struct AWSSettingsTests {
  private let home: Scratch

  init() throws {
    home = try Scratch()
    let folder = home[".aws"]
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try """
    [default]
    aws_access_key_id = D
    aws_secret_access_key = d
    # a note
    [team]
    aws_access_key_id=T
    aws_secret_access_key=t=/+
    aws_session_token=s
    """.write(to: folder.appending(path: "credentials"), atomically: true, encoding: .utf8)
    try """
    [default]
    region = eu-west-1
    s3 =
      max_concurrent_requests = 20
      region = nowhere
    [profile team]
    region = eu-north-1
    endpoint_url = https://cluster:9000
    [profile bare]
    aws_access_key_id = B
    aws_secret_access_key = b
    """.write(to: folder.appending(path: "config"), atomically: true, encoding: .utf8)
  }

  private func settings(_ url: String, _ environment: [String: String] = [:]) throws -> AWSSettings {
    try AWSSettings(
      RemoteAddress(URL(string: url)!, environment: environment.merging(["HOME": home.url.path]) { $1 }))
  }

  struct Case: Sendable {
    var url = "s3://b/p"
    var environment: [String: String] = [:]
    var key: Signature.Key
    var region: String
    var endpoint: String?
  }

  @Test(arguments: [
    Case(key: .init(id: "D", secret: "d"), region: "eu-west-1"),
    Case(
      environment: ["AWS_PROFILE": "team"], key: .init(id: "T", secret: "t=/+", token: "s"),
      region: "eu-north-1", endpoint: "https://cluster:9000"),
    Case(environment: ["AWS_PROFILE": "bare"], key: .init(id: "B", secret: "b"), region: "us-east-1"),
    // Variables go before files, also before those that a variable names.
    Case(
      environment: [
        "AWS_PROFILE": "team", "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e", "AWS_REGION": "r",
        "AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b",
      ], key: .init(id: "E", secret: "e"), region: "r", endpoint: "http://b"),
    Case(
      environment: [
        "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e", "AWS_SESSION_TOKEN": "f",
        "AWS_DEFAULT_REGION": "q",
      ], key: .init(id: "E", secret: "e", token: "f"), region: "q"),
    // And the URL before all.
    Case(
      url: "s3://u%3Av:w%2F@b/p?region=x&endpoint=https://c:1", environment: ["AWS_REGION": "r"],
      key: .init(id: "u:v", secret: "w/"), region: "x", endpoint: "https://c:1"),
  ]) func whatIsNearestCounts(example: Case) throws {
    let settings = try settings(example.url, example.environment)
    #expect(settings.key == example.key)
    #expect(settings.region == example.region)
    #expect(settings.endpoint?.absoluteString == example.endpoint)
  }

  @Test func otherFilesMayBeNamed() throws {
    let file = home["mine"]
    try "[default]\naws_access_key_id = M\naws_secret_access_key = m\n"
      .write(to: file, atomically: true, encoding: .utf8)
    let settings = try settings(
      "s3://b", ["AWS_SHARED_CREDENTIALS_FILE": file.path, "AWS_CONFIG_FILE": file.path])
    #expect(settings.key.id == "M" && settings.region == "us-east-1")
  }

  @Test(
    arguments: [
      (
        "s3://b?regoin=x", [:],
        "remote s3://b?regoin=x: '?regoin' isn't known; there are ?endpoint=https://… and ?region=…"
      ),
      (
        "s3://b?endpoint=host:1", [:],
        "remote s3://b?endpoint=host:1: its endpoint 'host:1' is no https://host"
      ),
      (
        "s3://b", ["AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "sec ret"],
        "remote s3://b: the key or region of AWS_ACCESS_KEY_ID has spaces or what isn't ASCII"
      ),
    ] as [(String, [String: String], String)])
  func whatIsWrongIsSaid(url: String, environment: [String: String], message: String) {
    let problem = #expect(throws: StoreError.self) { try settings(url, environment) }
    #expect("\(problem!)" == message)
  }

  @Test func whoHasNoKeyIsToldWhereOneIsLookedFor() throws {
    let problem = #expect(throws: StoreError.self) { try settings("s3://b", ["AWS_PROFILE": "x"]) }
    #expect(
      "\(problem!)"
        == "remote s3://b: no key to sign with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or have the profile "
        + "'x' in \(home.url.path)/.aws/credentials. After `aws sso login`: eval \"$(aws configure export-credentials "
        + "--format env)\"")
  }

  @Test(
    arguments: [
      (
        "s3://team/a", [:], "https://team.s3.eu-west-1.amazonaws.com/a/v1/cas/x",
        "team.s3.eu-west-1.amazonaws.com"
      ),
      (
        "s3://te.am/a", [:], "https://s3.eu-west-1.amazonaws.com/te.am/a/v1/cas/x",
        "s3.eu-west-1.amazonaws.com"
      ),
      ("s3://t?region=cn-north-1", [:], "https://t.s3.cn-north-1.amazonaws.com.cn/a/v1/cas/x", ""),
      ("s3://t", ["AWS_ENDPOINT_URL": "http://h:80/s/"], "http://h/s/t/a/v1/cas/x", "h"),
      ("s3://t", ["AWS_ENDPOINT_URL": "http://h:9000"], "http://h:9000/t/a/v1/cas/x", "h:9000"),
      ("s3://t", ["AWS_ENDPOINT_URL": "https://[::1]:9000"], "https://[::1]:9000/t/a/v1/cas/x", "[::1]:9000"),
    ] as [(String, [String: String], String, String)])
  func aBucketIsInTheHostOrInThePath(place: String, environment: [String: String], url: String, host: String)
    throws
  {
    let address = RemoteAddress(
      URL(string: place)!, environment: environment.merging(["HOME": home.url.path]) { $1 })
    let bucket = try S3Bucket(address.url.host!, address, .init())
    let request = bucket.request(.get, "a/v1/cas/x")
    #expect(request.url == url)
    #expect(request.headers.contains { $0.name == "Authorization" } && !request.followsRedirects)
  }
}

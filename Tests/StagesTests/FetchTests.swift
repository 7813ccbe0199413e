import Canonical
import ContentStore
import Foundation
import LoopbackServer
import Stages
import Testing
import Workflow

@Suite struct FetchTests {
  private let data = Data((0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })

  @Test func whatIsFetchedIsAFile() throws {
    let bench = try Bench()
    let data = data
    let server = try LoopbackServer { request, _ in .file(data, request) }
    // Digits of either case.
    let made = try bench.run(
      "fetch", ["url": .string(server.url("a.bin")), "sha256": .string(Digest.of(data).hex.uppercased())])
    #expect(made["file"]?.digest == .of(data) && made.count == 1)
  }

  @Test(
    arguments: [
      (
        ["url": "ftp://host/x", "sha256": ""],
        "url: 'ftp' isn't a protocol that is taken; write https:// or http://"
      ),
      (
        ["url": "https://host/x", "sha256": "abc"],
        "sha256: expected 64 hexadecimal digits, found 'abc' (3 characters)"
      ),
    ] as [(JSON, String)])
  func wrongParametersAreToldBeforeAnythingRuns(parameters: JSON, message: String) throws {
    let fetch = try #require(KindCatalogue(stageKinds())["fetch"])
    guard case .map(let members, let place) = RawValue(parameters) else {
      return #expect(Bool(false), "a map")
    }
    let error = #expect(throws: DecodingIssue.self) { try fetch.decode(members, at: place) }
    #expect(error.map { "\($0)".contains(message) } == true, "\(error as Any)")
  }
}

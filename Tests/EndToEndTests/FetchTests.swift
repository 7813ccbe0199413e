// A run that is killed while it downloads, and the next one.

import Canonical
import Foundation
import LoopbackServer
import Testing

@Suite struct FetchTests {
  @Test func aDownloadThatFailedGoesOnInTheNextRun() throws {
    let project = try Project()
    let data = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) })
    // 100,000 bytes arrive; then the file is gone for a while.
    let server = try LoopbackServer { request, number in
      switch number {
      case 0: .file(data, request, sent: 100_000)
      case 1: .init(status: 404)
      default: .file(data, request)
      }
    }
    try project.write(
      "p.yaml",
      Data(
        """
        version: 1
        stages:
          archive: { uses: fetch, with: { url: "\(server.url("a"))", sha256: \(Digest.of(data).hex) } }
        """.utf8))
    let first = try project.bobbin("run", "p.yaml", "--quiet")
    #expect(
      first.status == 1 && first.errors.contains("the server answers 404 (Not Found)"), "\(first.errors)")
    let second = try project.bobbin("run", "p.yaml", "--quiet")
    #expect(second.status == 0, "\(second.errors)")
    #expect(server.requests.map(\.from) == [nil, 100_000, 100_000])
    let got = try project.bobbin("get", "p.yaml", "archive", "-o", "a")
    #expect(got.status == 0, "\(got.errors)")
    #expect(try Data(contentsOf: project.root.appending(path: "a")) == data)
    // Nothing unfinished is left.
    #expect(
      try FileManager.default.contentsOfDirectory(
        atPath: project.root.appending(path: "cache/scratch/unfinished").path) == [])
  }
}

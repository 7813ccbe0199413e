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

  @Test func severalFilesAreAFolderThatADatasetReads() throws {
    let bench = try Bench()
    func idx(_ extents: [UInt8], _ values: [UInt8]) -> Data {
      Data([0, 0, 8, UInt8(extents.count)] + extents.flatMap { [0, 0, 0, $0] } + values)
    }
    let published = [
      "train-images-idx3-ubyte": idx([2, 1, 2], [0, 1, 2, 3]), "train-labels-idx1-ubyte": idx([2], [0, 9]),
      "t10k-images-idx3-ubyte": idx([1, 1, 2], [4, 5]), "t10k-labels-idx1-ubyte": idx([1], [1]),
    ]
    let server = try LoopbackServer { request, _ in
      .file(published[request.path]!, request)
    }
    func files(wrong: String? = nil) -> JSON {
      let files = published.map { name, data in
        let digest = Digest.of(name == wrong ? Data() : data)
        return (name, ["url": .string(server.url(name)), "sha256": .string(digest.hex)] as JSON)
      }
      return .object(Dictionary(uniqueKeysWithValues: files))
    }
    #expect(
      bench.failure("fetch", ["files": files(wrong: "train-images-idx3-ubyte")])
        .contains("/train-images-idx3-ubyte: SHA-256 of the 20 bytes is "))
    let made = try bench.run("fetch", ["files": files()])
    let folder = try #require(made["file"])
    #expect(folder.form == .manifest)
    let dataset = try bench.run("dataset/mnist", [:], ["path": folder])
    #expect(dataset["dataset"]?.form == .manifest)
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
      ([:], "url: write url and sha256, or files"),
      (["url": "https://host/x"], "sha256: https://host/x is known by its SHA-256 alone; write it"),
      (
        ["url": "https://host/x", "files": ["a.gz": ["url": "https://host/x", "sha256": ""]]],
        "url: write it of each of the files, or leave them out"
      ),
      (
        ["files": ["a.gz": ["url": "https://host/x", "sha256": "abc"]]],
        "files: a.gz: sha256: expected 64 hexadecimal digits, found 'abc' (3 characters)"
      ),
      (
        ["files": ["../a": ["url": "https://host/x", "sha256": "abc"]]],
        "files: '../a' is to be the name of a file in a folder"
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

// A remote behind HTTP, used by people who have nothing in common but it.

import Foundation
import LoopbackServer
import Synchronization
import Testing

@Suite struct HTTPRemoteTests {
  private static let pipeline = """
    version: 1
    stages:
      text: { run: "echo hello > ${out.file}", outputs: { file: file.txt } }
      many:
        matrix: { i: [1, 2, 3, 4, 5, 6, 7, 8] }
        run: "cat ${text.file} > ${out.file}; echo ${matrix.i} >> ${out.file}"
        outputs: { file: file.txt }
    """

  private func project() throws -> Project {
    let project = try Project()
    try project.write("p.yaml", HTTPRemoteTests.pipeline)
    return project
  }

  @Test func whatOneHasComputedNobodyComputesAgain() throws {
    let server = try CacheServer { request in
      request.headers["authorization"] == "Bearer t0ken" ? .well : .answers(401)
    }
    let remote = ["--remote", server.url("v1")]
    let token = ["BOBBIN_REMOTE_TOKEN": "t0ken"]
    let first = try project()
    let ran = try first.bobbin(["run", "p.yaml"] + remote, environment: token)
    #expect(ran.status == 0 && ran.lastLine.hasPrefix("executed 9, cached 0, failed 0"), "\(ran.errors)")
    #expect(server.paths.allSatisfy { $0.hasPrefix("/v1/ac/") || $0.hasPrefix("/v1/cas/") })
    let second = try project()
    let took = try second.bobbin(["run", "p.yaml"] + remote, environment: token)
    #expect(took.status == 0 && took.lastLine.hasPrefix("executed 0, cached 9, failed 0"), "\(took.errors)")
    let got = try second.bobbin(["get", "p.yaml", "many[i=3].file"] + remote, environment: token)
    #expect(got.output == "hello\n3\n")
  }

  @Test func nothingThatWasAlteredIsServed() throws {
    let manner = Mutex(CacheServer.Manner.well)
    let server = try CacheServer { request in
      request.method == "GET" && request.path.hasPrefix("/v1/cas/") ? manner.withLock { $0 } : .well
    }
    let remote = ["--remote", server.url("v1")]
    #expect(try project().bobbin(["run", "p.yaml"] + remote).status == 0)
    for bad in [.alters, .cuts(after: 3), .answers(200, body: [0, 1, 2]), .answers(404)]
      as [CacheServer.Manner]
    {
      manner.withLock { $0 = .well }
      let project = try project()
      #expect(try project.bobbin(["run", "p.yaml"] + remote).lastLine.hasPrefix("executed 0, cached 9"))
      manner.withLock { $0 = bad }
      let got = try project.bobbin(["get", "p.yaml", "many[i=3].file"] + remote)
      #expect(got.output == "" && got.status != 0, "\(bad): \(got.output) \(got.errors)")
    }
  }

  @Test func aServerThatIsAwayIsSaidToBeOnceAndStopsNothing() throws {
    let place = "http://127.0.0.1:\(try CacheServer.unusedPort())/v1"
    let project = try project()
    let run = try project.bobbin(["run", "p.yaml", "--remote", place])
    #expect(run.lastLine.hasPrefix("executed 9, cached 0, failed 0"), "\(run.errors)")
    // What could not be published counts.
    #expect(run.status == 3)
    let said = "remote \(place) is not there: nobody answers there"
    #expect(run.errors.ranges(of: said).count == 1, "\(run.errors)")
    for command in [["status", "p.yaml"], ["get", "p.yaml", "text.file"]] {
      #expect(try project.bobbin(command + ["--remote", place]).status == 0, "\(command)")
    }
    let push = try project.bobbin(["cache", "push", "p.yaml", "--remote", place])
    #expect(push.status == 3 && push.errors.contains(said), "\(push.errors)")
  }

  @Test func aWrongPasswordStopsNothingAndIsNotShown() throws {
    let server = try CacheServer { _ in .answers(401) }
    let project = try project()
    let run = try project.bobbin(["run", "p.yaml", "--remote", server.url("v1", user: "ann:s3cret@")])
    #expect(run.lastLine.hasPrefix("executed 9, cached 0, failed 0"))
    // What could not be published counts.
    #expect(run.status == 3)
    #expect(run.errors.contains("the password of 'ann' in the URL is wrong"))
    let history = try project.bobbin(["history", "p.yaml", "--json"])
    for text in [run.output, run.errors, history.output] { #expect(!text.contains("s3cret")) }
    #expect(history.output.contains("ann:***@"))
    // Nor is it kept.
    let cache = project.root.appending(path: "cache")
    for path in try FileManager.default.subpathsOfDirectory(atPath: cache.path) {
      guard let bytes = FileManager.default.contents(atPath: cache.appending(path: path).path) else {
        continue
      }
      #expect(bytes.range(of: Data("s3cret".utf8)) == nil, "\(path)")
    }
  }
}

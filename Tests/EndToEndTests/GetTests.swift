// Where `get` puts things, what it fetches, and that it runs nothing unasked.

import Foundation
import Testing

@Suite struct GetTests {
  private static let pipeline = """
    version: 1
    stages:
      numbers:
        run: seq 1 100000 > ${out.list}
        outputs: { list: list.txt }
      sorted:
        run: sort ${numbers} > ${out.list}
        outputs: { list: list.txt }
    """

  private func project(_ arguments: String...) throws -> Project {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    let run = try project.bobbin(["run", "p.yaml", "--jobs", "2"] + arguments)
    #expect(run.status == 0, "\(run.errors)")
    return project
  }

  /// Removes all bytes from the store.
  private func forget(in project: Project) throws {
    try FileManager.default.removeItem(at: project.root.appending(path: "cache/blobs"))
    try? FileManager.default.removeItem(at: project.root.appending(path: "cache/open"))
  }

  private func type(_ path: String) -> FileAttributeType? {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return attributes?[.type] as? FileAttributeType
  }

  /// H7.
  @Test func devicesPipesAndLinksStayWhatTheyAre() throws {
    let project = try project()
    let root = project.root.path
    let whole = try project.bobbin("get", "p.yaml", "numbers").output
    #expect(whole.hasPrefix("1\n2\n") && whole.hasSuffix("\n100000\n"))

    // A pipe with room for all of it.
    try #require(mkfifo(root + "/pipe", 0o600) == 0)
    let pipe = open(root + "/pipe", O_RDWR | O_NONBLOCK | O_CLOEXEC)
    defer { close(pipe) }
    let room = 1 << 20
    // F_SETPIPE_SZ, by its number (fcntl.h), which isn't imported.
    #expect(fcntl(pipe, 1031, Int32(room)) >= whole.utf8.count)
    #expect(try project.bobbin("get", "p.yaml", "numbers", "-o", "pipe").status == 0)
    var got = [UInt8](repeating: 0, count: room)
    var n = 0
    while case let more = got[n...].withUnsafeMutableBytes({ read(pipe, $0.baseAddress, $0.count) }), more > 0
    {
      n += more
    }
    #expect(String(decoding: got[..<n], as: UTF8.self) == whole)
    var status = stat()
    #expect(lstat(root + "/pipe", &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)

    // A link's file is replaced, and the link stays.
    try project.write("file", "before")
    try FileManager.default.createSymbolicLink(atPath: root + "/link", withDestinationPath: "file")
    #expect(try project.bobbin("get", "p.yaml", "numbers", "-o", "link").status == 0)
    #expect(type(root + "/link") == .typeSymbolicLink)
    #expect(try String(contentsOfFile: root + "/file", encoding: .utf8) == whole)

    // Standard output by its name, what was there kept.
    #expect(try project.bobbin("get", "p.yaml", "numbers", "-o", "/proc/self/fd/1").output == whole)
  }

  @Test func whatCantBeAPlaceIsRefusedAndLeftAlone() throws {
    let project = try project()
    let root = project.root.path
    try FileManager.default.createSymbolicLink(atPath: root + "/broken", withDestinationPath: "gone/gone")
    try project.write("folder/file", "mine")
    for (place, why) in [
      ("broken", "it is a link to nothing"), ("folder", "a folder is there"),
      ("none/x", "there is no folder"),
      ("", "there is no folder"),
    ] {
      let get = try project.bobbin("get", "p.yaml", "numbers", "-o", place)
      #expect(get.status == 1)
      #expect(get.errors.hasPrefix("error: nothing can be put at '\(place)': \(why)"), "\(get.errors)")
    }
    #expect(type(root + "/broken") == .typeSymbolicLink)
    #expect(try String(contentsOfFile: root + "/folder/file", encoding: .utf8) == "mine")
  }

  /// A20, A21: what isn't here is told, with what it takes, and nothing runs.
  @Test func getRunsNothingUnasked() throws {
    let project = try project("--remote", "remote")
    try forget(in: project)
    let get = try project.bobbin("get", "p.yaml", "sorted")
    #expect(get.status == 1)
    #expect(
      get.errors.contains("sorted is up to date, but its bytes aren't in this store.")
        && get.errors.contains("2 instances would run: numbers, sorted.")
        && get.errors.contains("`bobbin get p.yaml 'sorted' --rebuild` does that."), "\(get.errors)")

    // From the remote they come without a question.
    let fetched = try project.bobbin("get", "p.yaml", "sorted", "--remote", "remote")
    #expect(fetched.status == 0, "\(fetched.errors)")
    #expect(fetched.output.hasPrefix("1\n10\n100\n"))
  }

  /// A20: as asked.
  @Test func rebuildMakesItAgain() throws {
    let project = try project()
    let before = try project.bobbin("get", "p.yaml", "sorted").output
    try forget(in: project)
    let get = try project.bobbin("get", "p.yaml", "sorted", "--rebuild")
    #expect(get.status == 0, "\(get.errors)")
    #expect(get.output == before)
  }

  /// F14, H16: a folder is there whole or not at all.
  @Test func aKilledGetLeavesNoHalfFolder() throws {
    let project = try Project()
    try project.write(
      "p.yaml", "version: 1\nstages:\n  a: { uses: dataset/synthetic, with: { train: 10000, test: 10 } }")
    #expect(try project.bobbin("run", "p.yaml").status == 0)
    let whole = try project.bobbin("get", "p.yaml", "a", "-o", "whole")
    #expect(whole.status == 0, "\(whole.errors)")
    let path = project.root.path
    let names = try FileManager.default.subpathsOfDirectory(atPath: path + "/whole").sorted()
    #expect(names.count > 1)
    for signal in [SIGKILL, SIGTERM] {
      let get = try project.start(["get", "p.yaml", "a", "-o", "copy"])
      while kill(get.pid, 0) == 0 {
        let here = try FileManager.default.contentsOfDirectory(atPath: path)
        if here.contains(where: { $0.hasPrefix(".copy.") || $0 == "copy" }) { break }
        usleep(1000)
      }
      kill(get.pid, signal)
      let status = get.waitForEnd()
      if FileManager.default.fileExists(atPath: path + "/copy") {
        #expect(try FileManager.default.subpathsOfDirectory(atPath: path + "/copy").sorted() == names)
        try FileManager.default.removeItem(atPath: path + "/copy")
      } else if signal == SIGTERM {
        #expect(status == 130)
      }
      for name in try FileManager.default.contentsOfDirectory(atPath: path) where name.hasPrefix(".copy.") {
        #expect(signal == SIGKILL, "\(name)")
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
      }
    }
  }
}

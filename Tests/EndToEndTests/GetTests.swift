// Where `get` puts things, what it fetches, and that it runs nothing unasked.

import Canonical
import ContentStore
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
    #expect(try project.bobbin("get", "p.yaml", "numbers", "-o", "link").status == 1)
    #expect(try String(contentsOfFile: root + "/file", encoding: .utf8) == "before")
    #expect(try project.bobbin("get", "p.yaml", "numbers", "-o", "link", "--force").status == 0)
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

  private static let group = """
    version: 1
    stages:
      model:
        matrix: { regime: [standard, "a b/c"], seed: [0, 1] }
        run: "echo ${matrix.regime} ${matrix.seed} > ${out.weights}; echo log > ${out.log}"
        outputs: { weights: weights.bin, log: log.txt }
      pair:
        matrix: { front: "${model}", end: "${model[regime=standard, seed=0]}" }
        run: "cat ${matrix.front.weights} > ${out.file}"
        outputs: { file: pair.txt }
    """

  private func contents(_ project: Project, _ folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: project.root.path + "/" + folder).sorted()
  }

  private func text(_ project: Project, _ path: String) throws -> String {
    try String(contentsOf: project.root.appending(path: path), encoding: .utf8)
  }

  /// F14.
  @Test func aGroupBecomesAFolderWithNamesFromItsAxesAndAManifest() throws {
    let project = try Project()
    try project.write("p.yaml", Self.group)
    let stale = try project.bobbin("get", "p.yaml", "model.weights", "-o", "out")
    #expect(stale.status == 1)
    #expect(stale.errors.hasPrefix("error: model (4) aren't up to date; first: bobbin run p.yaml 'model'"))
    #expect(try project.bobbin("run", "p.yaml").status == 0)
    let get = try project.bobbin("get", "p.yaml", "model.weights", "-o", "out")
    #expect(get.status == 0, "\(get.errors)")
    let files = ["a_b_c", "standard"].flatMap { regime in
      (0...1).map { "regime=\(regime),seed=\($0).bin" }
    }
    #expect(try contents(project, "out") == ["manifest.json"] + files)
    #expect(try text(project, "out/regime=standard,seed=1.bin") == "standard 1\n")
    let members = try #require(try JSON(parsing: text(project, "out/manifest.json"))["members"]?.arrayValue)
    #expect(members.count == 4)
    #expect(
      members[3] == [
        "path": "regime=a_b_c,seed=1.bin", "instance": "model[regime='a b/c',seed=1]", "stage": "model",
        "axes": ["regime": "a b/c", "seed": "1"], "artifact": "weights", "type": "file", "form": "file",
        "size": 8, "digest": .string(Digest.of("a b/c 1\n".utf8).hex),
      ])
    // A part of it, of which one axis varies, is named as in the whole; an axis that doesn't vary says nothing.
    #expect(try project.bobbin("get", "p.yaml", "model[seed=1].weights", "-o", "part/").status == 0)
    #expect(try contents(project, "part") == ["manifest.json", files[1], files[3]])
    #expect(try project.bobbin("get", "p.yaml", "pair", "-o", "pairs").status == 0)
    #expect(try contents(project, "pairs").contains("regime=a_b_c,seed=1.txt"))
    // One instance into a folder, by the slash.
    #expect(
      try project.bobbin("get", "p.yaml", "model[regime=standard,seed=0].log", "-o", "one/").status == 0)
    #expect(try contents(project, "one") == ["manifest.json", "regime=standard,seed=0.txt"])
    for arguments in [[], ["-o", "-"]] {
      let refused = try project.bobbin(["get", "p.yaml", "model.weights"] + arguments)
      #expect(refused.status == 2)
      #expect(
        refused.errors.hasPrefix(
          "error: 'model.weights' means 4 instances, which don't fit into standard output. Say where to put them: -o "
            + "FOLDER"), "\(refused.errors)")
    }
  }

  /// F14, H1: nothing is replaced unasked, and nothing that isn't Bobbin's is ever removed.
  @Test func onlyForceReplacesAndOnlyFilesOfTheSameNames() throws {
    let project = try Project()
    try project.write("p.yaml", Self.group)
    #expect(try project.bobbin("run", "p.yaml").status == 0)
    try project.write("out/mine.txt", "mine")
    try project.write("out/sub/mine.txt", "mine")
    #expect(try project.bobbin("get", "p.yaml", "model.weights", "-o", "out").status == 0)
    #expect(try contents(project, "out").count == 8)
    try project.write("out/regime=standard,seed=0.bin", "changed")
    let again = try project.bobbin("get", "p.yaml", "model.weights", "-o", "out")
    #expect(again.status == 1)
    #expect(
      again.errors.contains("--force replaces it, and files of the same names alone"), "\(again.errors)")
    #expect(try text(project, "out/regime=standard,seed=0.bin") == "changed")
    let forced = try project.bobbin("get", "p.yaml", "model.weights", "-o", "out", "--force")
    #expect(forced.status == 0, "\(forced.errors)")
    #expect(try text(project, "out/regime=standard,seed=0.bin") == "standard 0\n")
    #expect(try text(project, "out/mine.txt") == "mine" && text(project, "out/sub/mine.txt") == "mine")

    // What isn't a plain file is in the way, even of --force.
    try FileManager.default.removeItem(at: project.root.appending(path: "out/manifest.json"))
    try project.write("out/manifest.json/mine", "mine")
    let blocked = try project.bobbin("get", "p.yaml", "model.weights", "-o", "out", "--force")
    #expect(blocked.status == 1 && blocked.errors.contains("is in the way there: it is no plain file"))
    #expect(try text(project, "out/manifest.json/mine") == "mine")
    #expect(try !contents(project, "out").contains { $0.hasPrefix(".") })

    // A file: the same content is there already; another isn't replaced.
    let one = ["get", "p.yaml", "model[regime=standard,seed=0].log", "-o", "log.txt"]
    #expect(try project.bobbin(one, output: nil).status == 0)
    #expect(try project.bobbin(one, output: nil).status == 0)
    try project.write("log.txt", "mine")
    let refused = try project.bobbin(one, output: nil)
    #expect(refused.status == 1)
    #expect(
      refused.errors == "error: nothing can be put at 'log.txt': a file is there. --force replaces it\n")
    #expect(try text(project, "log.txt") == "mine")
    #expect(try project.bobbin(one + ["--force"], output: nil).status == 0)
    #expect(try text(project, "log.txt") == "log\n")
  }

  /// F14.
  @Test func anExtensionThatDoesntFitIsAnErrorWithItsCure() throws {
    let project = try Project()
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        tree: { run: "mkdir ${out.tree}; echo a > ${out.tree}/a", outputs: { tree: tree } }
        text: { run: "echo a > ${out.text}", outputs: { text: a.txt } }
      """)
    #expect(try project.bobbin("run", "p.yaml").status == 0)
    for (artifact, place, problem) in [
      (
        "tree", "x.safetensors",
        "tree.tree is a folder, and can't be the file 'x.safetensors'. Name a folder: -o x"
      ), ("text", "x.csv", "text.text is a .txt file, and 'x.csv' says it isn't. Name it -o x.txt"),
    ] {
      let get = try project.bobbin("get", "p.yaml", artifact, "-o", place)
      #expect(get.status == 2)
      #expect(get.errors == "error: \(problem)\n")
      #expect(type(project.root.path + "/" + place) == nil)
    }
    for (artifact, place) in [("tree", "v1.0"), ("text", "x.TXT"), ("text", "plain")] {
      #expect(try project.bobbin("get", "p.yaml", artifact, "-o", place).status == 0)
    }
    #expect(try contents(project, "v1.0") == ["a"])
    let again = try project.bobbin("get", "p.yaml", "tree", "-o", "v1.0")
    #expect(again.status == 1 && again.errors.contains("a folder is there that isn't empty. --force"))
    #expect(try project.bobbin("get", "p.yaml", "tree", "-o", "v1.0", "--force").status == 0)
    #expect(try project.bobbin("get", "p.yaml", "tree", "-o", "-").status == 1)
  }

  /// F14: bytes that lie on the remote alone are said to come from there.
  @Test func whatIsFetchedFromTheRemoteIsSaid() throws {
    let project = try project("--remote", "remote")
    try forget(in: project)
    let get = try project.bobbin("get", "p.yaml", "sorted", "-o", "x.txt", "--remote", "remote")
    #expect(get.status == 0, "\(get.errors)")
    #expect(
      get.errors.hasPrefix("fetching 1 file, ") && get.errors.contains(", from ")
        && get.errors.contains("remote"), "\(get.errors)")
    let again = try project.bobbin("get", "p.yaml", "sorted", "--remote", "remote")
    #expect(again.errors == "")
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
        if here.contains(where: { $0.hasPrefix(".bobbin-get-") || $0 == "copy" }) { break }
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
      let left = try FileManager.default.contentsOfDirectory(atPath: path).filter {
        $0.hasPrefix(".bobbin-get-")
      }
      #expect(left.count <= (signal == SIGKILL ? 1 : 0), "\(left)")
    }
    // What a dead process left goes with the next `get` to the same folder; what others made stays.
    let dead = try String(
      #require(OwnName().text.firstMatch(of: /^(.*)-(\d+)-([0-9a-f]+)$/).map { "\($0.1)-4194305-\($0.3)" }))
    let foreign = [".bobbin-get-mine/a", ".copy.old/a", dead + "/a"]
    for name in foreign + [".bobbin-get-\(dead)/new/a"] { try project.write(name, "x") }
    try FileManager.default.createSymbolicLink(
      atPath: path + "/.bobbin-get-\(dead.dropLast())0", withDestinationPath: ".copy.old")
    #expect(try project.bobbin("get", "p.yaml", "a", "-o", "copy").status == 0)
    let left = try FileManager.default.contentsOfDirectory(atPath: path)
    #expect(
      Set(left.filter { $0.hasPrefix(".bobbin-get-") })
        == [".bobbin-get-mine", ".bobbin-get-\(dead.dropLast())0"], "\(left)")
    for name in foreign { #expect(FileManager.default.fileExists(atPath: "\(path)/\(name)"), "\(name)") }
  }
}

// What a command is told of groups: the names of their members' files, and the manifest.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct GroupInputTests {
  let bench: Workbench
  init() throws { bench = try Workbench() }

  /// A command that reads a group of texts, each with its axes.
  private func command(
    _ line: String, _ members: [(text: String, axes: KeyValuePairs<String, String>)],
    stage: String = "scores",
    outputs: [String] = ["x"]
  ) throws -> Job {
    var files: [Digest: String] = [:]
    let inputs = try members.map { member in
      let (artifact, path) = try bench.blob(member.text)
      files[artifact.digest] = path
      return JobInput(
        artifact: artifact, labels: member.axes.map { Label(axis: $0.key, value: $0.value) }, stage: stage)
    }
    return bench.command(
      line, outputs: outputs, inputs: ["scores": inputs], files: files, extensions: ["scores": "json"])
  }

  @Test("F7: a group's members are named by the axes that tell them apart")
  func names() throws {
    let job = try command(
      "for f in ${in.scores}; do basename $f; done > ${out.x}",
      [
        ("1", ["front.seed": "0", "method": "fula", "cut": "conv1"]),
        ("2", ["front.seed": "1", "method": "fula", "cut": "conv1"]),
        ("3", ["front.seed": "1", "method": "fula", "cut": "a b/c'd"]),
        ("4", ["front.seed": "1", "method": "fula", "cut": "a b/c\"d"]),
      ])
    #expect(
      try bench.success(job).texts["x"] == """
        front.seed=0,cut=conv1.json
        front.seed=1,cut=conv1.json
        front.seed=1,cut=a_b_c_d.json
        front.seed=1,cut=a_b_c_d-4.json

        """)
  }

  @Test("F7: the manifest says path, stage and axes of each member")
  func manifest() throws {
    let line = "cat \"$BOBBIN_INPUTS\" > ${out.x}; cat ${in.scores} > ${out.y}"
    let job = try command(
      line, [("one", ["seed": "0", "cut": "conv1"]), ("two", ["seed": "1", "cut": "conv1"])],
      outputs: ["x", "y"])
    let texts = try bench.success(job).texts
    #expect(texts["y"] == "onetwo")
    let json = try JSON(parsing: Array(texts["x"]!.utf8))
    let members = try #require(json["inputs"]?["scores"]?.arrayValue)
    #expect(members.map { $0["axes"] } == [["cut": "conv1", "seed": "0"], ["cut": "conv1", "seed": "1"]])
    #expect(members.map { $0["stage"] } == ["scores", "scores"])
    #expect(members[1]["path"]?.stringValue?.hasSuffix("/seed=1.json") == true)
    #expect(json["outputs"]?["x"]?["type"] == "file")
    #expect(json["outputs"]?["x"]?["path"]?.stringValue?.hasSuffix("/x.txt") == true)
  }

  /// Its stage isn't in the key, so the command must not see it.
  @Test func whatIsNoGroupHasAPathAlone() throws {
    let job = try command("cat \"$BOBBIN_INPUTS\" > ${out.x}; cat ${in.scores}", [("one", [:])], stage: "")
    let json = try JSON(parsing: Array(try bench.success(job).texts["x"]!.utf8))
    let member = try #require(json["inputs"]?["scores"]?.arrayValue?.first?.objectValue)
    #expect(member.keys.sorted() == ["path"])
    #expect(member["path"]?.stringValue?.hasSuffix("/in/scores.json") == true)
  }

  static let hasPython =
    ["/usr/bin/python3", "/bin/python3"].contains { FileManager.default.isExecutableFile(atPath: $0) }

  @Test(
    "F7: a script reads a group by the Python module, and tells its progress",
    .enabled(if: hasPython, "there is no python3 in /usr/bin"))
  func module() throws {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("python").path
    let script = bench.folder.appendingPathComponent("read.py").path
    try """
    import sys
    sys.dont_write_bytecode = True
    sys.path.insert(0, sys.argv[1])
    import bobbin
    for i, member in enumerate(bobbin.inputs("scores")):
        print(member.axes["seed"], member.stage, member.load()["a"], file=open(bobbin.output("y"), "a"))
        bobbin.progress((i + 1) / 2, seed=member.axes["seed"])
    bobbin.save_scores({"sum": 3}, output="x")
    """.write(toFile: script, atomically: true, encoding: .utf8)
    let job = try command(
      "python3 '\(script)' '\(package)'; : ${in.scores}",
      [(#"{"a": 1}"#, ["seed": "0"]), (#"{"a": 2}"#, ["seed": "1"])], outputs: ["x", "y"])
    #expect(try bench.success(job).texts == ["x": "{\"sum\": 3}\n", "y": "0 scores 1\n1 scores 2\n"])
    #expect(bench.logText().hasSuffix("seed 1\n"))
  }
}

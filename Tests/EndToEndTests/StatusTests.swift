// What `status` and `run --dry-run` say, and that what was named can be given to commands.

import Canonical
import Foundation
import Testing

@Suite struct StatusTests {
  private static let pipeline = """
    version: 1
    params: { rate: 1 }
    stages:
      first:
        matrix: { seed: [0, 1] }
        run: "echo ${params.rate} ${matrix.seed} > ${out.file}"
        outputs: { file: file.txt }
      second:
        matrix: { from: "${first}", method: [direct, fula] }
        run: "test ${matrix.method} = direct; cat ${matrix.from.file} > ${out.file}"
        outputs: { file: file.txt }
      last: { run: "cat ${second.file} > ${out.file}", outputs: { file: file.txt } }
    """

  /// F8.
  @Test func statusKnowsWhatFailedTakesSelectionsAndJSON() throws {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    #expect(
      try project.bobbin("status", "p.yaml").output == """
        missing      first (2)
        pending      second (4), last: wait for first (2)
        0 up to date, 0 stale, 5 pending, 2 missing

        """)
    #expect(try project.bobbin("run", "p.yaml", "--keep-going").status == 1)
    #expect(
      try project.bobbin("status", "p.yaml").output == """
        up to date   first (2), second[method=direct] (2)
        failed       second[method=fula] (2): the command ended with status 1
        pending      last: waits for second[method=fula] (2)
        4 up to date, 0 stale, 1 pending, 0 missing, 2 failed

        """)
    // What is printed is what commands take.
    let verbose = try project.bobbin("status", "p.yaml", "second[method=fula]", "-v").output
      .split(separator: "\n")
    for seed in 0...1 {
      #expect(
        verbose[seed].hasPrefix(
          "failed       second[from=first[seed=\(seed)],method=fula]  the command ended with status 1"),
        "\(verbose)")
    }
    #expect(verbose[2] == "0 up to date, 0 stale, 0 pending, 0 missing, 2 failed")
    let json = try project.bobbin("status", "p.yaml", "second", "--json").json
    #expect(["upToDate", "failed", "stale"].map { json[$0] } == [2, 2, 0])
    #expect(json["instances"]?.arrayValue?.count == 4)
  }

  /// F8.
  @Test func dryRunsGroupLikewiseAndAnswerInJSON() throws {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    #expect(try project.bobbin("run", "p.yaml", "first").status == 0)
    let dry = try project.bobbin("run", "p.yaml", "--dry-run", "--json")
    #expect(dry.status == 0)
    #expect(
      try dry.states.filter { $0.key.hasPrefix("first") } == [
        "first[seed=0]": "upToDate", "first[seed=1]": "upToDate",
      ])
    #expect(try dry.states["last"] == "pending")
    let reasons = try dry.json["instances"]?.arrayValue?.map { $0["reason"] ?? 0 }
    #expect(reasons?.first == .null && reasons?.last == "waits for second[from=first[seed=0],method=direct]")
    #expect(
      try project.bobbin("run", "p.yaml", "--dry-run").output == """
        missing      second (4)
        pending      last: waits for second (4)
        forecast     unknown: no earlier run of second (4), last
        2 up to date, 0 stale, 1 pending, 4 missing

        """)
  }
}

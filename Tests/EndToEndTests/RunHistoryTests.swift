// What is said of runs before this one and to come: `history`, `diff`, the forecast of a dry run, `show --lineage` and
// `--used-by`.

import Canonical
import Foundation
import Testing

@Suite struct RunHistoryTests {
  private static let pipeline = """
    version: 1
    params: { rate: 1, bad: none, seeds: [0, 1] }
    stages:
      first:
        matrix: { seed: "${params.seeds}" }
        run: "cat ${in.data} > ${out.file}; echo ${params.rate} ${matrix.seed} >> ${out.file}"
        inputs: { data: data.txt }
        outputs: { file: file.txt }
      second:
        matrix: { from: "${first}", method: [direct, fula] }
        run: "test ${matrix.method} != ${params.bad}; cat ${matrix.from.file} > ${out.file}"
        outputs: { file: file.txt }
      scored:
        run: "echo '{\\"loss\\": 0.5, \\"rate\\": ${params.rate}}' > ${out.scores}; cat ${second.file} > /dev/null"
        outputs: { scores: { file: scores.json, type: scores } }
    """

  private func project() throws -> Project {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    try project.write("data.txt", "12345\n")
    return project
  }

  /// What changes from run to run by nothing but the clock.
  private func timeless(_ text: String) -> String {
    text.replacing(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, with: "TIME")
      .replacing(/\d{4}-\d\d-\d\dT[0-9:.]+Z, [0-9.]+s/, with: "TIME")
      .replacing(#/  [0-9a-f]{12}  /#, with: "  KEY  ")
  }

  /// The cells of a table, two spaces apart.
  private func squeezed(_ table: String) -> String {
    timeless(table).replacing(#/ +[0-9.]+s  /#, with: "  TOOK  ").replacing(#/\b {2,}/#, with: "  ")
  }

  @Test func historyListsRunsAndDiffSetsTwoSideBySide() throws {
    let project = try project()
    #expect(
      try project.bobbin("history", "p.yaml").output
        == "no run of p.yaml is remembered in \(project.root.path)/cache\n")
    #expect(try project.bobbin("run", "p.yaml").status == 0)
    #expect(try project.bobbin("run", "p.yaml", "--set", "rate=2").status == 0)
    #expect(try project.bobbin("run", "p.yaml", "--set", "rate=2", "--set", "bad=fula", "-k").status == 1)
    let history = try project.bobbin("history", "p.yaml")
    #expect(history.status == 0)
    #expect(
      squeezed(history.output) == """
        run  started  took  ended  executed  cached  skipped  command
          3  TIME  TOOK  failed 2  2  2  1  run p.yaml --set 'rate=2' --set 'bad=fula' -k
          2  TIME  TOOK  ok  7  0  0  run p.yaml --set 'rate=2'
          1  TIME  TOOK  ok  7  0  0  run p.yaml

        """)
    #expect(
      try project.bobbin("history", "--limit", "1").output.hasSuffix("1 of 3 runs; --limit 3 shows all\n"))
    let json = try project.bobbin("history", "p.yaml", "--json").json
    #expect(json["total"] == 3)
    let entry = try #require(json["runs"]?.arrayValue?.first)
    #expect(["run", "failed", "exitStatus", "skipped"].map { entry[$0] } == [3, 2, 1, 1])
    #expect(entry["file"] == "p.yaml" && entry["state"] == "ended")

    let diff = try project.bobbin("diff", "p.yaml", "--from", "1", "--to", "2")
    #expect(diff.status == 0, "\(diff.errors)")
    #expect(
      timeless(diff.output) == """
        run 1  TIME  ok  run p.yaml
          executed 7: first (2), second (4), scored
        run 2  TIME  ok  run p.yaml --set 'rate=2'
          executed 7: first (2), second (4), scored
        what changed
          first[seed=0]: run …file}; echo 1 0 >> ${out.file} → …file}; echo 2 0 >> ${out.file}
          first[seed=1]: run …file}; echo 1 1 >> ${out.file} → …file}; echo 2 1 >> ${out.file}
          scored: run ….5, "rate": 1}' > ${out.scores}; cat ${in.1} >… → ….5, "rate": 2}' > ${out.scores}; cat ${in.1} >…
          second (4): what they read follows from first (2)
        what they gave
          other bytes: first (2), second (4), scored
        scores
                        run 1  run 2  difference
          scored  rate      1      2          +1
        7 differ, 0 the same, 0 only in run 1, 0 only in run 2

        """)
    let last = try project.bobbin("diff", "p.yaml")
    #expect(
      timeless(last.output) == """
        run 2  TIME  ok  run p.yaml --set 'rate=2'
          executed 7: first (2), second (4), scored
        run 3  TIME  failed 2  run p.yaml --set 'rate=2' --set 'bad=fula' -k
          executed 2: second[method=direct] (2)
          failed 2: second[method=fula] (2)
        what changed
          second[method=direct] (2): run test direct != none; cat ${in.1} > ${out.file} → test direct != fula; \
        cat ${in.1} > ${out.file}
          second[method=fula] (2): failed as of run 3: the command ended with status 1
          scored: not started as of run 3
        what they gave
          the same bytes: second[method=direct] (2)
        5 differ, 2 the same, 0 only in run 2, 0 only in run 3

        """)
    let compared = try project.bobbin("diff", "p.yaml", "--from", "1", "--to", "2", "--json").json
    #expect(
      compared["scores"]?.canonical == """
        [{"difference":1.0,"from":1.0,"instance":"scored","output":"scores","score":"rate","to":2.0}]
        """)
  }

  @Test func whichRunIsMeantMustBeClear() throws {
    let project = try project()
    try project.write(
      "q.yaml", "version: 1\nstages:\n  a: { run: \"echo 1 > ${out.x}\", outputs: { x: x.txt } }\n")
    func message(_ words: String...) throws -> String {
      let finished = try project.bobbin(["diff", "p.yaml"] + words)
      #expect(finished.status == 2)
      return finished.errors
    }
    #expect(try message() == "error: no run 'last~1'; there are 0, see bobbin history p.yaml\n")
    for _ in 0..<2 { #expect(try project.bobbin("run", "p.yaml").status == 0) }
    #expect(try project.bobbin("run", "q.yaml").status == 0)
    #expect(
      try message("--from", "last~7") == "error: no run 'last~7'; there are 2, see bobbin history p.yaml\n")
    #expect(try message("--to", "9") == "error: no run '9'; there are 2, see bobbin history p.yaml\n")
    #expect(
      try message("--to", "3") == "error: run 3 is one of q.yaml, not of p.yaml; see bobbin history p.yaml\n")
    #expect(
      try message("--from", "first") == """
        error: 'first' names no run: give a number, last or last~1; `bobbin history p.yaml` lists them

        """)
    #expect(try message("--from", "2") == "error: '2' and 'last' are both run 2; name two\n")
    let diff = try project.bobbin("diff", "p.yaml")
    #expect(diff.status == 0)
    #expect(
      timeless(diff.output) == """
        run 1  TIME  ok  run p.yaml
          executed 7: first (2), second (4), scored
        run 2  TIME  ok  run p.yaml
          executed nothing
        nothing differs: 7 instances

        """)
    let lost = try project.bobbin("history", "pp.yaml")
    #expect(lost.status == 2)
    #expect(
      lost.errors == """
        error: pp.yaml: there is no such file, and no run of one is remembered in \(project.root.path)/cache. \
        Did you mean 'p.yaml'?

        """)
  }

  @Test func aDryRunForecastsByEarlierRuns() throws {
    let project = try project()
    #expect(
      try project.bobbin("run", "p.yaml", "--dry-run").output == """
        missing      first (2)
        pending      second (4), scored: wait for first (2)
        forecast     unknown: no earlier run of first (2), second (4), scored
        0 up to date, 0 stale, 5 pending, 2 missing

        """)
    #expect(try project.bobbin("run", "p.yaml").status == 0)
    let dry = try project.bobbin("run", "p.yaml", "--dry-run", "--set", "rate=3", "--jobs", "1").output
      .split(separator: "\n")
    #expect(dry.contains { $0.hasPrefix("forecast     about ") && $0.contains("with 1 job") }, "\(dry)")
    #expect(
      dry.contains { $0.hasPrefix("  first (2): ") && $0.hasSuffix("by 2 earlier runs of the stage") },
      "\(dry)")
    #expect(dry.contains("  5 of them wait for others: they run only if those give other bytes"))
    let forecast = try #require(
      try project.bobbin("run", "p.yaml", "--dry-run", "--set", "rate=3", "--jobs", "2", "--json").json[
        "forecast"])
    #expect(["jobs", "instances", "pending", "unknown"].map { forecast[$0] } == [2, 7, 5, 0])
    #expect(forecast["stages"]?.arrayValue?.map { $0["basis"] } == ["stage", "stage", "stage"])
    #expect(try project.bobbin("run", "p.yaml", "--dry-run", "--json").json["forecast"] == .null)
  }

  @Test func lineageLeadsToTheFilesAndUsedByToTheLeaves() throws {
    let project = try project()
    let second = "second[from=first[seed=0],method=fula]"
    let missing = try project.bobbin("show", "p.yaml", second, "--lineage")
    #expect(missing.status == 1)
    #expect(
      missing.errors == "error: \(second) isn't up to date; `bobbin status p.yaml` says why\n")
    #expect(try project.bobbin("run", "p.yaml").status == 0)
    #expect(
      try timeless(project.bobbin("show", "p.yaml", second, "--lineage").output) == """
        \(second)  command  KEY  TIME
        └─ first[seed=0]  command  KEY  TIME
           └─ data.txt  sha256 f33ae3bc9a22, 6 B

        """)
    // Another file that reads the same content, and an earlier result.
    try project.write(
      "q.yaml",
      Self.pipeline.replacing("scored:", with: "judged:").replacing("seeds: [0, 1]", with: "seeds: [0]"))
    #expect(try project.bobbin("run", "q.yaml").status == 0)
    #expect(
      try timeless(project.bobbin("show", "p.yaml", "first[seed=0]", "--used-by").output) == """
        first[seed=0]  command  KEY  TIME
        ├─ second[from=first[seed=0],method=direct]  command  KEY  TIME
        │  └─ scored  command  KEY  TIME
        └─ second[from=first[seed=0],method=fula]  command  KEY  TIME
           └─ scored  (above)
        elsewhere, by records in the store
          q.yaml: judged, second (2, such as second[from=first[seed=0],method=direct])

        """)
    let json = try JSON(
      parsing: Array(project.bobbin("show", "p.yaml", "first[seed=0]", "--used-by", "--json").output.utf8))
    #expect(json["instances"]?.arrayValue?.count == 4)
    #expect(json["elsewhere"]?.arrayValue?.count == 3)
    let roots = try JSON(
      parsing: Array(project.bobbin("show", "p.yaml", "scored", "--lineage", "--json").output.utf8))
    let first = try #require(roots["instances"]?.arrayValue?.first { $0["name"] == "first[seed=1]" })
    #expect(first["files"]?.arrayValue?.map { $0["path"] } == ["data.txt"])
    #expect(roots["instances"]?.arrayValue?.first?["reads"]?.arrayValue?.count == 4)
    let both = try project.bobbin("show", "p.yaml", "scored", "--lineage", "--used-by")
    #expect(both.status == 2 && both.errors.contains("--lineage and --used-by are two questions; ask one"))
  }
}

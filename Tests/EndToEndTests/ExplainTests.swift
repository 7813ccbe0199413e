// What `explain` says on the command line.

import Canonical
import Foundation
import Testing

@Suite struct ExplainTests {
  private static let pipeline = """
    version: 1
    params: { rate: 1 }
    stages:
      first:
        matrix: { seed: [0, 1] }
        run: "echo ${params.rate} ${matrix.seed} > ${out.file}"
        outputs: { file: file.txt }
      second:
        matrix: { from: "${first}" }
        run: "cat ${matrix.from.file} > ${out.file}"
        outputs: { file: file.txt }
      last: { run: "cat ${second.file} > ${out.file}", outputs: { file: file.txt } }
    """

  private func project() throws -> Project {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    #expect(try project.bobbin("run", "p.yaml").status == 0)
    return project
  }

  @Test func aFileIsALineForEachCauseWithAnExample() throws {
    let project = try project()
    #expect(
      try project.bobbin("explain", "p.yaml", "--set", "rate=2").output == """
        stale        first[seed=0]: run echo 1 0 > ${out.file} → echo 2 0 > ${out.file}
        stale        first[seed=1]: run echo 1 1 > ${out.file} → echo 2 1 > ${out.file}
        pending      second (2), last, such as second[from=first[seed=0]]: wait for first (2)
        0 up to date, 2 stale, 3 pending, 0 missing

        """)
    #expect(try project.bobbin("run", "p.yaml", "second", "--set", "rate=2").status == 0)
    let last = try project.bobbin("explain", "p.yaml", "last", "--set", "rate=2")
    #expect(
      last.output.hasPrefix(
        """
        last is stale
          input 1: content of second[from.seed=0], second[from.seed=1] changed \
        (← second[from=first[seed=0]] ← first[seed=0]: run echo 1 0 > ${out.file} → echo 2 0 > ${out.file}; \
        ← second[from=first[seed=1]] ← first[seed=1]: run echo 1 1 > ${out.file} → echo 2 1 > ${out.file})
        compared with the result of last of 20
        """), "\(last.output)")
  }

  @Test func itRunsNothingAndAnswersInJSON() throws {
    let project = try project()
    let one = try project.bobbin("explain", "p.yaml", "first[seed=0]")
    #expect(one.output.hasPrefix("first[seed=0] is up to date: made 20"), "\(one.output)")
    let json = try project.bobbin("explain", "p.yaml", "--set", "rate=2", "--json").json
    let instances = try #require(json["instances"]?.arrayValue)
    #expect(instances.map { $0["state"] } == ["stale", "stale", "pending", "pending", "pending"])
    #expect(instances[0]["components"]?.arrayValue?.contains { $0["part"] == "code" } == true)
    #expect(try project.bobbin("run", "p.yaml", "--json").states.allSatisfy { $0.value == "cached" })
  }

  @Test func wrongNamesAreRefusedWithTheNearest() throws {
    let project = try project()
    for (arguments, error) in [
      (["p.yaml", "secnd"], "error: secnd: there is no stage 'secnd'. Did you mean 'second'?"),
      (["p.yaml", "first[sed=0]"], "'first' has no axis 'sed'. Did you mean 'seed'?"),
      (["p.yaml", "first[seed=7]"], "no instance of 'first' has seed=7; it has 0, 1"),
      (["q.yaml"], "q.yaml: "), (["p.yaml", "--jsn"], "--jsn"),
    ] {
      let finished = try project.bobbin(["explain"] + arguments)
      #expect(
        finished.status == 2 && finished.output.isEmpty && finished.errors.contains(error),
        "\(finished.errors)")
    }
  }
}

// Done-when 5 of tracing as a user sees it: what a traced command opens undeclared is told with the line to add, and counts.

import Canonical
import Foundation
import Testing

@Suite struct TracingTests {
  private static let pipeline = """
    version: 1
    stages:
      probe:
        run: sh scripts/main.sh > ${out.log}
        code: [scripts/main.sh]
        outputs: { log: log.txt }
        workdir: project
        trace: true
    """

  private func project(_ pipeline: String = pipeline) throws -> Project {
    let project = try Project()
    try project.write("p.yaml", pipeline)
    try project.write(
      "scripts/main.sh",
      ". ./scripts/helper.sh\necho $gain; cat data/x.csv; test -e extra && cat extra\ntrue\n")
    try project.write("scripts/helper.sh", "gain=2\n")
    try project.write("data/x.csv", "1\n")
    return project
  }

  private func run(_ project: Project) throws -> (state: String, reason: String, warnings: String) {
    let run = try project.bobbin("run", "p.yaml", "--json")
    let instance = try run.json["instances"]?.arrayValue?.first
    return (
      instance?["state"]?.stringValue ?? "", instance?["reason"]?.stringValue ?? "",
      (try run.json["warnings"]?.arrayValue ?? []).compactMap(\.stringValue).joined(separator: "\n")
    )
  }

  @Test("Done-when 5: a file that nothing declares is told with the line to add, and counts from then on")
  func undeclaredFilesCount() throws {
    let project = try project()
    let first = try run(project)
    #expect(first.state == "executed")
    #expect(
      first.warnings == """
        stage 'probe': it opened data/x.csv and scripts/helper.sh, which nothing declares; from now on they count. Add \
        code: [scripts/helper.sh] and inputs: { x: data/x.csv }
        """)
    let log = try project.bobbin("log", "p.yaml", "probe").output
    #expect(
      log.contains("bobbin: it opened data/x.csv and scripts/helper.sh, which nothing declares"), "\(log)")
    #expect(try run(project).state == "cached")

    try project.write("scripts/helper.sh", "gain=3\n")
    let status = try project.bobbin("status", "p.yaml").output
    #expect(status.contains("undeclared scripts/helper.sh changed"), "\(status)")
    let second = try run(project)
    #expect(
      second.state == "executed" && second.reason == "undeclared scripts/helper.sh changed", "\(second)")
    // As it was: the result of then. A time alone is no change.
    try project.write("scripts/helper.sh", "gain=2\n")
    #expect(try run(project).state == "cached")
    // What it looked for in vain counts too, and so does what goes.
    try project.write("extra", "more\n")
    let third = try run(project)
    #expect(third.state == "executed" && third.reason == "undeclared extra added", "\(third)")
    #expect(try run(project).state == "cached")
    try FileManager.default.removeItem(at: project.root.appending(path: "extra"))
    #expect(try run(project).state == "cached")
    // What it never opened doesn't.
    try project.write("data/y.csv", "2\n")
    #expect(try run(project).state == "cached")
  }

  @Test func withTheLinesAddedNothingIsUndeclared() throws {
    let project = try project(
      Self.pipeline.replacing(
        "code: [scripts/main.sh]", with: "code: [scripts/*.sh]\n    inputs: { x: data/x.csv }"))
    #expect(try run(project).warnings == "")
    #expect(try run(project).state == "cached")
    try project.write("data/x.csv", "5\n")
    #expect(try run(project).reason == "input x: content changed (data/x.csv)")
  }

  @Test func everyInstanceCountsByWhatItOpened() throws {
    let project = try project(
      """
      version: 1
      stages:
        probe:
          matrix: { subject: [s01, s02, s03] }
          run: cat data/${matrix.subject}.txt > ${out.log}
          outputs: { log: log.txt }
          workdir: project
          trace: true
        after:
          run: cat ${probe.log} > ${out.all}
          outputs: { all: all.txt }
      """)
    for n in 1...3 { try project.write("data/s0\(n).txt", "\(n)\n") }
    #expect(try project.bobbin("run", "p.yaml").lastLine.hasPrefix("executed 4, cached 0, failed 0"))
    #expect(try project.bobbin("run", "p.yaml").lastLine.hasPrefix("executed 0, cached 4, failed 0"))
    try project.write("data/s02.txt", "20\n")
    let run = try project.bobbin("run", "p.yaml", "--json")
    #expect(
      try run.states == [
        "probe[subject=s01]": "cached", "probe[subject=s02]": "executed", "probe[subject=s03]": "cached",
        "after": "executed",
      ])
    #expect(try project.bobbin("run", "p.yaml").lastLine.hasPrefix("executed 0, cached 4, failed 0"))
  }

  @Test func undeclaredDistributionsCountByTheirVersions() throws {
    let project = try project(
      Self.pipeline.replacing("sh scripts/main.sh", with: "cat \"$LIB/yaml/__init__.py\"")
        .replacing("    code: [scripts/main.sh]\n", with: "    environment: [LIB]\n"))
    let library = try Project()
    let site = "lib/python3/site-packages"
    func install(_ version: String) throws {
      try? FileManager.default.removeItem(at: library.root.appending(path: site))
      try library.write("\(site)/yaml/__init__.py", "")
      try library.write(
        "\(site)/PyYAML-\(version).dist-info/METADATA",
        "Metadata-Version: 2.1\nName: PyYAML\nVersion: \(version)\n\nx")
      try library.write("\(site)/PyYAML-\(version).dist-info/top_level.txt", "_yaml\nyaml\n")
    }
    let environment = ["LIB": library.root.appending(path: site).path]
    func run() throws -> Finished { try project.bobbin("run", "p.yaml", environment: environment) }
    try install("6.0")
    let first = try run()
    #expect(
      first.errors.contains(
        "stage 'probe': it loaded PyYAML 6.0, which nothing declares; from now on the version counts. Use a virtual "
          + "environment's Python, or add code: [requirements.txt], made by pip freeze > requirements.txt"),
      "\(first.errors)")
    #expect(try run().lastLine.hasPrefix("executed 0, cached 1"))
    try install("6.1")
    let status = try project.bobbin("status", "p.yaml", environment: environment).output
    #expect(status.contains("undeclared package PyYAML 6.0 → 6.1"), "\(status)")
    #expect(try run().lastLine.hasPrefix("executed 1, cached 0"))
    // A lock file in its key stands for them; what is installed counts all the same.
    try project.write("uv.lock", "pyyaml 6.1\n")
    try project.write(
      "p.yaml",
      try String(contentsOf: project.root.appending(path: "p.yaml"), encoding: .utf8)
        .replacing("environment: [LIB]", with: "environment: [LIB]\n    code: [uv.lock]"))
    let locked = try run()
    #expect(
      locked.lastLine.hasPrefix("executed 1, cached 0") && !locked.errors.contains("it loaded"),
      "\(locked.errors)")
    try install("6.2")
    #expect(try run().lastLine.hasPrefix("executed 1, cached 0"))
  }

  @Test func aFileThatIsEditedWhileItIsReadIsReadAgain() throws {
    let project = try project(
      Self.pipeline.replacing(
        "sh scripts/main.sh > ${out.log}", with: "sh scripts/main.sh ${out.log} \"$GATE\""
      )
      .replacing("trace: true", with: "trace: true\n    environment: [GATE]"))
    // It puts another in its place while it runs, the first time: by somebody who isn't watched.
    try project.write(
      "scripts/main.sh",
      "cat data/x.csv > $1; echo > \"$2/read\"; until [ -e \"$2/go\" ]; do sleep 0.02; done\n")
    let gate = try Project()
    let run = try project.start(
      ["run", "p.yaml"], environment: ["GATE": gate.root.path],
      errors: .file(project.root.appending(path: "errors").path))
    let read = gate.root.appending(path: "read").path
    let deadline = Date(timeIntervalSinceNow: 60)
    while !FileManager.default.fileExists(atPath: read), Date() < deadline { usleep(10_000) }
    try project.write("data/x.csv", "2\n")
    try gate.write("go", "")
    #expect(run.waitForEnd() == 0)
    let errors = try String(contentsOf: project.root.appending(path: "errors"), encoding: .utf8)
    #expect(
      errors.contains("data/x.csv, which it opens, was edited while it ran; running it again"), "\(errors)")
    let got = try project.bobbin(
      "get", "p.yaml", "probe.log", "-o", "log.txt", environment: ["GATE": gate.root.path])
    #expect(got.status == 0, "\(got.errors)")
    #expect(try String(contentsOf: project.root.appending(path: "log.txt"), encoding: .utf8) == "2\n")
  }
}

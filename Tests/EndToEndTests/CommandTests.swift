// Commands as a user sees them: private trees, edits while they run, undeclared files, values.

import Foundation
import Testing

@Suite struct CommandTests {
  private static let pipeline = """
    version: 1
    params: { gain: 2 }
    stages:
      probe:
        matrix: { subject: [s01, s02] }
        run: |
          touch ${out.log}.started
          until [ -e "$GATE" ]; do sleep 0.02; done
          sh scripts/scale.sh ${in.brain} ${params.gain} > ${out.log}
        code: [scripts/*.sh]
        inputs: { brain: "data/${matrix.subject}.txt" }
        outputs: { log: log.txt }
        environment: [GATE]
    """

  private func project() throws -> Project {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    try project.write("scripts/scale.sh", "echo $(( $(cat \"$1\") * $2 ))\n")
    try project.write("data/s01.txt", "1\n")
    try project.write("data/s02.txt", "20\n")
    return project
  }

  @Test(
    "Done-when 5: code edited while a command runs: it is published under its key, and status says stale and why"
  )
  func anEditOfCode() throws {
    let project = try project()
    let gate = project.root.appending(path: "gate")
    let environment = ["GATE": gate.path]
    let run = try project.start(
      ["run", "p.yaml", "--jobs", "2"], environment: environment,
      errors: .file(project.root.appending(path: "errors").path))
    // Both run once their first lines are done.
    func started() -> Int {
      let all = FileManager.default.enumerator(atPath: project.root.appending(path: "cache").path)
      return all?.count { ($0 as? String)?.hasSuffix(".started") == true } ?? 0
    }
    let deadline = Date(timeIntervalSinceNow: 60)
    while started() < 2, Date() < deadline { usleep(20_000) }
    try project.write("scripts/scale.sh", "exit 9\n")
    try project.write("gate", "")
    #expect(run.waitForEnd() == 0)
    let status = try project.bobbin("status", "p.yaml", environment: environment)
    #expect(status.output.contains("source scripts/scale.sh changed"), "\(status.output)")
    // As it was: what ran is there, with the code that it started with.
    try project.write("scripts/scale.sh", "echo $(( $(cat \"$1\") * $2 ))\n")
    let again = try project.bobbin("run", "p.yaml", environment: environment)
    #expect(again.lastLine.hasPrefix("executed 0, cached 2, failed 0"), "\(again.output)")
    let log = try project.bobbin(
      "get", "p.yaml", "probe[subject=s02].log", "-o", "log.txt", environment: environment)
    #expect(log.status == 0, "\(log.errors)")
    #expect(try String(contentsOf: project.root.appending(path: "log.txt"), encoding: .utf8) == "40\n")
  }

  @Test func eachInstanceCountsByItsOwnFiles() throws {
    let project = try project()
    try project.write("gate", "")
    let environment = ["GATE": project.root.appending(path: "gate").path]
    #expect(try project.bobbin("run", "p.yaml", environment: environment).status == 0)
    try project.write("data/s02.txt", "30\n")
    let run = try project.bobbin("run", "p.yaml", "--json", environment: environment)
    #expect(
      try run.states == ["probe[subject=s01]": "cached", "probe[subject=s02]": "executed"], "\(run.errors)")
    try FileManager.default.removeItem(at: project.root.appending(path: "data/s01.txt"))
    let missing = try project.bobbin("status", "p.yaml", environment: environment)
    #expect(missing.status == 2)
    #expect(
      missing.errors.contains("p.yaml:11:22: stage 'probe': brain: data/s01.txt: no such file or directory"),
      "\(missing.errors)")
  }

  @Test func anUndeclaredFileIsMissingAndTheErrorNamesTheLineToAdd() throws {
    let project = try project()
    try project.write("gate", "")
    try project.write("p.yaml", Self.pipeline.replacing("    code: [scripts/*.sh]\n", with: ""))
    let environment = ["GATE": project.root.appending(path: "gate").path]
    let run = try project.bobbin("run", "p.yaml", environment: environment)
    #expect(run.status == 1)
    #expect(run.errors.contains("Add code: [scripts/scale.sh]"), "\(run.errors)")
  }

  @Test func whatBobbinItselfPutBesideACommandIsNoUndeclaredFile() throws {
    let project = try Project()
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        a: { run: "echo x > ${out.x}", outputs: { x: x.txt } }
        b: { run: "cat ${a} > ${out.y}; false", outputs: { y: y.txt } }
      """)
    let run = try project.bobbin("run", "p.yaml")
    #expect(run.status == 1)
    #expect(!run.errors.contains("doesn't declare"), "\(run.errors)")
  }

  @Test("Done-when 3: echo \"${params.note}\" prints exactly the note")
  func aNoteIsPrintedAsItIs() throws {
    let project = try Project()
    try project.write(
      "p.yaml",
      """
      version: 1
      params:
        notes: { a: "$(touch pwned)", b: "'", c: "\\"", d: "two\\nlines", e: ";", f: "*", g: "it's `x` $HOME" }
      stages:
        noted:
          matrix: { note: "${params.notes}" }
          run: |
            { echo "${matrix.note}"; echo '${matrix.note}'; echo ${matrix.note}; } > ${out.text}
          outputs: { text: text.txt }
        all:
          run: cat ${noted} > ${out.text}
          outputs: { text: text.txt }
      """)
    let run = try project.bobbin("run", "p.yaml")
    #expect(run.status == 0, "\(run.errors)")
    #expect(try project.bobbin("get", "p.yaml", "all", "-o", "all.txt").status == 0)
    let notes = ["$(touch pwned)", "'", "\"", "two\nlines", ";", "*", "it's `x` $HOME"]
    let expected = notes.flatMap { [$0, $0, $0] }.map { $0 + "\n" }.joined()
    #expect(try String(contentsOf: project.root.appending(path: "all.txt"), encoding: .utf8) == expected)
    #expect(!FileManager.default.fileExists(atPath: project.root.appending(path: "pwned").path))
  }

  @Test func anyInterpreterTakesItsArguments() throws {
    let project = try Project()
    try project.write(
      "p.yaml",
      """
      version: 1
      params: { note: "it's \\"$(x)\\"" }
      stages:
        shout:
          shell: [awk]
          run: 'BEGIN { print ARGV[1] > ARGV[2] }'
          arguments: ["${params.note}", "${out.text}"]
          outputs: { text: text.txt }
      """)
    let run = try project.bobbin("run", "p.yaml")
    #expect(run.status == 0, "\(run.errors)")
    #expect(try project.bobbin("get", "p.yaml", "shout", "-o", "text.txt").status == 0)
    #expect(
      try String(contentsOf: project.root.appending(path: "text.txt"), encoding: .utf8) == "it's \"$(x)\"\n")
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        shout: { shell: [python3, -c], run: 'open("${out.text}")', outputs: { text: text.txt } }
      """)
    let refused = try project.bobbin("run", "p.yaml")
    #expect(refused.status == 2)
    #expect(
      refused.errors == """
        error: p.yaml:3:39: stage 'shout': run: ${out.text} can't be put into a text for 'python3 -c', since it isn't \
        known here how that reads. List it under 'arguments', which the program gets after the text (sys.argv of \
        Python)

        """, "\(refused.errors)")
  }
}

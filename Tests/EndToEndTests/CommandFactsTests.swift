// What is said of commands before they run: which programs count, and which files nobody declared.

import Foundation
import Testing

@Suite struct CommandFactsTests {
  let project: Project

  init() throws {
    project = try Project()
    try project.write("x.py", "")
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        c: { run: "true && $TOOL x.py > ${out.x}", outputs: { x: x.txt } }
      """)
  }

  @Test("B8: status --verbose says which programs count, and what to declare for the rest")
  func programs() throws {
    let status = try project.bobbin("status", "p.yaml", "--verbose")
    #expect(
      status.output.hasSuffix(
        """
        c: in the key by content: /bin/sh
          not in the key: $TOOL isn't known before it runs: what it starts doesn't count. Write the program's name, \
        or list it under 'code'

        """), "\(status.output)")
    #expect(!(try project.bobbin("status", "p.yaml").output.contains("/bin/sh")))
  }

  @Test(
    "a word of run that names an undeclared file is a warning with the line to add, once a stage",
    arguments: [["status", "p.yaml"], ["run", "p.yaml", "--dry-run"], ["check", "p.yaml"]])
  func undeclaredWords(command: [String]) throws {
    let errors = try project.bobbin(command).errors
    let warning = """
      warning: p.yaml:3:3: stage 'c': 'run' names 'x.py', which nothing declares, so it isn't in the key. Add \
      code: [x.py]
      """
    #expect(errors.split(separator: "\n").filter { $0 == warning }.count == 1, "\(errors)")
  }

  @Test("A13: a secret's value is in no file that a run leaves, and in nothing that is shown")
  func secrets() throws {
    try project.write(
      "s.yaml",
      """
      version: 1
      stages:
        good:
          run: 'echo "it is $TOKEN"; printf %s "$TOKEN" | wc -c > ${out.x}'
          environment: [PLAIN, { TOKEN: secret }]
          outputs: { x: x.txt }
        bad:
          run: 'echo "no $TOKEN"; exit 3'
          environment: [{ TOKEN: secret }]
          outputs: { x: x.txt }
      """)
    let value = "hunter2-\(UInt64.random(in: 1_000_000_000 ..< 9_000_000_000))"
    let environment = [
      "TOKEN": value, "PLAIN": "plainly", "XDG_CONFIG_HOME": project.root.appending(path: "config").path,
    ]
    var shown = ""
    for arguments in [
      ["run", "s.yaml", "--keep-going", "--json"], ["status", "s.yaml", "--verbose"],
      ["show", "s.yaml", "good"],
      ["log", "s.yaml", "good"], ["log", "s.yaml", "bad"],
    ] {
      let finished = try project.bobbin(arguments, environment: environment)
      shown += finished.output + finished.errors
    }
    #expect(shown.contains("it is ***") && shown.contains("no ***") && shown.contains("plainly"))
    #expect(!shown.contains(value))
    let got = try project.bobbin(["get", "s.yaml", "good", "-o", "x.txt"], environment: environment)
    #expect(got.status == 0, "\(got.errors)")
    #expect(try String(contentsOf: project.root.appending(path: "x.txt"), encoding: .utf8) == "18\n")
    let files = try #require(
      FileManager.default.enumerator(at: project.root, includingPropertiesForKeys: nil))
    var count = 0
    for case let file as URL in files {
      guard let bytes = FileManager.default.contents(atPath: file.path) else { continue }
      count += 1
      #expect(bytes.range(of: Data(value.utf8)) == nil, "\(file.path)")
    }
    #expect(count > 5)
  }

  @Test func quietRunsWarnOfNothing() throws {
    #expect(try !project.bobbin("run", "p.yaml", "--dry-run", "--quiet").errors.contains("warning"))
  }
}

// Standard output and standard error that are full, closed or stuck, and text that a terminal would act on.

import Foundation
import Testing

@Suite struct OutputTests {
  private static let pipeline = """
    version: 1
    stages:
      text:
        run: |
          echo said
          echo hello > ${out.file}
        outputs: { file: text.txt }
    """

  private func project(run: Bool = true) throws -> Project {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    if run { #expect(try project.bobbin("run", "p.yaml").status == 0) }
    return project
  }

  /// Everything that prints what it was asked for.
  static let commands = [
    "run p.yaml", "run p.yaml --json", "run p.yaml --dry-run", "status p.yaml", "get p.yaml text.file",
    "get p.yaml text.file --rebuild", "get p.yaml text.file -o /proc/self/fd/1", "show p.yaml text",
    "show p.yaml text --lineage", "show p.yaml text --used-by", "history p.yaml",
    "log p.yaml text", "graph p.yaml", "graph p.yaml --format json", "cache stats",
    "cache push p.yaml --remote r", "cache pull p.yaml --remote r", "kinds", "kinds train", "schema",
    "--help", "help run", "run --help", "--version",
  ]

  /// Each command's help ends with an example that begins with the command.
  @Test func everyCommandsHelpHasAnExample() throws {
    let project = try Project()
    for command in [
      "run", "status", "get", "show", "log", "graph", "kinds", "schema", "cache", "cache stats", "cache push",
      "cache pull", "history", "diff",
    ] {
      let help = try project.bobbin(command.split(separator: " ").map(String.init) + ["--help"])
      #expect(help.status == 0)
      #expect(help.output.contains("Example"), "\(command)")
      #expect(help.output.contains("bobbin \(command) ") || command == "cache", "\(command)")
    }
  }

  /// A6, H13.
  @Test func lostStandardOutputIsAnErrorOfEveryCommand() throws {
    let project = try project()
    for command in Self.commands {
      let words = command.split(separator: " ").map(String.init)
      let good = try project.bobbin(words)
      #expect(good.status == 0 && !good.output.isEmpty, "\(command): \(good)")
      let full = try project.bobbin(words, output: .full)
      #expect(full.status == 1, "\(command)")
      #expect(
        full.errors == "error: standard output can't be written: No space left on device\n",
        "\(command): \(full.errors)")
      let closed = try project.bobbin(words, output: .closedPipe)
      #expect(closed.status == 128 + SIGPIPE, "\(command)")
      #expect(closed.errors == "", "\(command): \(closed.errors)")
    }
  }

  /// A6, H5.
  @Test func lostStandardErrorChangesNothing() throws {
    let project = try project()
    #expect(try project.bobbin("cache", "push", "p.yaml", "--remote", "r").status == 0)
    for command in Self.commands + ["get p.yaml nothing", "nothing", "run absent.yaml"] {
      let words = command.split(separator: " ").map(String.init)
      let good = try project.bobbin(words)
      for errors in [Sink.full, .closedPipe] {
        let lost = try project.bobbin(words, errors: errors)
        #expect(lost.status == good.status, "\(command)")
        // But for times.
        let (output, expected) = (lost.output, good.output)
        #expect(output.filter { !$0.isNumber } == expected.filter { !$0.isNumber }, "\(command): \(output)")
      }
    }
  }

  /// A6, H5: progress, warnings and failures go nowhere, and what runs goes on.
  @Test(arguments: [Sink.full, .closedPipe])
  func aRunGoesOnWithoutStandardError(_ errors: Sink) throws {
    let project = try project(run: false)
    try project.write(
      "p.yaml", Self.pipeline + "\n  bad: { run: \"exit 3\", outputs: { a: a } }\n")
    let run = try project.bobbin(["run", "p.yaml", "--keep-going"], errors: errors)
    #expect(run.status == 1)
    #expect(run.lastLine.hasPrefix("executed 1, cached 0, failed 1, skipped 0 in "), "\(run)")
  }

  @Test func aStoreThatGrowsBeyondTheLimitOfFilesIsSaidToBeFull() throws {
    // The program was ended by SIGXFSZ, without a word.
    let project = try project(run: false)
    let errors = project.root.appending(path: "errors")
    let status = try Child(
      "/bin/sh", ["-c", "ulimit -f 50; exec \"$0\" run p.yaml", Project.program.path],
      in: project.root.path, output: .nowhere, errors: .file(errors.path),
      environment: ProcessInfo.processInfo.environment
    ).waitForEnd()
    #expect(status == 3)
    #expect(try String(contentsOf: errors, encoding: .utf8).contains("file size limit"))
  }

  @Test func aReaderOfStandardErrorThatHasStoppedHoldsNothingUp() throws {
    let project = try project(run: false)
    let ends = try Child.pipe()
    defer { for end in ends { close(end) } }
    #expect(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
    let zeros = [UInt8](repeating: 0, count: 4096)
    while write(ends[1], zeros, zeros.count) > 0 {}
    #expect(fcntl(ends[1], F_SETFL, 0) == 0)
    let run = try project.bobbin(["run", "p.yaml"], errors: .descriptor(ends[1]))
    #expect(run.status == 0)
    #expect(run.lastLine.hasPrefix("executed 1,"))
  }

  /// H16: escapes, BEL, CR and RLO in names and in what commands print.
  @Test func aTerminalIsToldNothingByForeignText() throws {
    let project = try Project()
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        text:
          matrix: { x: [a, "b\\u202e"] }
          run: |
            printf 'red \\033[31m\\r\\n'
            printf 'red \\033[31m\\r\\n' >&2
            test "${matrix.x}" = c
          outputs: { file: text.txt }
      """)
    for command in [
      "run p.yaml --jobs 1 --keep-going", "run p.yaml --quiet", "status p.yaml", "run p.yaml text[x=c]",
      "log p.yaml text[x=a]", "graph p.yaml", "graph p.yaml --format json",
    ] {
      let words = command.split(separator: " ").map(String.init)
      let (text, status) = try Self.onTerminal(words, in: project)
      #expect(status != 0 || !command.hasPrefix("run"), "\(command)")
      #expect(!text.isEmpty)
      // What Bobbin itself draws: up some lines, erase, green and red bars.
      let foreign = text.replacing(/\u{1B}\[(\d+A|J|3[12]m[█░]|0m)/, with: "").replacing("\r\n", with: "\n")
        .replacing("\r", with: command.hasPrefix("run") ? "" : "\r")
      for scalar in foreign.unicodeScalars {
        #expect(
          scalar == "\n" || scalar.value >= 0x20 && scalar.value != 0x202E,
          "\(command): \(foreign.debugDescription)")
      }
    }
    // Elsewhere a log is what it was.
    let log = try project.bobbin("log", "p.yaml", "text[x=a]")
    #expect(log.output.contains("red \u{1B}[31m\r\n"), "\(log)")
  }

  /// What a terminal is sent when both outputs are it.
  private static func onTerminal(_ words: [String], in project: Project) throws -> (String, Int32) {
    var main: Int32 = -1
    var side: Int32 = -1
    try Child.whileNoneStarts {
      try #require(openpty(&main, &side, nil, nil, nil) == 0)
      for end in [main, side] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }
    defer { close(main) }
    let child = try project.start(
      words, environment: ["TERM": "xterm"], output: .descriptor(side), errors: .descriptor(side))
    close(side)
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    // The last one who could write has gone when reading fails.
    while case let n = read(main, &chunk, chunk.count), n > 0 { text += chunk[..<n] }
    return (String(decoding: text, as: UTF8.self), child.waitForEnd())
  }
}

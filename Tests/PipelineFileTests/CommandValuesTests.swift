// Done-when 3 of "A tool that people's own code plugs into": values in commands are data. What is loaded is run by real
// shells.

import Canonical
import Foundation
import PipelineFile
import Testing
import Workflow

/// A place for a value in a command, and what the command prints for it.
struct Position: Sendable, CustomTestStringConvertible {
  var run: String
  var prints: @Sendable (String) -> String
  /// Values that can't be had there.
  var refuses: @Sendable (String) -> Bool = { _ in false }
  var testDescription: String { run }
}

private let notes = [
  "plain", "$(touch pwned)", "`touch pwned`", "'", "\"", "it's \"quoted\"", "two\nlines", "\n", ";",
  "; touch pwned",
  "*", "\\", "\\n", "\\\\", "$", "$HOME", "${HOME}", "x$", "-n", "--", "", " ", "a  b", "&", "|", "> pwned",
  "#x", "~",
  "!", "{a,b}", "b,c", "2", "if", "done", "A=1", "é", "END", "\t", "(", ")", "a[0]", "[a-z]", "?", "%s", "\r",
]

private let positions: [Position] = [
  Position(run: "printf '%s' ${params.note}") { $0 },
  Position(run: "printf '%s' \"${params.note}\"") { $0 },
  Position(run: "printf '%s' '${params.note}'") { $0 },
  Position(run: "printf '%s' a\"b${params.note}c\"d'e${params.note}'f") { "ab\($0)cde\($0)f" },
  Position(run: "printf '%s' --x=${params.note}") { "--x=\($0)" },
  Position(run: "printf '%s' \"$(printf '%s' \"${params.note}x\")\"") { "\($0)x" },
  Position(run: "printf '%s' \"$(printf '%s' ${params.note}; printf x)\"") { "\($0)x" },
  Position(run: "printf '%s' \"$( (printf '%s' '${params.note}'); printf x)\"") { "\($0)x" },
  Position(run: "x=${params.note}; printf '%s' \"$x\"") { $0 },
  Position(run: "name=v; printf '%s' \"$name${params.note}\"") { "v\($0)" },
  Position(run: "name=v; printf '%s' $name${params.note}") { "v\($0)" },
  Position(run: "printf '%s' \\\n  ${params.note}") { $0 },
  Position(run: "# ${params.note}\nprintf '%s' x # ${params.note}") { _ in "x" },
  Position(run: "case ${params.note} in y) ;; *) printf '%s' ${params.note};; esac") { $0 },
  Position(run: "if true; then printf '%s' pre${params.note}post; fi") { "pre\($0)post" },
  Position(run: "printf '%s' ${params.note}>/dev/stdout") { $0 },
  Position(run: "printf '%s' ${params.note}${params.note}>/dev/stdout") { $0 + $0 },
  Position(run: "f() { printf '%s' \"$1\"; }; f ${params.note}") { $0 },
  Position(run: "printf '%s' $${x:-a}${params.note}") { "a\($0)" },
  Position(run: "printf '%s' $((1 + (1)))${params.note}") { "2\($0)" },
  Position(run: "printf '%s' `echo a`${params.note}") { "a\($0)" },
  Position(run: "cat <<'END' | cat; printf '%s' ${params.note}\nfixed\nEND") { "fixed\n\($0)" },
  Position(run: "cat <<'END'\na ${params.note} \\ $x\nEND") {
    "a \($0) \\ $x\n"
  } refuses: {
    $0.contains("\n") || $0.contains("\r")
  },
  Position(run: "cat <<-\"END\"\n\t${params.note}\n\tEND\nprintf x") {
    "\($0)\nx"
  } refuses: {
    $0.contains("\n") || $0.contains("\r") || $0 == "END" || $0.hasPrefix("\t")
  },
]

/// The text that a command comes to whose params hold `note`; throws as loading does.
private func line(_ run: String, note: String, shell: String = "sh") throws -> String {
  func yaml(_ text: String) throws -> String {
    String(decoding: try JSONEncoder().encode(text), as: UTF8.self).replacing("\\/", with: "/")
  }
  let text = pipeline(
    params: "{ note: \(try yaml(note.replacing("${", with: "$${"))), list: [a b, \"*\"] }",
    """
    s:
      shell: \(shell)
      run: \(try yaml(run))
      outputs: { x: x }
    """)
  let instance = try load(text).graph.instances[0]
  return try CommandText(parsing: instance.parameters["run"]!.stringValue!)
    .line(input: { _ in [] }, output: { _ in "/out" })
}

/// What a shell prints for a command, run in a folder with a file in it; nil when it fails.
private func printed(by shell: CommandShell, _ line: String) throws -> String? {
  let folder = FileManager.default.temporaryDirectory.appending(path: "bobbin-values-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try Data().write(to: folder.appending(path: "file"))
  let process = Process()
  let pipe = Pipe()
  process.executableURL = URL(fileURLWithPath: shell == .sh ? "/bin/sh" : "/bin/bash")
  process.arguments = Array(shell.arguments(text: line, []).dropFirst())
  process.currentDirectoryURL = folder
  process.standardOutput = pipe
  process.standardInput = FileHandle.nullDevice
  try process.run()
  let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"], "\(line)")
  return process.terminationStatus == 0 ? String(decoding: output, as: UTF8.self) : nil
}

@Suite struct CommandValuesTests {
  @Test(
    "A5, H10: a value in a command is one word or a part of one, whatever it contains", arguments: positions)
  func aValueIsData(at position: Position) throws {
    for shell in ["sh", "bash"] {
      if shell == "bash", access("/bin/bash", X_OK) != 0 { continue }
      for note in notes {
        if position.refuses(note) {
          #expect(throws: PipelineFileError.self, "\(note)") {
            try line(position.run, note: note, shell: shell)
          }
        } else {
          let line = try line(position.run, note: note, shell: shell)
          let output = try printed(by: shell == "sh" ? .sh : .bash, line)
          #expect(output == position.prints(note), "\(shell): \(line)")
        }
      }
    }
  }

  @Test("echo prints the note, as far as echo itself takes it for what it is", arguments: ["sh", "bash"])
  func echoPrintsTheNote(shell: String) throws {
    if shell == "bash", access("/bin/bash", X_OK) != 0 { return }
    // dash's echo reads backslashes, and both take -n for an option: printf '%s\n' prints these too.
    for note in notes where !note.contains("\\") && note != "-n" {
      for run in ["echo ${params.note}", "echo \"${params.note}\"", "echo '${params.note}'"] {
        let line = try line(run, note: note, shell: shell)
        #expect(try printed(by: shell == "sh" ? .sh : .bash, line) == note + "\n", "\(line)")
      }
    }
  }

  @Test func aListIsSeveralWords() throws {
    let text = try line("printf '<%s>' x ${params.list} ; printf %s ${params.list}", note: "")
    #expect(try printed(by: .sh, text) == "<x><a b><*>a b*")
  }

  @Test(
    "Where a value can't be had as it is, that is said with place and cure",
    arguments: [
      ("echo `echo ${params.note}`", "note", "stands inside backquotes. Write $(…) instead of `…`"),
      (
        "echo $((${params.note} + 1))", "note",
        "stands where the shell computes, $((…)) or ((…)). Keep it in a variable before: value=…"
      ),
      (
        "echo $${x:-${params.note}}", "note",
        "stands inside ${…} of the shell. Keep it in a variable before: value=…"
      ),
      (
        "cat <<END\n${params.note}\nEND", "note",
        "stands in a here-document in which the shell expands. Quote what ends it: <<'END'"
      ),
      (
        "cat <<${params.note}\nx\nEND", "note",
        "stands where a here-document says what ends it. Write a fixed word there"
      ),
      (
        "cat <<'plain'\n${params.note}", "note",
        "makes up the line that ends the here-document. Let another word end it"
      ),
      (
        "echo \\${params.note}", "note",
        "stands after a backslash, which would take a part of it away. Leave out the backslash"
      ),
      (
        "echo \"\\${params.note}\"", "note",
        "stands after a backslash, which would take a part of it away. Leave out the backslash"
      ),
      ("echo $'a${params.note}'", "note", "stands inside $'…'. Use '…' or \"…\" instead"),
      (
        "echo $'\\'' ${params.note}", "note",
        "stands after $'…' with a backslash in it, from where on it isn't known how the shell reads. Keep it in a "
          + "variable before that: value=…"
      ),
      (
        "x=$(case a in a) echo;; esac); echo ${params.note}", "note",
        "stands after a 'case' inside $(…), from where on it isn't known how the shell reads. Keep it in a variable "
          + "before that: value=…"
      ),
      (
        "echo a[${params.note}]", "note",
        "stands in the index of an array, where bash computes. Keep it in a variable before: value=…"
      ),
      (
        "echo \"${params.list}\"", "list",
        "is a list, which inside quotes would be one word. Take it out of the quotes"
      ),
      ("echo x${params.list}", "list", "is a list, which can't be a part of a word. Put spaces around it"),
      ("echo ${params.list}x", "list", "is a list, which can't be a part of a word. Put spaces around it"),
    ])
  func aPlaceThatTakesNoValue(run: String, name: String, problem: String) throws {
    let error = #expect(throws: PipelineFileError.self) { try line(run, note: "plain") }
    let message = try #require(error?.issues.first)
    #expect(message.message == "stage 's': run: ${params.\(name)} \(problem)")
    #expect(message.place.line == 6 && message.place.column == 10)
  }
}

// A command's text is read once for all instances of its stage: each must come out as if it had been read alone.

import Canonical
import Foundation
import PipelineFile
import Testing
import Workflow

/// Words that would decide something where a shell or a search for programs looked at them.
private let words = [
  "plain", "a b", "2", "x/y", "-c", "-i", "--", "run", "env", "sh", "exec", "-exec", "in", "if", "esac",
  "PATH=x",
  "PATH", ".venv/bin/activate", "sub", "it's", "\"", "$(touch x)", "", "#", "é", "\u{F8F0}", "{",
  "$",
]

private let texts = [
  "tool ${matrix.word} > ${out.x}", "tool '${matrix.word}' \"a${matrix.word}b\"c${matrix.word}",
  "echo ${matrix.word}; other --flag=${matrix.word}", "${matrix.word} x", "A=${matrix.word} tool",
  "A=1 ${matrix.word}",
  "env ${matrix.word} tool x", "nice -n ${matrix.word} tool", "sh ${matrix.word} other",
  "sh -c ${matrix.word}",
  "bash -c \"tool ${matrix.word}\"", "cd ${matrix.word} && ./tool", ". ${matrix.word}; tool",
  "exec ${matrix.word} tool",
  "time tool ${matrix.word}", "export ${matrix.word}; tool", "uv ${matrix.word} tool",
  "find . ${matrix.word} a {} \\;", "for i in ${matrix.word}; do tool $i; done",
  "function ${matrix.word} { a; }; b",
  "case ${matrix.word} in y) tool;; *) other;; esac", "tool \"$(other ${matrix.word})\"",
  "tool \"$(${matrix.word} x)\"",
  "tool $(sh ${matrix.word} other)", "tool <${matrix.word} >${matrix.word}", "eval ${matrix.word}",
  "tool # ${matrix.word}\nother", "cat <<'END' | tool; other ${matrix.word}\nfixed\nEND",
  "cat <<'END' | tool\nx ${matrix.word}\nEND\nother",
  "tool ${matrix.word} ${params.list} | other ${matrix.word}",
  "tool $${x}${matrix.word} $x'${matrix.word}'", "${out.x} ${matrix.word}", "tool \u{F8F0} ${matrix.word}",
]

@Suite struct CommandReadingTests {
  private func load(_ text: String, _ words: [String]) throws -> [Instance]? {
    func yaml(_ value: Any) throws -> String {
      let options: JSONSerialization.WritingOptions = [.fragmentsAllowed, .withoutEscapingSlashes]
      return String(
        decoding: try JSONSerialization.data(withJSONObject: value, options: options), as: UTF8.self)
    }
    let file = pipeline(
      params: "{ list: [l, \"-c\"] }",
      """
      s:
        matrix: { word: \(try yaml(words)) }
        run: \(try yaml(text))
        outputs: { x: x }
      """)
    do { return Array(try PipelineFileTests.load(file).graph.instances) } catch is PipelineFileError {
      return nil
    }
  }

  @Test("An instance among many is the same as alone", arguments: texts)
  func amongManyAsAlone(_ text: String) throws {
    // What can't stand there is refused, with others as alone.
    let alone = try words.compactMap { try load(text, [$0])?[0] }
    let fitting = try words.filter { try load(text, [$0]) != nil }
    #expect(try fitting.count == words.count || load(text, words) == nil)
    try #require(!alone.isEmpty)
    for order in [fitting, fitting.reversed()] {
      let together = try #require(try load(text, order))
      for (instance, alone) in zip(together, order == fitting ? alone : alone.reversed()) {
        #expect(instance.parameters.canonical == alone.parameters.canonical)
        let line = try #require(instance.parameters["run"]?.stringValue)
        #expect(instance.commandCode == CommandCode(patterns: [], line: line), "\(line)")
      }
    }
  }

  @Test func wordsThatDecideNothingAreNoReasonToReadAgain() {
    func depends(_ line: String) -> Bool { ProgramWords(line, hole: "HOLE").dependsOnHoles }
    for line in [
      "tool 'HOLE'", "echo 'HOLE' | tool --x='HOLE' < 'HOLE'", "tool \"$(other 'HOLE')\"", "HOL E",
    ] {
      #expect(!depends(line), "\(line)")
    }
    for line in ["'HOLE' x", "env 'HOLE' x", "tool $('HOLE')", "cd 'HOLE'; tool", "sh -c \"x 'HOLE'\""] {
      #expect(depends(line), "\(line)")
    }
  }
}

import Canonical
import Foundation
import Reporting
import Testing
import Workflow

/// A terminal that keeps what is on it, and a clock that is set by hand.
private final class Screen: @unchecked Sendable {
  var columns = 70
  var rows = 24
  var isTerminal = true
  var time = 100.0
  var written = ""
  /// Complete lines above the cursor.
  var lines: [String] = []

  var terminal: Terminal {
    Terminal(
      size: { self.isTerminal ? (self.columns, self.rows) : nil }, usesColour: false,
      write: { self.write($0) })
  }

  private func write(_ text: String) {
    written += text
    var rest = text[...]
    while !rest.isEmpty {
      if rest.hasPrefix("\r\u{1B}[") {
        let count = Int(rest.dropFirst(3).prefix { $0.isNumber })!
        lines.removeLast(count)
        let sequence = "\r\u{1B}[\(count)A\u{1B}[J"
        #expect(rest.hasPrefix(sequence))
        rest = rest.dropFirst(sequence.count)
      } else {
        let end = rest.firstIndex(of: "\n")!
        lines.append(String(rest[..<end]))
        rest = rest[end...].dropFirst()
      }
    }
  }

  func display(_ graph: Graph, quiet: Bool = false) -> RunDisplay {
    RunDisplay(
      graph: graph, store: URL(fileURLWithPath: "/store"), quiet: quiet, terminal: terminal,
      now: { self.time }, ticks: false)
  }
}

private func emptyReport() -> RunReport {
  RunReport(instances: [], seconds: 1, interrupted: false, storeProblems: [], warnings: [])
}

@Test func aTerminalShowsABarAndALineForEachRunningInstance() {
  let screen = Screen()
  let graph = exampleGraph()
  let display = screen.display(graph)
  display.show(.planned(total: 9, cached: 3))
  #expect(screen.lines == ["██████████░░░░░░░░░░░░░░░░░░░░ 3/9  0s"])
  display.show(.started(instance: 1, reason: .neverRun))
  display.show(.started(instance: 4, reason: .neverRun))
  screen.time = 110
  let detail = [("epoch", "5/20"), ("loss", "0.41"), ("accuracy", "0.87")]
  display.show(.progress(instance: 1, Progress(fraction: 0.25, detail: detail)))
  #expect(
    screen.lines == [
      "██████████░░░░░░░░░░░░░░░░░░░░ 3/9  10s",
      "  stitched[standard, direct, seed=0]  epoch 5/20  loss 0.41  accurac…",
      "  stitched[standard, fula, seed=1]    10s",
    ])
  screen.columns = 100
  screen.time = 111
  display.tick()
  #expect(
    screen.lines[1] == "  stitched[standard, direct, seed=0]  epoch 5/20  loss 0.41  accuracy 0.87  33s left")
  display.show(.finished(report(graph, 1, .executed, seconds: 11)))
  #expect(screen.lines.count == 2)
  #expect(screen.lines[0] == "█████████████░░░░░░░░░░░░░░░░░ 4/9  11s")
  display.finish(emptyReport())
  #expect(screen.lines == [])
}

@Test func failuresAndWarningsStayAboveTheBar() {
  let screen = Screen()
  let graph = exampleGraph()
  let display = screen.display(graph)
  display.show(.planned(total: 9, cached: 0))
  display.show(.started(instance: 1, reason: .neverRun))
  display.show(.warning("blob 12 was damaged"))
  display.show(.finished(report(graph, 1, .failed, message: "loss is NaN\n  | epoch 3")))
  let name = graph.instances[1].name
  let log = graph.log(of: name, in: URL(fileURLWithPath: "/store")).path
  #expect(
    screen.lines == [
      "warning: blob 12 was damaged", "FAILED   \(name): loss is NaN", "           | epoch 3",
      "         log: \(log)", "███░░░░░░░░░░░░░░░░░░░░░░░░░░░ 1/9  1 failed  0s",
    ])
  display.finish(emptyReport())
  #expect(screen.lines.count == 4)
}

@Test func manyRunningInstancesDoNotOutgrowTheTerminal() {
  let screen = Screen()
  screen.rows = 6
  let graph = exampleGraph(seeds: 10)
  let display = screen.display(graph)
  display.show(.planned(total: 41, cached: 0))
  for i in 1...20 { display.show(.started(instance: i, reason: .neverRun)) }
  #expect(screen.lines.count == 5)
  #expect(screen.lines.last == "  and 17 more")
}

@Test func linesThatWrappedInANarrowerTerminalAreErasedWhole() {
  let screen = Screen()
  let display = screen.display(exampleGraph())
  display.show(.planned(total: 9, cached: 0))
  // The terminal makes two lines of this one.
  screen.lines = ["", ""]
  screen.columns = 30
  display.tick()
  #expect(screen.lines.count == 1)
  #expect(screen.lines[0].count < 30)
}

@Test func withoutATerminalThereIsALineForWhatHappens() {
  let screen = Screen()
  screen.isTerminal = false
  let graph = exampleGraph()
  let display = screen.display(graph)
  let (first, second) = (graph.instances[1].name, graph.instances[2].name)
  display.show(.planned(total: 9, cached: 3))
  display.show(.started(instance: 1, reason: .neverRun))
  display.show(.progress(instance: 1, Progress(fraction: 0.5, detail: [("epoch", "1/2")])))
  screen.time = 131
  display.tick()
  display.tick()
  display.show(.finished(report(graph, 1, .executed, seconds: 62)))
  display.show(.finished(report(graph, 2, .executed, sharedWith: first)))
  display.show(.finished(report(graph, 3, .skipped)))
  display.finish(emptyReport())
  #expect(
    screen.lines == [
      "9 instances, 3 up to date", "running  \(first) for 31s  epoch 1/2  31s left",
      "done     \(first) in 1m02s",
      "done     \(second), the same as \(first)",
    ])
  #expect(!screen.written.contains("\u{1B}"))
}

@Test func quietSaysNothingButWhatWentWrong() {
  let screen = Screen()
  let graph = exampleGraph()
  let display = screen.display(graph, quiet: true)
  display.show(.planned(total: 9, cached: 3))
  display.show(.started(instance: 1, reason: .neverRun))
  display.show(.finished(report(graph, 1, .executed)))
  #expect(screen.written == "")
  display.show(.finished(report(graph, 2, .failed, message: "no")))
  #expect(screen.lines.first == "FAILED   \(graph.instances[2].name): no")
}

/// H16.
@Test func foreignTextIsSpelledOutOnEveryDisplay() {
  for isTerminal in [true, false] {
    let screen = Screen()
    screen.isTerminal = isTerminal
    let instances = ["a\u{1B}[31m", "b\u{7}"].map {
      Instance(name: $0, stage: $0, kind: source, parameters: [:], outputs: source.outputs)
    }
    let graph = Graph(instances: instances, project: "/project", file: "p.yaml")
    let display = screen.display(graph)
    display.show(.planned(total: 2, cached: 0))
    display.show(.started(instance: 0, reason: .neverRun))
    display.show(.progress(instance: 0, Progress(fraction: 0.5, detail: [("\u{1B}[2J", "\r9")])))
    screen.time = 200
    display.tick()
    display.show(.finished(report(graph, 0, .executed)))
    display.show(.finished(report(graph, 1, .failed, message: "\u{1B}]0;title\u{7}\nmore\r")))
    display.show(.warning("\u{202E}"))
    let foreign = screen.written.replacing(/\r?\u{1B}\[(\d+A|J)/, with: "")
    #expect(
      foreign.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 0x20 && $0.value != 0x202E) },
      "\(foreign.debugDescription)")
    #expect(foreign.contains("a\\u{1b}[31m") && foreign.contains("title\\u{7}"))
  }
}

@Test func coloursFollowNoColor() {
  #expect(!Terminal.standardError(environment: ["NO_COLOR": "1"]).usesColour)
  #expect(Terminal.standardError(environment: ["NO_COLOR": ""]).usesColour)
  #expect(Terminal.standardError(environment: ["TERM": "dumb"]).size() == nil)
}

@Test func theLastLineCounts() {
  let graph = exampleGraph()
  let states: [InstanceReport.State] = [.executed, .cached, .cached, .failed, .skipped, .skipped]
  let run = RunReport(
    instances: states.enumerated().map { report(graph, $0, $1) }, seconds: 0.123, interrupted: false,
    storeProblems: [], warnings: [])
  #expect(run.summary == "executed 1, cached 2, failed 1, skipped 2 in 0.12s")
}

@Test func shortNamesKeepWhatTellsSiblingsApart() {
  let names = ShortNames(exampleGraph())
  #expect(names[0] == "data")
  #expect(names[1] == "stitched[standard, direct, seed=0]")
  let single = ShortNames(exampleGraph(seeds: 1))
  #expect(single[4] == "stitched[robust, fula]")
}

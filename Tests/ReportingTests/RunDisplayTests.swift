import Canonical
import ContentStore
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
  var traffic = Traffic()
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

  func display(
    _ graph: Graph, quiet: Bool = false, jobs: Int = 1, following: Set<Int> = [],
    durations: [String: Double] = [:],
    store: URL = URL(fileURLWithPath: "/store")
  ) -> RunDisplay {
    RunDisplay(
      graph: graph, store: store, quiet: quiet, jobs: jobs, following: following,
      durations: { Durations(durations) }, traffic: { self.traffic }, terminal: terminal, now: { self.time },
      ticks: false)
  }
}

/// Sixty instances with long names on four axes, of which all but one tell them apart.
private func longGraph() -> Graph {
  let instances = (0..<60).map { i in
    let labels = [
      ("network.front.regime", i < 30 ? "adversarially_trained_with_a_long_name" : "standard"),
      ("network.end.regime", "standard"), ("cut", "stage\(i / 10 % 3 + 1).2.conv2"), ("seed", "\(i % 10)"),
    ]
    return Instance(
      name: "stitched_networks[" + labels.map { "\($0)=\($1)" }.joined(separator: ",") + "]",
      stage: "stitched_networks", labels: labels.map { Label(axis: $0, value: $1) }, kind: source,
      parameters: [:], outputs: source.outputs)
  }
  return Graph(instances: instances, project: "/project", file: "p.yaml")
}

/// F16: what tells those that run apart stays, whatever their names have in common.
@Test(arguments: [(80, 24), (200, 50), (40, 10), (20, 5)])
func noLineIsWiderThanTheTerminalAndNamesKeepWhatVaries(_ columns: Int, _ rows: Int) {
  let screen = Screen()
  (screen.columns, screen.rows) = (columns, rows)
  let graph = longGraph()
  let display = screen.display(graph, jobs: 4, durations: ["stitched_networks": 100])
  display.show(.planned(total: 60, cached: 0))
  display.show(.toDo(Array(0..<60)))
  for i in 0..<8 {
    display.show(.started(instance: i, reason: .neverRun))
    let detail = [("epoch", "\(i)/20"), ("loss", "0.4123"), ("accuracy", "0.87"), ("images", "51234/s")]
    display.show(.progress(instance: i, Progress(fraction: 0.25, detail: detail)))
  }
  screen.time += 100
  display.tick()
  #expect(screen.lines.allSatisfy { $0.count < columns }, "\(screen.lines)")
  #expect(screen.lines.count < rows)
  let named = screen.lines.dropFirst().filter { !$0.contains("more") }
  #expect(Set(named).count == named.count)
  if columns >= 80 {
    for i in 0..<8 { #expect(named.contains { $0.contains("seed=\(i)]") }, "\(screen.lines)") }
  }
}

@Test func namesThatAreTooLongLoseWhatTheyShareAndThenTheirMiddles() {
  let names = ShortNames(exampleGraph())
  #expect(names.names(of: [1, 2], width: 60) == [1, 2].map { names[$0] })
  #expect(names.names(of: [1, 2], width: 24) == ["stitched[direct, seed=0]", "stitched[direct, seed=1]"])
  #expect(names.names(of: [1, 2], width: 16) == ["stitched[seed=0]", "stitched[seed=1]"])
  #expect(names.names(of: [1], width: 10) == ["stitched"])
  #expect(names.names(of: [1, 8], width: 20) == ["stitched[standard]", "stitched[robust]"])
  #expect(names.names(of: [1, 8], width: 15) == ["stitched[st…rd]", "stitched[ro…st]"])
}

/// F16.
@Test func theTimeLeftComesFromEarlierRunsAndFromThisOne() {
  let screen = Screen()
  screen.columns = 90
  let graph = exampleGraph()
  let display = screen.display(graph, jobs: 2, durations: ["stitched": 100])
  display.show(.planned(total: 9, cached: 0))
  display.show(.toDo(Array(0..<9)))
  // How long `data` takes nobody knows.
  #expect(screen.lines == ["░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 0/9  0s"])
  display.show(.finished(report(graph, 0, .executed, seconds: 3)))
  #expect(screen.lines == ["███░░░░░░░░░░░░░░░░░░░░░░░░░░░ 1/9  0s  about 7 min left"])
  display.show(.started(instance: 1, reason: .neverRun))
  screen.time += 50
  display.tick()
  #expect(screen.lines[0] == "███░░░░░░░░░░░░░░░░░░░░░░░░░░░ 1/9  50s  about 6 min left")
  // What it took in this run says more.
  display.show(.finished(report(graph, 1, .executed, seconds: 10)))
  #expect(screen.lines == ["██████░░░░░░░░░░░░░░░░░░░░░░░░ 2/9  50s  about 35 s left"])
  let unknown = Screen()
  let other = unknown.display(graph)
  other.show(.planned(total: 9, cached: 0))
  other.show(.toDo(Array(0..<9)))
  #expect(!unknown.lines[0].contains("left"))
}

@Test func bytesOnTheirWayHaveALineWithRateAndTimeLeft() {
  let screen = Screen()
  screen.columns = 120
  let display = screen.display(exampleGraph())
  display.show(.planned(total: 9, cached: 1))
  // What came before this isn't part of it.
  (screen.traffic.fetched, screen.traffic.toFetch) = (5 << 20, 5 << 20)
  display.tick()
  screen.traffic.toFetch += 300 << 20
  display.tick()
  #expect(screen.lines.count == 1)
  screen.time += 10
  screen.traffic.fetched += 100 << 20
  screen.traffic.toSend = 1 << 20
  display.tick()
  #expect(Array(screen.lines.dropFirst()) == ["  fetching  100 MiB of 300 MiB  10 MiB/s  20s left"])
  screen.traffic.fetched += 200 << 20
  screen.time += 2
  display.tick()
  #expect(Array(screen.lines.dropFirst()) == ["  publishing  0 B of 1.0 MiB  0 B/s"])
  screen.isTerminal = false
  screen.lines = []
  screen.time += 40
  display.tick()
  display.tick()
  #expect(screen.lines == ["publishing  0 B of 1.0 MiB  0 B/s"])
}

@Test func whatOtherDriversComputeHasALineForEachOfThem() {
  let screen = Screen()
  screen.columns = 120
  let graph = exampleGraph()
  let display = screen.display(graph, jobs: 2)
  display.show(.planned(total: 9, cached: 1))
  display.show(.started(instance: 1, reason: .neverRun))
  for i in [2, 3] { display.show(.elsewhere(instance: i, process: 77)) }
  display.show(.elsewhere(instance: 4, process: 5))
  #expect(
    Array(screen.lines.dropFirst()) == [
      "  stitched[standard, direct, seed=0]  0s", "  waiting for PID 5: stitched[standard, fula, seed=1]",
      "  waiting for PID 77: stitched[standard, direct, seed=1], stitched[standard, fula, seed=0]",
    ])
  display.show(.finished(report(graph, 4, .cached)))
  display.show(.elsewhere(instance: 2, process: nil))
  #expect(screen.lines.dropFirst(2).map { $0 } == ["  waiting for PID 77: stitched[standard, fula, seed=0]"])
  display.show(.started(instance: 3, reason: .neverRun))
  #expect(!screen.lines.contains { $0.contains("waiting") })
  screen.isTerminal = false
  screen.lines = []
  display.show(.elsewhere(instance: 4, process: 5))
  #expect(screen.lines == ["waiting for PID 5: \(graph.instances[4].name)"])
}

/// F16: many failures are no flood.
@Test(arguments: [true, false])
func ofManyFailuresTheFirstFewAreToldAndAllListedInTheEndByCause(_ isTerminal: Bool) {
  let screen = Screen()
  screen.columns = 120
  screen.isTerminal = isTerminal
  let graph = exampleGraph(seeds: 10)
  let display = screen.display(graph)
  display.show(.planned(total: 41, cached: 0))
  var reports: [InstanceReport] = []
  for i in 1...40 {
    let failed = report(graph, i, .failed, message: i <= 20 ? "loss is NaN\n  | epoch 3" : "out of memory")
    reports.append(failed)
    display.show(.finished(failed))
  }
  #expect(screen.lines.count { $0.hasPrefix("FAILED") } == 5)
  #expect(screen.lines.count { $0 == "more have failed; all of them are listed in the end" } == 1)
  if isTerminal { #expect(screen.lines.last?.contains("40/41  40 failed") == true) }
  let before = screen.lines.count - (isTerminal ? 1 : 0)
  display.finish(
    RunReport(instances: reports, seconds: 1, interrupted: false, storeProblems: [], warnings: []))
  #expect(
    Array(screen.lines[before...]) == [
      "40 instances failed:", "  stitched[front=standard] (20): loss is NaN",
      "    bobbin log p.yaml '\(graph.instances[1].name)'", "  stitched[front=robust] (20): out of memory",
      "    bobbin log p.yaml '\(graph.instances[21].name)'",
    ])
}

/// F9: `--tail`.
@Test(arguments: [true, false]) func aFollowedLogIsShownAsItComes(_ isTerminal: Bool) throws {
  let store = FileManager.default.temporaryDirectory.appending(path: "reporting-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: store) }
  let screen = Screen()
  screen.isTerminal = isTerminal
  let graph = exampleGraph()
  let log = graph.log(of: graph.instances[1].name, in: store)
  try FileManager.default.createDirectory(
    at: log.deletingLastPathComponent(), withIntermediateDirectories: true)
  func append(_ text: String) throws {
    let before = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    try (before + text).write(to: log, atomically: false, encoding: .utf8)
  }
  let display = screen.display(graph, following: [1], store: store)
  display.show(.planned(total: 9, cached: 8))
  for i in 1...2 { display.show(.started(instance: i, reason: .neverRun)) }
  try append("epoch 1/2, loss 0.5\nepo")
  display.tick()
  func shown() -> [String] { screen.lines.filter { $0.contains(" | ") } }
  #expect(shown() == ["stitched | epoch 1/2, loss 0.5"])
  try append("ch 2/2\u{1B}[31m\nno end")
  display.show(.finished(report(graph, 1, .executed, seconds: 1)))
  #expect(
    shown() == [
      "stitched | epoch 1/2, loss 0.5", "stitched | epoch 2/2\\u{1b}[31m", "stitched | no end",
    ])
  if isTerminal {
    #expect(screen.lines.suffix(2).first?.hasPrefix("███") == true)
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
      "  stitched[standard, direct, seed=0]  epoch 5/20  loss 0.4…  30s left",
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

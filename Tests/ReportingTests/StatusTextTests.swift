// Status of graphs: whole texts.

import Canonical
import ContentStore
import Foundation
import Reporting
import Testing
import Workflow

@Suite struct StatusTextTests {
  private let graph = exampleGraph()

  /// A plan in which each instance is what `state` says.
  private func plan(
    lastRun: RunEntry? = nil, formerNames: [Int: String] = [:], _ state: (Int) -> Plan.State
  ) -> Plan {
    Plan(
      entries: graph.instances.indices.map { i in
        Plan.Entry(
          instance: i, name: graph.instances[i].name, state: state(i), key: nil, artifacts: nil,
          formerName: formerNames[i])
      }, remoteProblems: [], lastRun: lastRun)
  }

  private func ended(_ state: RunEntry.State) -> RunEntry {
    RunEntry(
      id: RunID(1), file: "p.yaml", start: Date(timeIntervalSince1970: 0), commandLine: ["bobbin"],
      state: state,
      executed: 0)
  }

  private let rate = Plan.State.stale(.changed([Change("learning_rate", "0.1 → 0.05")]))

  @Test func oneCauseIsOneLineWithACount() {
    let plan = plan { $0 == 0 ? .upToDate : rate }
    #expect(
      StatusText(plan, graph: graph).text == """
        up to date   data
        stale        stitched (8): learning_rate 0.1 → 0.05
        1 up to date, 8 stale, 0 pending, 0 missing

        """)
    #expect(
      StatusText(plan, graph: graph, onlyStale: true).text == """
        stale        stitched (8): learning_rate 0.1 → 0.05
        1 up to date, 8 stale, 0 pending, 0 missing

        """)
    #expect(
      StatusText(plan, graph: graph, shown: [1], verbose: true).text == """
        stale        stitched[front=standard,cut=stem,method=direct,twin=direct,seed=0]  learning_rate 0.1 → 0.05
        0 up to date, 1 stale, 0 pending, 0 missing

        """)
  }

  @Test func whatOtherDriversComputeIsALineForEach() {
    var plan = plan { $0 == 0 ? .upToDate : .missing }
    plan.atWork = [1: 70, 2: 70, 3: 8]
    #expect(
      StatusText(plan, graph: graph).text == """
        up to date   data
        missing      stitched (8)
        PID 8 computes stitched[front=standard,cut=stem,method=fula,twin=fula,seed=0]
        PID 70 computes stitched[front=standard,method=direct,twin=direct] (2)
        1 up to date, 0 stale, 0 pending, 8 missing

        """)
    #expect(
      plan.json()["instances"]?.arrayValue?.map { $0["process"] } == [
        nil, 70, 70, 8, nil, nil, nil, nil, nil,
      ])
  }

  @Test func partsOfAStageAreNamedByTheSelectionThatMeansThem() {
    let text = StatusText(
      plan { i in
        switch i {
        case 0: .upToDate
        case 1, 2, 5, 6: rate
        case 3: .failed("exit status 3\n  | more")
        default: .missing
        }
      }, graph: graph
    ).text
    #expect(
      text == """
        up to date   data
        stale        stitched[method=direct,twin=direct] (4): learning_rate 0.1 → 0.05
        failed       stitched[front=standard,cut=stem,method=fula,twin=fula,seed=0]: exit status 3
        missing      stitched (3 of 8, such as stitched[front=standard,cut=stem,method=fula,twin=fula,seed=1])
        1 up to date, 4 stale, 0 pending, 3 missing, 1 failed

        """)
  }

  @Test func whatWaitsAndWhereAnInputComesFromDontSplitACause() {
    let text = StatusText(
      plan { i in
        switch i {
        case 0: .interrupted
        case 1, 2:
          .stale(.changed([Change("input front:", "content changed", origin: "model 'model[seed=\(i)]'")]))
        default: .pending(on: "data")
        }
      }, graph: graph
    ).text
    #expect(
      text == """
        interrupted  data: while computed, when a run was interrupted
        stale        stitched[front=standard,method=direct,twin=direct] (2): input front: content changed (model \
        'model[seed=1]') and 1 other
        pending      stitched (6 of 8, such as stitched[front=standard,cut=stem,method=fula,twin=fula,seed=0]): \
        wait for data
        0 up to date, 2 stale, 6 pending, 0 missing, 1 interrupted

        """)
  }

  @Test func whatChangedInManyWaysIsOneLineAllTheSame() {
    func text(_ ways: Int) -> String {
      StatusText(
        plan { i in
          i == 0
            ? .upToDate : .stale(.changed([Change("run", "echo \(i % ways) → echo"), Change("a", "1 → 2")]))
        }, graph: graph
      ).text
    }
    #expect(
      text(8) == """
        up to date   data
        stale        stitched (8): run echo 1 → echo and 7 others; a 1 → 2
        1 up to date, 8 stale, 0 pending, 0 missing

        """)
    #expect(
      text(2) == """
        up to date   data
        stale        stitched[seed=0] (4): run echo 1 → echo; a 1 → 2
        stale        stitched[seed=1] (4): run echo 0 → echo; a 1 → 2
        1 up to date, 8 stale, 0 pending, 0 missing

        """)
  }

  @Test func reasonsAreCutToASaneLengthAndWholeWhenVerbose() {
    let changes = (1...6).map { Change("parameter\($0)", String(repeating: "x", count: 90)) }
    let plan = plan { $0 == 0 ? .stale(.changed(changes)) : .upToDate }
    let line = StatusText(plan, graph: graph).text.split(separator: "\n")[0]
    #expect(line.hasPrefix("stale        data: parameter1 xxx") && line.hasSuffix("x…"))
    #expect(line.count == 13 + "data: ".count + 240)
    let verbose = StatusText(plan, graph: graph, verbose: true).text
    #expect(changes.allSatisfy { verbose.contains("\($0)") })
    let few = (1...5).map { Change("p\($0)", "1 → 2") }
    let short = StatusText(self.plan { $0 == 0 ? .stale(.changed(few)) : .upToDate }, graph: graph).text
    #expect(short.hasPrefix("stale        data: p1 1 → 2; p2 1 → 2; p3 1 → 2; and 2 more changes\n"))
  }

  @Test func renamedOnesSayWhatTheyWere() {
    let text = StatusText(
      plan(formerNames: [0: "images"]) { i in
        i == 0
          ? .upToDate
          : .stale(.renamed(from: "fit[seed=\(i)]", [Change("learning_rate", "0.1 → 0.05")]))
      }, graph: graph
    ).text
    #expect(
      text == """
        up to date   data: known as images
        stale        stitched (8): known as fit before; learning_rate 0.1 → 0.05
        1 up to date, 8 stale, 0 pending, 0 missing

        """)
  }

  @Test func aRunThatDidNotEndSaysWhatIsKept() {
    let interrupted = RunOutcome(exitStatus: 130, executed: 1, cached: 0, failed: 0, skipped: 8)
    for (state, line) in [
      (RunEntry.State.ended(interrupted), "the last run was interrupted; what it had finished is kept"),
      (.unfinished, "the last run was killed; what it had finished is kept"),
      (.running, "a run is going on"),
    ] {
      let lines = StatusText(plan(lastRun: ended(state)) { _ in .missing }, graph: graph).text
        .split(separator: "\n")
      #expect(lines == ["missing      data, stitched (8)", Substring(line), lines.last!])
    }
  }

  @Test func manyStagesTakeSeveralLines() {
    let instances = (0..<30).map {
      Instance(
        name: "stage_number_\($0)", stage: "stage_number_\($0)", kind: source, parameters: [:],
        outputs: source.outputs)
    }
    let graph = Graph(instances: instances, project: "/project", file: "p.yaml")
    let plan = Plan(
      entries: instances.indices.map {
        Plan.Entry(
          instance: $0, name: instances[$0].name, state: .missing, key: nil, artifacts: nil, formerName: nil)
      }, remoteProblems: [], lastRun: nil)
    let lines = StatusText(plan, graph: graph).text.split(separator: "\n")
    #expect(lines.count > 4 && lines.allSatisfy { $0.count <= 101 })
    #expect(lines[1].hasPrefix("             stage_number_") && lines[0].hasSuffix(","))
  }

  @Test func theJSONHasStatesReasonsAndCounts() throws {
    let json = plan(lastRun: ended(.unfinished)) { i in
      i == 0 ? .upToDate : i < 5 ? rate : i < 8 ? .pending(on: "data") : .failed("no\nmore")
    }.json(of: [0, 1, 7, 8])
    #expect(["upToDate", "stale", "pending", "failed", "missing"].map { json[$0] } == [1, 1, 1, 1, 0])
    #expect(json["lastRun"]?["state"] == "unfinished")
    let instances = try #require(json["instances"]?.arrayValue)
    #expect(instances.map { $0["state"] } == ["upToDate", "stale", "pending", "failed"])
    #expect(
      instances.map { $0["reason"] } == [.null, "learning_rate 0.1 → 0.05", "waits for data", "no\nmore"])
    #expect(instances[1]["changes"] == [["subject": "learning_rate", "what": "0.1 → 0.05"]])
  }
}

// A comparison pairs rows that agree on everything else, says what the differences mean, and names what has no partner.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct CompareTests {
  private func run(
    _ parameters: JSON, _ rows: [InputArtifact], on bench: Bench
  ) throws -> (lines: [[String: JSON]], unpaired: String, csv: String) {
    let instance = Bench.Instance(parameters: parameters, inputs: [:], labelled: ["rows": rows])
    let made = try bench.run("compare", [instance])[0].get()
    func text(_ name: String) throws -> String {
      try String(contentsOf: bench.url(made[name]!), encoding: .utf8)
    }
    let lines = try bench.json(made["json"]!).arrayValue!.map { $0.objectValue! }
    return (lines, try text("unpaired"), try text("csv"))
  }

  private func failure(_ parameters: JSON, _ rows: [InputArtifact], on bench: Bench) -> String {
    do {
      _ = try run(parameters, rows, on: bench)
      return "none"
    } catch { return "\(error)" }
  }

  /// Accuracies of two methods at two cuts with seeds; some are missing.
  private func rows(on bench: Bench) throws -> [InputArtifact] {
    var rows: [InputArtifact] = []
    for (method, cut, accuracies) in [
      ("direct", "stem", [0.5, 0.6, 0.55]), ("direct", "top", [0.7, 0.7, 0.7]),
      ("fula", "stem", [0.6, 0.65, 0.75]), ("fula", "top", [0.8, 0.8]),
      ("task_loss", "stem", [0.9]),
    ] {
      for (seed, accuracy) in accuracies.enumerated() {
        rows.append(
          try bench.scores(
            ["accuracy": .number(accuracy)],
            ["network.method": method, "network.cut": cut, "seed": "\(seed)"]))
      }
    }
    return rows
  }

  @Test func pairsAgreeOnAllOtherAxes() throws {
    let bench = try Bench()
    let parameters: JSON = ["axis": "method", "baseline": "direct", "over": ["seed"]]
    let (lines, unpaired, csv) = try run(parameters, rows(on: bench), on: bench)
    #expect(
      csv.hasPrefix(
        "stage,cut,method,baseline,score,n,mean,baseline_mean,difference,difference_std,difference_low,"
          + "difference_high,t,p_value,signed_rank_p_value,p_value_holm,unpaired\n"))
    let places = lines.map { "\($0["method"]!.stringValue!) \($0["cut"]!.stringValue!)" }
    #expect(places == ["fula stem", "fula top", "task_loss stem"])
    func near(_ line: Int, _ cell: String, _ expected: Double) -> Bool {
      abs((lines[line][cell]?.doubleValue ?? .nan) - expected) < 1e-9
    }
    // scipy.stats.ttest_rel of the three: t = 2.645751311, p = 0.118082896; the interval is 0.1166667 ± 4.302653·s/√3.
    #expect(lines[0]["n"] == 3 && lines[0]["unpaired"] == 0 && lines[0]["baseline"] == "direct")
    #expect(near(0, "difference", 0.35 / 3) && near(0, "mean", 2.0 / 3) && near(0, "baseline_mean", 0.55))
    #expect(near(0, "t", 2.6457513110645907) && near(0, "p_value", 0.11808289631180303))
    #expect(near(0, "difference_low", -0.07306248501317121) && near(0, "signed_rank_p_value", 0.25))
    #expect(near(0, "p_value_holm", 0.11808289631180303))
    // Two of three pair, and differ by the same.
    #expect(lines[1]["n"] == 2 && lines[1]["unpaired"] == 1 && near(1, "difference", 0.1))
    // A single pair has no spread.
    #expect(lines[2]["n"] == 1 && lines[2]["unpaired"] == 2)
    for cell in [
      "difference_std", "difference_low", "difference_high", "t", "p_value", "signed_rank_p_value",
    ] {
      #expect(lines[2][cell] == .null)
    }
    #expect(
      unpaired == """
        stage,method,cut,seed,score,lacks
        s,direct,top,2,accuracy,fula
        s,direct,stem,1,accuracy,task_loss
        s,direct,stem,2,accuracy,task_loss
        s,direct,top,0,accuracy,task_loss
        s,direct,top,1,accuracy,task_loss
        s,direct,top,2,accuracy,task_loss

        """)
  }

  @Test func withoutRepetitionsEachPairIsALine() throws {
    let bench = try Bench()
    let parameters: JSON = ["axis": "method", "baseline": "fula", "values": ["direct"]]
    let (lines, _, _) = try run(parameters, rows(on: bench), on: bench)
    #expect(lines.count == 5 && lines.allSatisfy { $0["n"] == 1 && $0["method"] == "direct" })
    // Over cuts and seeds alike there are five pairs.
    let all = try run(
      ["axis": "method", "baseline": "fula", "values": ["direct"], "over": ["seed", "cut"]], rows(on: bench),
      on: bench)
    #expect(all.lines.count == 1 && all.lines[0]["n"] == 5)
  }

  @Test func whatCannotBeComparedIsTold() throws {
    let bench = try Bench()
    let rows = try rows(on: bench)
    let apart = try [("a", "0"), ("b", "1")].map {
      try bench.scores(["accuracy": 1], ["method": $0.0, "seed": $0.1])
    }
    let twice = apart + [apart[0]]
    for (parameters, rows, expected) in [
      (["axis": "metod", "baseline": "direct"], rows, "'rows' has no axis 'metod'. Did you mean 'method'?"),
      (
        ["axis": "method", "baseline": "direkt"], rows,
        "no row has method=direkt. Did you mean 'direct'?"
      ),
      (["axis": "method", "baseline": "x"], rows, "no row has method=x. Known: direct, fula, task_loss"),
      (
        ["axis": "method", "baseline": "fula", "values": ["fula"]], rows,
        "'fula' is the baseline and can't be compared with itself"
      ),
      (
        ["axis": "method", "baseline": "fula", "over": ["method"]], rows,
        "'network.method' is compared; it can't be an axis of repetitions (over) too"
      ),
      (
        ["axis": "method", "baseline": "fula", "columns": ["acc"]], rows,
        "there is no score 'acc'. Known: accuracy"
      ),
      (
        ["axis": "method", "baseline": "a"], apart,
        "no row with method=b agrees with one of method=a on all other axes (seed); nothing pairs"
      ),
      (
        ["axis": "method", "baseline": "a"], [apart[0]],
        "all rows have method=a; there is nothing to compare it with"
      ),
      (
        ["axis": "method", "baseline": "a"], twice,
        "two rows have method=a and are the same on all other axes (seed); a pair is of one each"
      ),
      (["axis": "method", "baseline": "a"], [], "there are no rows"),
    ] as [(JSON, [InputArtifact], String)] {
      #expect(failure(parameters, rows, on: bench) == expected)
    }
  }

  @Test func namesThatRowsWillNotHaveAreFoundBeforeAnythingRuns() throws {
    let facts = try foreseen("evaluate", [:]).outputs["scores"]
    let rows = ["rows": [Foresight.Member(facts, axes: ["method", "seed"])]]
    let found = try foreseen(
      "compare",
      [
        "axis": "metod", "baseline": "a", "values": ["b", "a"], "over": ["sed"], "columns": ["acuracy"],
      ], rows
    ).mistakes
    #expect(
      found.map { "\($0.path.joined(separator: ".")): \($0.message)" } == [
        "axis: 'rows' has no axis 'metod'. Did you mean 'method'?",
        "over.0: 'rows' has no axis 'sed'. Did you mean 'seed'?",
        "columns.0: there is no score 'acuracy'. Did you mean 'accuracy'?",
        "values.1: 'a' is the baseline and can't be compared with itself",
      ])
    #expect(try foreseen("compare", ["axis": "stage", "baseline": "a"], rows).mistakes.isEmpty)
  }

  @Test func theFigureHasARowForEachSortOfPairAndABarForItsInterval() throws {
    let bench = try Bench()
    let instance = Bench.Instance(
      parameters: ["axis": "method", "baseline": "direct", "over": ["seed"]], inputs: [:],
      labelled: ["rows": try rows(on: bench)])
    let made = try bench.run("compare", [instance])[0].get()
    let svg = try String(contentsOf: bench.url(made["figure"]!), encoding: .utf8)
    let texts = svg.matches(of: /<text [^>]*>([^<]*)<\/text>/).map { String($0.1) }
    for text in ["accuracy", "stem", "top", "cut", "fula", "task_loss", "difference from direct", "0.0"] {
      #expect(texts.contains(text), "\(text)")
    }
    #expect(
      texts.suffix(2).joined(separator: " ")
        == "mean difference of pairs over seed, bar: 95% t interval, n = 1 to 3; a single pair has no bar")
    // Of three comparisons the one of a single pair has no bar.
    #expect(svg.matches(of: /<polyline [^>]*stroke-width="1.8"/).count == 2)
    let values = try #require(bench.json(made["vega_lite"]!)["data"]?["values"]?.arrayValue)
    #expect(values.map { $0["row"] } == ["stem", "stem", "top"])
    #expect(values.map { $0["line"] } == ["fula", "task_loss", "fula"])
    #expect(abs(values[0]["low"]!.doubleValue! + 0.07306248501317121) < 1e-9 && values[1]["low"] == .null)
  }
}

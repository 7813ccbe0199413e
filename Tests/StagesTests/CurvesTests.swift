// Curves show what the histories say: a panel a list, a line a run or a mean with its spread and its count.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct CurvesTests {
  private func figure(_ parameters: JSON, _ rows: [InputArtifact], on bench: Bench) throws -> String {
    let instance = Bench.Instance(parameters: parameters, inputs: [:], labelled: ["rows": rows])
    let made = try bench.run("curves", [instance])[0].get()
    return try String(contentsOf: bench.url(made["figure"]!), encoding: .utf8)
  }

  private func failure(_ parameters: JSON, _ rows: [InputArtifact], on bench: Bench) throws -> String {
    do {
      _ = try figure(parameters, rows, on: bench)
      return "none"
    } catch { return "\(error)" }
  }

  private func texts(_ svg: String) -> [String] {
    svg.matches(of: /<text [^>]*>([^<]*)<\/text>/).map { String($0.1) }
  }

  /// The points of the lines that are curves, in their order.
  private func curves(_ svg: String) -> [[(x: Double, y: Double)]] {
    svg.matches(of: /<polyline points="([^"]*)"[^>]*stroke-width="1.8"/).map { match in
      match.1.split(separator: " ").map {
        let parts = $0.split(separator: ",").map { Double($0)! }
        return (parts[0], parts[1])
      }
    }
  }

  private func histories(_ seeds: [(regime: String, seed: String, loss: [Double])], on bench: Bench) throws
    -> [InputArtifact]
  {
    try seeds.map {
      try bench.scores(
        ["loss": .array($0.loss.map(JSON.number)), "accuracy": .array($0.loss.map { .number(1 - $0 / 10) })],
        ["regime": $0.regime, "seed": $0.seed])
    }
  }

  @Test func aLineIsARun() throws {
    let bench = try Bench()
    let rows = try histories(
      [("standard", "0", [2, 1, 0]), ("adversarial", "0", [2, 2, 1, 1])], on: bench)
    let svg = try figure(["title": "Two regimes"], rows, on: bench)
    let said = texts(svg)
    #expect(said.contains("Two regimes") && said.contains("loss") && said.contains("accuracy"))
    #expect(said.contains("standard") && said.contains("adversarial") && said.contains("regime"))
    #expect(said.count { $0 == "epoch" } == 2 && said.contains("accuracy (share of images)"))
    #expect(said.contains("each line is one run (n = 1)"))
    // Of each panel, accuracy first: lines of three and of four epochs from left to right, at the same places.
    let drawn = curves(svg)
    #expect(drawn.map(\.count) == [3, 4, 3, 4])
    for line in drawn { #expect(line.map(\.x) == line.map(\.x).sorted()) }
    #expect(drawn[2].map(\.x) == Array(drawn[3].map(\.x).prefix(3)))
    // Less loss is lower, evenly.
    let heights = drawn[2].map(\.y)
    #expect(heights[0] < heights[1] && abs(heights[2] - heights[1] - (heights[1] - heights[0])) < 0.2)
    #expect(svg.contains("<rect width=\"100%\" height=\"100%\" fill=\"white\" class=\"f-paper\"/>"))
  }

  @Test func meansSayOfHowManyTheyAre() throws {
    let bench = try Bench()
    let rows = try histories(
      [
        ("standard", "0", [3, 1]), ("standard", "1", [1, 1]), ("standard", "2", [2, 1, 9]),
        ("adversarial", "0", [5, 4]), ("adversarial", "1", [5, 4]),
      ], on: bench)
    let svg = try figure(["over": ["seed"], "values": ["loss"]], rows, on: bench)
    let said = texts(svg)
    #expect(said.contains("standard (n = 3)") && said.contains("adversarial (n = 2)"))
    #expect(said.contains("mean over seed, band: ± one sample standard deviation, n = 2 to 3"))
    #expect(said.contains("histories of different lengths: a mean ends with the shortest"))
    #expect(!said.contains("accuracy"))
    let drawn = curves(svg)
    #expect(drawn.map(\.count) == [2, 2] && svg.matches(of: /<polygon points/).count == 2)
    let even = try figure(["over": ["seed"]], Array(rows[3...]), on: bench)
    #expect(texts(even).contains("mean over seed, band: ± one sample standard deviation, n = 2"))
  }

  @Test func oneEpochIsADot() throws {
    let bench = try Bench()
    let svg = try figure(["values": ["loss"]], histories([("standard", "0", [2])], on: bench), on: bench)
    #expect(svg.matches(of: /<circle cx/).count == 1)
  }

  @Test func whatIsNoHistoryIsToldWithWhatThereIs() throws {
    let bench = try Bench()
    let rows = try histories([("standard", "0", [2, 1])], on: bench)
    for (parameters, expected) in [
      (["values": ["los"]], "there is no list 'los'. Did you mean 'loss'?"),
      (["values": ["agreement"]], "there is no list 'agreement'. Known: accuracy, loss"),
      (["over": ["seeds"]], "'rows' has no axis 'seeds'. Did you mean 'seed'?"),
    ] as [(JSON, String)] {
      #expect(try failure(parameters, rows, on: bench) == expected)
    }
    #expect(try failure([:], [], on: bench) == "there are no rows")
    #expect(
      try failure([:], [bench.scores(["accuracy": 1], ["seed": "0"])], on: bench)
        == "there are no lists among the scores; curves are drawn of histories")
    #expect(
      try failure([:], histories([("standard", "0", [])], on: bench), on: bench)
        == "the histories are all empty: nothing was trained")
    let many = try histories((0..<25).map { ("standard", "\($0)", [1, 2]) }, on: bench)
    #expect(
      try failure([:], many, on: bench)
        == "25 lines can't be told apart, 24 can; take the mean over an axis (over), or fewer rows")
    #expect(try failure(["over": ["seed"]], many, on: bench) == "none")
  }

  @Test(
    arguments: [
      ([0.0, 1], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]), ([1, 2.3], ["1.0", "1.5", "2.0", "2.5"]),
      ([0.0012, 0.0013], ["0.00120", "0.00122", "0.00124", "0.00126", "0.00128", "0.00130"]),
      ([0, 2300], ["0", "500", "1000", "1500", "2000", "2500"]),
    ] as [([Double], [String])])
  func numbersAlongAnAxisAreRound(_ losses: [Double], _ expected: [String]) throws {
    let bench = try Bench()
    let svg = try figure(
      ["values": ["loss"]], histories([("standard", "0", losses)], on: bench), on: bench)
    let marks = svg.matches(of: /text-anchor="end">([^<]*)<\/text>/).map { String($0.1) }
    #expect(marks == expected)
  }

  @Test func wrongListsAreFoundBeforeAnythingRuns() throws {
    #expect(try mistakes(["values": ["los"]]) == ["there is no list 'los'. Did you mean 'loss'?"])
    #expect(
      try mistakes(["values": ["loss"], "over": ["sed"]]) == [
        "'rows' has no axis 'sed'. Did you mean 'seed'?"
      ])
    #expect(try mistakes([:]) == [])
    #expect(
      try mistakes([:], of: "evaluate", "scores", [:])
        == ["there are no lists among the scores; curves are drawn of histories"])
  }

  private func mistakes(
    _ parameters: JSON, of kind: String = "train", _ output: String = "history",
    _ its: JSON = ["architecture": "resnet8"]
  ) throws -> [String] {
    let facts = try foreseen(kind, its).outputs[output]
    return try foreseen("curves", parameters, ["rows": [Foresight.Member(facts, axes: ["seed"])]]).mistakes
      .map(
        \.message)
  }
}

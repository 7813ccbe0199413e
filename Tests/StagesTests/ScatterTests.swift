// A scatter shows two scores of the same things, and says how they go together and of how many points.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct ScatterTests {
  private func figure(
    _ parameters: JSON, _ rows: [InputArtifact], others: [InputArtifact] = [], on bench: Bench
  ) throws -> (svg: String, points: [JSON]) {
    var labelled = ["rows": rows]
    if !others.isEmpty { labelled["others"] = others }
    let instance = Bench.Instance(parameters: parameters, inputs: [:], labelled: labelled)
    let made = try bench.run("scatter", [instance])[0].get()
    let description = try bench.json(made["vega_lite"]!)
    return (
      try String(contentsOf: bench.url(made["figure"]!), encoding: .utf8),
      try #require(description["data"]?["values"]?.arrayValue)
    )
  }

  private func failure(
    _ parameters: JSON, _ rows: [InputArtifact], others: [InputArtifact] = [], on bench: Bench
  ) -> String {
    do {
      _ = try figure(parameters, rows, others: others, on: bench)
      return "none"
    } catch { return "\(error)" }
  }

  private func similarities(on bench: Bench) throws -> [InputArtifact] {
    let pairs = [(1, 2.1), (2, 1.9), (3, 3.5), (4, 3.5), (5, 5.2), (6.5, 4.8), (7, 7.5)]
    return try pairs.enumerated().map { i, pair in
      try bench.scores(["cka": .number(pair.0), "accuracy": .number(pair.1)], ["cut": "c\(i)", "seed": "0"])
    }
  }

  @Test func correlationsAndNStandAboveThePoints() throws {
    let bench = try Bench()
    let (svg, points) = try figure(["x": "cka", "y": "accuracy"], similarities(on: bench), on: bench)
    #expect(
      svg.matches(of: /<text [^>]*>([^<]*)<\/text>/).map(\.1).joined(separator: " ").contains(
        "Pearson 0.92 (95%: 0.53 … 0.99), Spearman 0.92, n = 7"))
    #expect(svg.matches(of: /<circle cx/).count == 7 && points.count == 7)
    #expect(svg.contains(">each point is one row (n = 1)<") && svg.contains(">accuracy against cka<"))
    let two = try figure(["x": "cka", "y": "accuracy"], Array(similarities(on: bench)[..<1]), on: bench)
    #expect(two.svg.contains("n = 1, no correlation: a single point"))
  }

  @Test func pointsMayBeMeansAndHaveColours() throws {
    let bench = try Bench()
    let rows = try ["a", "b"].flatMap { method in
      try (0..<3).flatMap { cut in
        try (0..<2).map { seed in
          try bench.scores(
            ["x": .integer(cut + seed), "y": .integer(cut)],
            ["cut": "\(cut)", "method": method, "seed": "\(seed)"])
        }
      }
    }
    let parameters: JSON = ["x": "x", "y": "y", "by": ["method"], "over": ["seed"]]
    let (svg, points) = try figure(parameters, rows, on: bench)
    #expect(points.count == 6 && points.allSatisfy { $0["n"] == 2 })
    #expect(points[0]["x"]?.doubleValue == 0.5 && points[5]["line"] == "b")
    #expect(svg.contains(">each point is a mean over seed, n = 2<"))
    #expect(svg.contains(">a</text>") && svg.contains(">method</text>"))
  }

  @Test func scoresOfTwoStagesAreJoinedByTheAxesThatBothHave() throws {
    let bench = try Bench()
    let similarity = try ["a", "b", "c"].enumerated().map {
      try bench.scores(["cka": .integer($0)], ["pair.cut": $1])
    }
    let accuracy = try [("a", 1), ("b", 3)].map {
      try bench.scores(["accuracy": .integer($0.1)], ["cut": $0.0, "method": "direct"])
    }
    let (svg, points) = try figure(
      ["x": "cka", "y": "accuracy"], similarity, others: accuracy, on: bench)
    #expect(points.map { $0["y"]?.doubleValue } == [1, 3])
    #expect(svg.contains("without 1 of 3 rows, which lack a score"))
    #expect(
      failure(["x": "cka", "y": "accuracy"], similarity, others: accuracy + accuracy, on: bench)
        == "2 of 'others' agree with one of 'rows' on pair.cut; select those that are meant")
    let apart = try [bench.scores(["accuracy": 1], ["seed": "0"])]
    #expect(
      failure(["x": "cka", "y": "accuracy"], similarity, others: apart, on: bench)
        == "'rows' (pair.cut) and 'others' (seed) have no axis in common")
  }

  @Test func whatCannotBeDrawnIsTold() throws {
    let bench = try Bench()
    let rows = try similarities(on: bench)
    for (parameters, rows, expected) in [
      (["x": "cka", "y": "acuracy"], rows, "there is no score 'acuracy'. Did you mean 'accuracy'?"),
      (["x": "cka", "y": "cka"], rows, "x and y are both cka"),
      (
        ["x": "cka", "y": "accuracy", "over": ["sed"]], rows, "'rows' has no axis 'sed'. Did you mean 'seed'?"
      ),
      (["x": "cka", "y": "accuracy"], [], "there are no rows"),
    ] as [(JSON, [InputArtifact], String)] {
      #expect(failure(parameters, rows, on: bench) == expected)
    }
    let split = try [bench.scores(["a": 1], ["seed": "0"]), bench.scores(["b": 1], ["seed": "1"])]
    #expect(failure(["x": "a", "y": "b"], split, on: bench) == "no row has a and b together")
    let facts = try foreseen("evaluate", [:]).outputs["scores"]
    let found = try foreseen(
      "scatter", ["x": "acuracy", "y": "acuracy", "over": ["sed"]],
      ["rows": [Foresight.Member(facts, axes: ["cut", "seed"])]]
    ).mistakes
    #expect(found.map { $0.path.joined(separator: ".") } == ["over.0", "x", "y", "y"])
  }
}

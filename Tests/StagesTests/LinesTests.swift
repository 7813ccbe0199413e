// Lines show a score along an axis in the order of the matrix, a band for its spread, and of how many values they are.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct LinesTests {
  private func figure(
    _ parameters: JSON, _ rows: [InputArtifact], on bench: Bench
  ) throws -> (svg: String, points: [JSON]) {
    let instance = Bench.Instance(parameters: parameters, inputs: [:], labelled: ["rows": rows])
    let made = try bench.run("lines", [instance])[0].get()
    let description = try bench.json(made["vega_lite"]!)
    return (
      try String(contentsOf: bench.url(made["figure"]!), encoding: .utf8),
      try #require(description["data"]?["values"]?.arrayValue)
    )
  }

  private func failure(_ parameters: JSON, _ rows: [InputArtifact], on bench: Bench) -> String {
    do {
      _ = try figure(parameters, rows, on: bench)
      return "none"
    } catch { return "\(error)" }
  }

  private let cuts = ["stem", "conv2", "conv10", "top"]

  /// Two methods over four cuts with three seeds; fula lacks conv10.
  private func rows(on bench: Bench, seeds: Int = 3) throws -> [InputArtifact] {
    try ["direct", "fula"].flatMap { method in
      try cuts.enumerated().flatMap { depth, cut in
        try (0..<(method == "fula" && cut == "conv10" ? 0 : seeds)).map { seed in
          try bench.scores(
            ["accuracy": .number(0.9 - 0.1 * Double(depth) + 0.01 * Double(seed))],
            ["cut": cut, "method": method, "seed": "\(seed)"])
        }
      }
    }
  }

  private let parameters: [String: JSON] = ["x": "cut", "value": "accuracy", "over": ["seed"]]

  @Test func depthHasTheNetworksOrderAndLinesHaveGaps() throws {
    let bench = try Bench()
    let (svg, points) = try figure(.object(parameters), rows(on: bench), on: bench)
    let words = svg.matches(of: /text-anchor="middle">([^<]*)<\/text>/).map { String($0.1) }
    #expect(words.filter(cuts.contains) == cuts)
    let lines = svg.matches(of: /<polyline points="([^"]*)"[^>]*stroke-width="1.8"/).map {
      $0.1.split(separator: " ").count
    }
    // direct from end to end; fula up to conv2; its last value stands alone, with its spread as a bar.
    #expect(lines == [4, 2, 2])
    #expect(svg.matches(of: /fill-opacity="0.18"/).count == 2)
    #expect(svg.contains(">direct</text>") && svg.contains(">fula</text>") && svg.contains(">method</text>"))
    #expect(svg.contains(">mean over seed, band: 95% t interval, n = 3<"))
    // The value that fula lacks is said, so that its line isn't drawn across it.
    #expect(points.count == 8 && points.filter { $0["mean"] == .null }.map { $0["x"] } == ["conv10"])
    let stem = try #require(points.first)
    #expect(stem["x"] == "stem" && stem["line"] == "direct" && stem["n"] == 3)
    // 0.91 ± 4.302653·0.01/√3.
    #expect(abs(stem["mean"]!.doubleValue! - 0.91) < 1e-12 && abs(stem["std"]!.doubleValue! - 0.01) < 1e-12)
    #expect(abs(stem["low"]!.doubleValue! - 0.885158623) < 1e-8)
  }

  @Test func bandsSayWhatTheyAre() throws {
    let bench = try Bench()
    func note(_ more: [String: JSON], seeds: Int = 3) throws -> String {
      let (svg, _) = try figure(
        .object(parameters.merging(more) { $1 }), rows(on: bench, seeds: seeds), on: bench)
      let texts = svg.matches(of: /<text [^>]*>([^<]*)<\/text>/).map(\.1)
      let first = try #require(texts.lastIndex { $0.hasPrefix("mean ") || $0.hasPrefix("each ") })
      return texts[first...].joined(separator: " ")
    }
    #expect(try note(["band": "std"]) == "mean over seed, band: ± one sample standard deviation, n = 3")
    #expect(try note(["band": "none"]) == "mean over seed, n = 3")
    #expect(
      try note(["interval": ["kind": "bootstrap", "level": 0.9, "resamples": 200]])
        == "mean over seed, band: 90% bootstrap (BCa, 200 resamples) interval, n = 3")
    #expect(
      try note([:], seeds: 1)
        == "mean over seed, band: 95% t interval, n = 1; a single value has no band")
    #expect(try note(["over": [], "facets": ["seed"]]) == "each point is one value (n = 1)")
  }

  @Test func anAxisMayBeOfNumbers() throws {
    let bench = try Bench()
    let rows = try [("1", 0.5), ("2", 0.6), ("8", 0.9)].map {
      try bench.scores(["a": .number($0.1)], ["width": $0.0])
    }
    let (svg, _) = try figure(["x": "width", "value": "a", "numbers": true], rows, on: bench)
    let line = try #require(svg.firstMatch(of: /<polyline points="([^"]*)"[^>]*stroke-width="1.8"/))
    let xs = line.1.split(separator: " ").map { Double($0.split(separator: ",")[0])! }
    #expect(abs((xs[2] - xs[1]) / (xs[1] - xs[0]) - 6) < 0.02)
    #expect(
      failure(
        ["x": "cut", "value": "accuracy", "over": ["seed"], "numbers": true], try self.rows(on: bench),
        on: bench)
        == "numbers: true, but cut has the value 'stem', which is none")
  }

  @Test func whatCannotBeDrawnIsTold() throws {
    let bench = try Bench()
    let rows = try rows(on: bench)
    let twice = try (0..<2).map { _ in try bench.scores(["accuracy": 1], ["cut": "stem"]) }
    let many = try (0..<25).map { try bench.scores(["accuracy": 1], ["cut": "stem", "seed": "\($0)"]) }
    let other = try [bench.scores(["accuracy": 1], ["seed": "0"]), bench.scores(["loss": 1], ["cut": "a"])]
    for (parameters, rows, expected) in [
      (["x": "cute", "value": "accuracy"], rows, "'rows' has no axis 'cute'. Did you mean 'cut'?"),
      (["x": "cut", "value": "acuracy"], rows, "there is no score 'acuracy'. Did you mean 'accuracy'?"),
      (
        ["x": "cut", "value": "accuracy", "over": ["cut"]], rows,
        "'cut' is x; it can't be an axis to take the mean over (over) too"
      ),
      (["x": "cut", "value": "accuracy"], other, "no row has cut and accuracy together"),
      (
        ["x": "cut", "value": "accuracy"], twice,
        "several rows of one stage are the same on all axes; points would be means over nothing that has a name"
      ),
      (
        ["x": "cut", "value": "accuracy"], many,
        "25 lines can't be told apart, 24 can; take the mean over an axis (over), make it a facet, or fewer rows"
      ),
      (["x": "cut", "value": "accuracy"], [], "there are no rows"),
      (
        ["x": "cut", "value": "accuracy", "low": 1, "high": 0], rows,
        "low: 1.0 is not below high, which is 0.0"
      ),
    ] as [(JSON, [InputArtifact], String)] {
      #expect(failure(parameters, rows, on: bench) == expected)
    }
    let facts = try foreseen("evaluate", [:]).outputs["scores"]
    let found = try foreseen(
      "lines", ["x": "cute", "value": "acuracy", "over": ["sed"], "facets": ["metod"]],
      ["rows": [Foresight.Member(facts, axes: ["cut", "method", "seed"])]]
    ).mistakes
    #expect(found.map { $0.path.joined(separator: ".") } == ["x", "facets.0", "over.0", "value"])
  }

  @Test func linesOfNumbersHaveGapsWhereOthersHaveValues() throws {
    let bench = try Bench()
    let rows = try [1, 2, 4, 8, 16].flatMap { k in
      try ["a", "b"].filter { $0 == "a" || k != 4 }.map { method in
        try bench.scores(["accuracy": .number(Double(k))], ["k": "\(k)", "method": method])
      }
    }
    let (svg, points) = try figure(["x": "k", "value": "accuracy", "numbers": true], rows, on: bench)
    let lines = svg.matches(of: /<polyline points="([^"]*)"[^>]*stroke-width="1.8"/).map {
      $0.1.split(separator: " ").count
    }
    #expect(lines == [5, 2, 2])
    #expect(points.filter { $0["mean"] == .null }.map { $0["x"]?.doubleValue } == [4])
  }
}

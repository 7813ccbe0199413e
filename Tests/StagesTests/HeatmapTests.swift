// A heatmap shows what the rows say, in the order of the matrix.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct HeatmapTests {
  /// A text of the figure, and where it stands.
  private struct Text {
    var content: String
    var x: Double
    var y: Double
    var size: Double
    var isAtTheEnd: Bool
  }

  private func figure(_ parameters: JSON, _ rows: [InputArtifact], on bench: Bench) throws -> String {
    let instance = Bench.Instance(parameters: parameters, inputs: [:], labelled: ["rows": rows])
    let made = try bench.run("heatmap", [instance])[0].get()
    return try String(contentsOf: bench.url(made["figure"]!), encoding: .utf8)
  }

  private func texts(_ svg: String) throws -> [Text] {
    svg.matches(of: /<text x="([0-9.-]+)" y="([0-9.-]+)"([^>]*)>([^<]*)<\/text>/).map { match in
      Text(
        content: String(match.4), x: Double(match.1)!, y: Double(match.2)!,
        size: match.3.firstMatch(of: /font-size="([0-9.]+)"/).flatMap { Double($0.1) } ?? 12,
        isAtTheEnd: match.3.contains("text-anchor=\"end\"") && !match.3.contains("rotate"))
    }
  }

  /// All texts, however they are broken into lines.
  private func said(_ svg: String) throws -> String { try texts(svg).map(\.content).joined(separator: " ") }

  /// What stands at the lines, from top to bottom.
  private func lines(_ svg: String) throws -> [String] {
    try texts(svg).filter(\.isAtTheEnd).sorted { $0.y < $1.y }.map(\.content)
  }

  private func failure(_ parameters: JSON, _ rows: [InputArtifact], on bench: Bench) throws -> String {
    do {
      _ = try figure(parameters, rows, on: bench)
      return "none"
    } catch { return "\(error)" }
  }

  @Test func axesStandInTheMatrixsOrderWhateverConditionsLeaveOut() throws {  // F12
    let bench = try Bench()
    // All pairs x < y of four layers, the first of which appears in no y: the order of both is that of the network.
    let layers = ["stem", "conv2", "conv10", "top"]
    var rows: [InputArtifact] = []
    for (i, x) in layers.enumerated() {
      for y in layers[(i + 1)...] where !(x == "stem" && y == "conv2") {
        rows.append(try bench.scores(["cka": .number(Double(i))], ["x.cut": x, "y.cut": y]))
      }
    }
    let svg = try figure(["x": "x.cut", "y": "y.cut", "value": "cka"], rows, on: bench)
    #expect(try lines(svg) == layers)
    let columns = try texts(svg).filter { layers.contains($0.content) && !$0.isAtTheEnd }
    #expect(columns.sorted { $0.x < $1.x }.map(\.content) == layers)
    #expect(svg.matches(of: /fill="url\(#missing\)"/).count == 16 - 5 + 1 && svg.contains(">no value<"))
    // Two that share a value by chance are no square.
    let chance = try [("0", "1"), ("1", "1"), ("0", "2"), ("1", "2")].map {
      try bench.scores(["a": 1], ["seed": $0.0, "width": $0.1])
    }
    #expect(try lines(figure(["x": "seed", "y": "width", "value": "a"], chance, on: bench)) == ["1", "2"])
  }

  @Test func groupsMayBeAxes() throws {  // F12
    let bench = try Bench()
    var rows: [InputArtifact] = []
    for (a, b) in [("standard", "0"), ("standard", "1"), ("adversarial", "0")] {
      for end in ["0", "1"] {
        rows.append(
          try bench.scores(
            ["agreement": 0.5],
            [
              "network.front.regime": a, "network.front.seed": b, "network.end.regime": "standard",
              "network.end.seed": end,
            ]))
      }
    }
    let svg = try figure(["x": "end", "y": "front", "value": "agreement"], rows, on: bench)
    #expect(try lines(svg) == ["standard, 0", "standard, 1", "adversarial, 0"])
    #expect(svg.contains(">front</text>") && svg.contains(">n = 1 in each cell<"))
    #expect(
      try failure(["x": "front", "y": "front", "value": "agreement"], rows, on: bench)
        == "x and y are both front")
    #expect(
      try failure(["x": "front", "y": "middle", "value": "agreement"], rows, on: bench).hasPrefix(
        "'rows' has no axis 'middle'"))
  }

  @Test func ofHowManyValuesACellIsTheMeanIsTold() throws {  // F12
    let bench = try Bench()
    func rows(_ seeds: (String) -> [Int]) throws -> [InputArtifact] {
      try ["a", "b"].flatMap { x in
        try seeds(x).map { try bench.scores(["s": .integer($0)], ["x": x, "y": "u", "seed": "\($0)"]) }
      }
    }
    let even = try figure(["x": "x", "y": "y", "value": "s"], rows { _ in [0, 1, 5] }, on: bench)
    #expect(
      try said(even).contains("means over seed, ± sample standard deviation below, n = 3 in each cell")
        && even.contains(">2.00<") && even.contains(">±2.65<") && !even.contains(">n=3<"))
    let uneven = try figure(
      ["x": "x", "y": "y", "value": "s"], rows { $0 == "a" ? [1] : [1, 2] }, on: bench)
    #expect(uneven.contains(">n=1<") && uneven.contains(">n=2<"))
    #expect(
      try said(uneven).contains("means over seed, ± sample standard deviation below, n = 1 to 2, below each"))
    // Of one value no spread is known; of 1 and 2 it is 0.71.
    #expect(uneven.matches(of: /">±/).count == 1 && uneven.contains(">±0.71<"))
    let intervals = try figure(
      ["x": "x", "y": "y", "value": "s", "spread": "interval"], rows { _ in [0, 1, 5] }, on: bench)
    #expect(
      try intervals.contains(">-4.57…8.57<")
        && said(intervals).contains("95% t interval below, n = 3 in each cell"))
    let plain = try figure(
      ["x": "x", "y": "y", "value": "s", "spread": "none"], rows { _ in [0, 1, 5] }, on: bench)
    #expect(try said(plain).contains("means over seed, n = 3 in each cell") && !plain.contains("±"))
  }

  @Test func whatMeansAreNotSaidToBeOverIsAnError() throws {
    let bench = try Bench()
    let rows = try ["a", "b"].flatMap { method in
      try ["0", "1"].map { try bench.scores(["s": 1], ["x": "u", "y": "v", "method": method, "seed": $0]) }
    }
    let parameters: [String: JSON] = ["x": "x", "y": "y", "value": "s"]
    func said(_ over: JSON, _ more: [String: JSON] = [:]) throws -> String {
      try failure(.object(parameters.merging(["over": over]) { $1 }.merging(more) { $1 }), rows, on: bench)
    }
    #expect(
      try said(["seed"]) == "cells would be means over 'method' too; make it a facet, or name it in over")
    #expect(try said(["seed", "method"]) == "none")
    #expect(try said(["seed"], ["facets": ["method"]]) == "none")
    #expect(try said(["sed"]) == "'rows' has no axis 'sed'. Did you mean 'seed'?")
  }

  @Test func everyNumberReadsOnItsColour() throws {
    let bench = try Bench()
    let rows = try (0...20).map {
      try bench.scores(["s": .integer($0)], ["x": "\($0 % 7)", "y": "\($0 / 7)"])
    }
    let svg = try figure(["x": "x", "y": "y", "value": "s"], rows, on: bench)
    func luminance(_ hex: Substring) -> Double {
      let parts = stride(from: 1, to: 7, by: 2).map { i -> Double in
        let start = hex.index(hex.startIndex, offsetBy: i)
        let part = Double(Int(hex[start..<hex.index(start, offsetBy: 2)], radix: 16)!) / 255
        return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
      }
      return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
    let cells = svg.matches(
      of: /fill="(#[0-9a-f]{6})"><title>[^<]*<\/title><\/rect>\n<text [^>]*fill="(white|black)"/)
    #expect(cells.count == 21)
    for cell in cells {
      let ground = luminance(cell.1)
      let contrast = cell.2 == "white" ? 1.05 / (ground + 0.05) : (ground + 0.05) / 0.05
      #expect(contrast >= 4.5)
    }
    // What lies beyond the scale has the colour of its end, which says so.
    let cut = try figure(["x": "x", "y": "y", "value": "s", "low": 5, "high": 10], rows, on: bench)
    #expect(cut.contains(">≤ 5.00<") && cut.contains(">≥ 10.00<") && cut.contains(">20.00<"))
  }

  @Test func facetsMakeABlock() throws {  // F12
    let bench = try Bench()
    for (count, across, down) in [
      (1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 2, 2), (5, 3, 2), (6, 3, 2), (9, 3, 3),
    ] {
      let rows = try (0..<count).flatMap { f in
        try ["a", "b", "c", "d"].map {
          try bench.scores(["s": 1], ["x": $0, "y": $0 + "y", "f": "\(f)"])
        }
      }
      let svg = try figure(["x": "x", "y": "y", "value": "s", "facets": ["f"]], rows, on: bench)
      let headings = try texts(svg).filter { $0.content.hasPrefix("f ") }
      #expect(headings.count == count)
      #expect(Set(headings.map(\.x)).count == across && Set(headings.map(\.y)).count == down, "\(count)")
    }
  }

  @Test func longTitlesAreWrapped() throws {  // F12
    let bench = try Bench()
    let rows = try ["a", "b"].map {
      try bench.scores(["s": 1], ["x": $0, "y": "u", "f": "a long value of it"])
    }
    let title =
      "Agreement of stitched networks with the end, by cut and method, averaged over all of the seeds"
    let svg = try figure(
      ["x": "x", "y": "y", "value": "s", "facets": ["f"], "title": .string(title)], rows, on: bench)
    let width = try #require(svg.firstMatch(of: /width="([0-9.]+)"/).flatMap { Double($0.1) })
    let titles = try texts(svg).filter { $0.size == 17 }
    #expect(titles.count > 1 && titles.map(\.content).joined(separator: " ") == title)
    for line in titles {
      let end: Double = line.x + 0.6 * 17 * Double(line.content.count)
      #expect(end <= width)
    }
  }

  @Test func ticksDiffer() throws {  // F12
    let bench = try Bench()
    func ticks(_ values: [Double]) throws -> [String] {
      let rows = try values.enumerated().map {
        try bench.scores(["s": .number($1)], ["x": "\($0)", "y": "u"])
      }
      let svg = try figure(["x": "x", "y": "y", "value": "s", "digits": 2], rows, on: bench)
      let all = try texts(svg)
      let right = all.map(\.x).max()
      return all.filter { $0.x == right }.sorted { $0.y < $1.y }.map(\.content)
    }
    #expect(try ticks([0, 1]) == ["1.00", "0.75", "0.50", "0.25", "0.00"])
    #expect(try ticks([0.501, 0.502]) == ["0.50200", "0.50175", "0.50150", "0.50125", "0.50100"])
    #expect(try ticks([0.5, 0.5]) == ["0.50"])
  }

  @Test func aScaleRunsUpwards() throws {  // F12
    let bench = try Bench()
    let rows = try ["a", "b"].map { try bench.scores(["s": 1, "list": [1]], ["x": $0, "y": "u"]) }
    func said(_ more: [String: JSON]) throws -> String {
      let parameters: [String: JSON] = ["x": "x", "y": "y", "value": "s"]
      return try failure(.object(parameters.merging(more) { $1 }), rows, on: bench)
    }
    #expect(try said(["low": 0.5, "high": 0.2]) == "low: 0.5 is not below high, which is 0.2")
    #expect(try said(["low": 1, "high": 1]) == "low: 1.0 is not below high, which is 1.0")
    for fine in [["low": 5], ["high": -5], ["low": 0, "high": 1]] as [[String: JSON]] {
      #expect(try said(fine) == "none")
    }
    #expect(
      try said(["value": "list"])
        == "the score 'list' is a list; a table with 'long' has a row for each entry")
  }

  @Test func namesOfWhateverCharactersAreText() throws {
    let bench = try Bench()
    let rows = try [bench.scores(["s": 1], ["x": "<a & \u{1B}[31m>", "y": "u"])]
    let svg = try figure(["x": "x", "y": "y", "value": "s", "title": "x < y & z"], rows, on: bench)
    #expect(svg.contains(">x &lt; y &amp; z<") && svg.contains(">&lt;a &amp; \u{FFFD}[31m&gt;<"))
  }

  @Test func theColourScalesNameIsBrokenAtItsJoints() throws {
    let bench = try Bench()
    let rows = try ["stem", "top"].map {
      try bench.scores(
        ["relative_accuracy": 0.5, "a_score_of_a_remarkablylongname": 1], ["from": $0, "to": $0])
    }
    func lines(_ score: String) throws -> [String] {
      try texts(figure(["x": "from", "y": "to", "value": .string(score), "title": "t"], rows, on: bench))
        .map(\.content).filter { score.contains($0) && $0.count > 2 }
    }
    #expect(try lines("relative_accuracy") == ["relative_", "accuracy"])
    #expect(try lines("a_score_of_a_remarkablylongname") == ["a_score_of_a_", "remarkablylongn", "ame"])
  }
}

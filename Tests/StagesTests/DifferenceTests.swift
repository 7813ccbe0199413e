// Differences of scores, and what a shortcut's excess agreement is made of.

import Canonical
import ContentStore
import Foundation
import Stages
import Testing
import Workflow

@Suite struct DifferenceTests {
  private func difference(_ parameters: JSON, _ first: JSON, _ second: JSON, on bench: Bench) throws -> JSON {
    let inputs = try [first, second].map { try bench.adopt(Data($0.canonical.utf8)) }
    return try bench.json(
      bench.run("difference", parameters, ["scores": inputs[0], "minus": inputs[1]])["difference"]!)
  }

  @Test func itIsOfTheNumbersThatBothHave() throws {
    let bench = try Bench()
    let (marked, rolled): (JSON, JSON) = (
      ["agreement": 0.75, "accuracy": 0.5, "loss": [1, 2], "r2": 1],
      ["agreement": 0.25, "accuracy": 1.0, "loss": [1, 2]]
    )
    #expect(
      try difference([:], marked, rolled, on: bench) == ["excess_agreement": 0.5, "excess_accuracy": -0.5])
    #expect(
      try difference(["columns": ["agreement"], "prefix": "gap_2_"], marked, rolled, on: bench)
        == ["gap_2_agreement": 0.5])
    func failure(_ parameters: JSON, _ first: JSON, _ second: JSON) throws -> String {
      let inputs = try [first, second].map { try bench.adopt(Data($0.canonical.utf8)) }
      return bench.failure("difference", parameters, ["scores": inputs[0], "minus": inputs[1]])
    }
    #expect(
      try failure(["columns": ["agrement"]], marked, rolled)
        == "there is no score 'agrement'. Did you mean 'agreement'?")
    #expect(
      try failure(["columns": ["r2"]], marked, rolled) == "there is no score 'r2'. Known: accuracy, agreement"
    )
    #expect(
      try failure(["columns": ["loss"]], marked, rolled)
        == "the score 'loss' is a list; a table with 'long' has a row for each entry")
    #expect(try failure([:], ["a": 1], ["b": 1]) == "no score is a number in both")
    #expect(
      try failure(["prefix": "Excess "], marked, rolled)
        == "prefix: expected the beginning of a name in snake_case, found 'Excess '")
  }

  @Test func whatItWillGiveAndCantIsKnownBeforeAnythingRuns() throws {
    let model = try foreseen("model/import", ["architecture": "resnet8", "classes": 2]).outputs["model"]
    let scores = try foreseen("evaluate", [:], ["model": [Foresight.Member(model)]]).outputs["scores"]
    let inputs = ["scores": [Foresight.Member(scores)], "minus": [Foresight.Member(scores)]]
    let mistakes = try foreseen("difference", ["columns": ["accuracy", "agreement"]], inputs).mistakes
    #expect(mistakes.map(\.path) == [["columns", "1"]])
    #expect(
      mistakes.map(\.message) == ["there is no score 'agreement'. Known: accuracy, calibration_error"])
    let known = try #require(foreseen("difference", [:], inputs).outputs["difference"])
    let table = try foreseen("table", ["columns": ["accuracy"]], ["rows": [Foresight.Member(known)]]).mistakes
    #expect(
      table.map(\.message)
        == ["there is no score 'accuracy'. Known: excess_accuracy, excess_calibration_error"])
  }

  @Test func aStitchThatReadsMarksAgreesInExcessOnThem() throws {
    let bench = try Bench()
    // Images that say nothing of their labels.
    let data = try bench.arrays("noise", count: 60, labels: (0..<60).map { $0 % 3 }) {
      UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13)
    }
    let marked = try bench.run("dataset/shortcut", [:], ["data": data])["dataset"]!
    let end = try bench.network(on: marked, "small_cnn", ["epochs": 8, "width": 8, "learning_rate": 0.05])
    let stitched = try bench.stitched(end, "conv2", end, "conv2", on: marked)
    let scores = try ["marked", "rolled"].map { marking in
      try bench.run("evaluate", ["marking": .string(marking)], ["model": stitched, "data": marked])["scores"]!
    }
    let excess = try bench.json(
      bench.run(
        "difference", ["columns": ["accuracy", "agreement"]], ["scores": scores[0], "minus": scores[1]])[
          "difference"]!)
    // The end has learnt the marks, and its own stitch agrees with it on whatever images.
    #expect(try #require(excess["excess_accuracy"]?.doubleValue) > 0.2)
    #expect(try abs(#require(excess["excess_agreement"]?.doubleValue)) < 1e-3)
  }
}

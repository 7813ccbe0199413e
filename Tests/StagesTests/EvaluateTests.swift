// What `evaluate` says of a network under attacks, and which attacks are none.

import Canonical
import ContentStore
import Foundation
import Stages
import Testing
import Workflow

@Suite struct EvaluateTests {
  private func scores(_ parameters: JSON, _ network: Artifact, _ data: Artifact, on bench: Bench) throws
    -> JSON
  {
    try bench.json(
      bench.run("evaluate", parameters, ["model": network, "data": data, "reference": network])["scores"]!)
  }

  @Test func aListOfAttacksIsTheWorstCase() throws {
    let bench = try Bench()
    let data = try bench.textures(train: 100, test: 40)
    let network = try bench.network(
      on: data, "small_cnn", ["epochs": 3, "width": 8, "batch": 10, "learning_rate": 0.05])
    func robust(_ attack: JSON) throws -> JSON { try scores(["attack": attack], network, data, on: bench) }
    let (ce, dlr): (JSON, JSON) = (
      ["method": "apgd_ce", "epsilon": 0.008, "steps": 5],
      ["method": "apgd_dlr", "epsilon": 0.008, "steps": 5]
    )
    let (byCE, byBoth) = (try robust(ce), try robust([ce, dlr]))
    let accuracy = try #require(byCE["accuracy"]?.doubleValue)
    let (one, both) = (
      try #require(byCE["robust_accuracy"]?.doubleValue), try #require(byBoth["robust_accuracy"]?.doubleValue)
    )
    #expect(one < accuracy && both <= one)
    // A network agrees with itself on whatever images.
    #expect(try #require(byBoth["robust_agreement"]?.doubleValue) > 1 - 1e-6)
    let error = try #require(byCE["calibration_error"]?.doubleValue)
    #expect(error > 0 && error < 1)
    // Alone or in a list of one it is the same attack; a list's order is its own.
    #expect(try robust([ce]) == byCE)
    #expect(try #require(robust(["epsilon": 0, "steps": 2])["robust_accuracy"]?.doubleValue) == accuracy)
  }

  @Test(
    arguments: [
      (["epsilon": -0.1], "attack: epsilon: expected a number at least 0, found -0.1"),
      (["method": "apgd_ce", "restarts": 0], "attack: restarts: expected a number from 1 to 10000, found 0"),
      (["steps": 0], "attack: steps: expected a number at least 1, found 0"),
      (["method": "apgd"], "attack: method: there is no attack 'apgd'. Did you mean 'pgd'?"),
      ([], "attack: expected at least one attack, found none"),
      (
        [["steps": 5], ["method": "apgd_ce", "step_size": 0.1]],
        "attack: Auto-PGD finds the size of its steps and starts at random; leave step_size and random_start "
          + "out"
      ),
      (
        ["restarts": 3],
        "attack: pgd without a random start is the same every time; write random_start: true, or restarts: 1"
      ),
      (
        ["epsilon": 8], "attack: epsilon 8.0 and step size 2.0 must be in [0, 1], steps 20 at least 0"
      ),
      (["method": "apgd_ce", "epsilon": 8], "attack: epsilon is 8.0; it is to be in [0, 1]"),
    ] as [(JSON, String)])
  func whatIsNoAttackIsToldBeforeAnythingRuns(_ attack: JSON, _ expected: String) throws {
    let kind = try #require(KindCatalogue(stageKinds())["evaluate"])
    guard case .map(let members, let place) = RawValue(["attack": attack] as JSON) else { return }
    do {
      _ = try kind.decode(members, at: place)
      Issue.record("it was taken for an attack")
    } catch let issues as DecodingIssues {
      #expect(issues.issues.map(\.message) == [expected])
    } catch { #expect("\(error)" == expected) }
  }

  @Test func theRatioOfLogitsNeedsThreeClasses() throws {
    let bench = try Bench()
    let data = try bench.arrays("coins", labels: (0..<12).map { $0 % 2 }, classes: 2)
    let network = try bench.network(on: data)
    let attack: JSON = [["method": "apgd_ce"], ["method": "apgd_dlr"]]
    #expect(
      bench.failure("evaluate", ["attack": attack], ["model": network, "data": data])
        == "apgd_dlr divides by the distance of the largest logit from the third; the network tells 2 classes apart; "
        + "take apgd_ce")
    let model = try foreseen("model/import", ["architecture": "resnet8", "classes": 2]).outputs["model"]
    let mistakes = try foreseen(
      "evaluate", ["attack": attack], ["model": [Foresight.Member(model)], "data": [Foresight.Member(nil)]]
    ).mistakes
    #expect(mistakes.map(\.path) == [["attack", "1"]])
    #expect(mistakes.map(\.message) == ["apgd_dlr needs at least 3 classes, the network tells 2 apart"])
  }

  @Test func aStitchedNetworkIsComparedByEveryMeasureAndItsMapByItsRanks() throws {
    let bench = try Bench()
    let data = try bench.textures(train: 100, test: 40)
    let (front, end) = (try bench.network(on: data, seed: 0), try bench.network(on: data, seed: 1))
    func scores(_ network: Artifact, _ reference: Artifact?) throws -> [String: Double] {
      let inputs = ["model": network, "data": data, "reference": reference].compactMapValues(\.self)
      let json = try bench.json(bench.run("evaluate", [:], inputs)["scores"]!)
      return try #require(json.objectValue).compactMapValues(\.doubleValue)
    }
    let itself = try scores(bench.stitched(end, "conv2", end, "conv2", on: data), nil)
    let other = try scores(bench.stitched(front, "conv2", end, "conv2", on: data), nil)
    // A network stitched to itself is the end alone.
    for (name, value) in try scores(end, end) {
      if let same = itself[name] { #expect(abs(same - value) < 1e-3, "\(name)") }
    }
    let r2 = (try #require(itself["r2"]), try #require(other["r2"]))
    #expect(r2.0 > 0.999 && r2.1 < r2.0)
    #expect(try #require(itself["structural_error"]) < 1e-3)
    // conv2 of a small CNN of width 4 has 8 channels.
    let ranks = (try #require(itself["effective_rank"]), try #require(other["effective_rank"]))
    #expect(itself["affine_rank"] == 8 && abs(ranks.0 - 8) < 0.1 && ranks.1 < ranks.0)
    let agreement = try #require(other["agreement"])
    #expect(try agreement > #require(other["chance_agreement"]))
    let named: Set = ["agreement", "chance_agreement", "disagreement", "jensen_shannon_divergence"]
    #expect(named.isSubset(of: other.keys))
    // Of models there is no map.
    let natural = try scores(front, end)
    #expect(natural["r2"] == nil && natural["affine_rank"] == nil && natural["agreement"] != nil)
  }

  /// Outputs are compared by all of them, so that an edit of any compares them anew.
  @Test func everyMeasureOfOutputsIsInItsCode() throws {
    let evaluate = try #require(KindCatalogue(stageKinds())["evaluate"])
    let code = evaluate.code(parameters: try evaluate.decode([], at: .nowhere))
    let files = Set(code.files.keys.map { $0.split(separator: "/").last! })
    for name in ["Agreement", "Disagreement", "ErrorConsistency", "JensenShannonDivergence"] {
      #expect(files.contains("\(name).swift"), "\(name)")
    }
  }
}

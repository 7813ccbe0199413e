// What `sensitivity` gives, and what it refuses before anything runs.

import Canonical
import ContentStore
import Stages
import Testing
import Workflow

@Suite struct SensitivityTests {
  @Test func itsListsGoFromTheFirstComponentToTheWhole() throws {
    let bench = try Bench()
    let data = try bench.textures(train: 60, test: 40)
    let network = try bench.network(on: data, "small_cnn", ["epochs": 2, "learning_rate": 0.05])
    func lists(_ parameters: [String: JSON]) throws -> [String: [Double]] {
      let all: [String: JSON] = ["cut": "conv4", "layout": "pool", "samples": 60]
      let scores = try bench.json(
        bench.run("sensitivity", .object(all.merging(parameters) { $1 }), ["model": network, "data": data])[
          "scores"]!)
      return try #require(scores.objectValue).compactMapValues { $0.arrayValue?.compactMap(\.doubleValue) }
    }
    let all = try lists(["measures": ["linear_cka", "procrustes_angular"]])
    // conv4 of a small CNN of width 4 has 16 channels.
    let ranks = try #require(all["rank"])
    #expect(ranks.starts(with: [1, 2, 4, 8]) && ranks.last! > 8 && ranks.last! <= 16)
    #expect(all.values.allSatisfy { $0.count == ranks.count })
    let (variance, index) = (try #require(all["variance"]), try #require(all["linear_cka"]))
    #expect(zip(variance, variance.dropFirst()).allSatisfy { $0 < $1 } && abs(variance.last! - 1) < 1e-12)
    #expect(zip(index, index.dropFirst()).allSatisfy { $0 < $1 } && index.last! > 1 - 1e-6)
    #expect(try #require(all["accuracy"]).allSatisfy { $0 >= 0 && $0 <= 1 })
    #expect(try #require(all["procrustes_angular"]).last! < 1e-2)
    // A rank has the same values whichever others are asked for.
    let one = try lists(["ranks": [2]])
    #expect(one["accuracy"] == [all["accuracy"]![1]] && one["linear_cka"] == [index[1]])
    let message = bench.failure(
      "sensitivity", ["cut": "conv4", "layout": "pool", "samples": 60, "ranks": [1, 17]],
      ["model": network, "data": data])
    #expect(
      message == "the activations at 'conv4' have rank \(Int(ranks.last!)) over 60 images, less than 17")
  }

  @Test func wrongRanksAndLayoutsAreToldBeforeAnythingRuns() throws {
    let kind = try #require(KindCatalogue(stageKinds())["sensitivity"])
    for (parameters, expected) in [
      (["cut": "conv4", "ranks": [4, 2]], "ranks: expected ranks in rising order, such as [1, 2, 4]"),
      (["cut": "conv4", "ranks": []], "ranks: expected ranks in rising order, such as [1, 2, 4]"),
      (
        ["cut": "conv4", "layout": "space_as_samples"],
        "layout: a probe reads one row an image; take flatten or pool"
      ),
    ] as [(JSON, String)] {
      guard case .map(let members, let place) = RawValue(parameters) else { return }
      do {
        _ = try kind.decode(members, at: place)
        Issue.record("it was taken")
      } catch { #expect("\(error)" == expected) }
    }
    let model = try foreseen("model/import", ["architecture": "resnet8", "classes": 2]).outputs["model"]
    let found = try foreseen("sensitivity", ["cut": "stage9"], ["model": [Foresight.Member(model)]])
    #expect(found.mistakes.map(\.path) == [["cut"]])
  }
}

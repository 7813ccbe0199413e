// The words of `train`: what they mean, what goes with what.

import Canonical
import ContentStore
import Formats
import Foundation
import Stages
import Testing
import Workflow

@Suite struct TrainKindTests {
  private func decoded(_ written: [String: JSON]) throws -> JSON {
    let train = try #require(KindCatalogue(stageKinds())["train"])
    let with: [String: JSON] = ["architecture": "small_cnn"].merging(written) { $1 }
    guard case .map(let members, let place) = RawValue(.object(with)) else { preconditionFailure() }
    return try train.decode(members, at: place)
  }

  @Test func aWordIsTheMapWithItsDefaults() throws {
    let plain = try decoded([:])
    for (parameter, value) in [
      ("schedule", ["kind": "steps"]), ("schedule", "steps"), ("optimiser", "sgd"),
      ("schedule", ["kind": "steps", "factor": 0.1]),
      ("objective", ["kind": "cross_entropy", "smoothing": 0]),
      ("momentum", 0.9), ("learning_rate", 0.1), ("weight_decay", 1e-4), ("augment", []),
      ("compute", "fp32"),
    ] as [(String, JSON)] {
      #expect(try decoded([parameter: value]) == plain, "\(parameter)")
    }
    #expect(plain["schedule"]?["at"] == [.number(1.0 / 3), .number(2.0 / 3)])
    #expect(plain["optimiser"] == ["kind": "sgd", "nesterov": true])
    #expect(
      try decoded(["augment": ["flip", ["kind": "crop", "padding": 4], "mixup"]])["augment"]
        == [["kind": "flip"], ["kind": "crop", "padding": 4], ["kind": "mixup", "alpha": .number(1)]])
  }

  // In the key, since its bits are others; where the processor lacks it, refused.
  @Test func bfloat16IsAnotherTraining() throws {
    let bench = try Bench()
    let data = try bench.textures()
    let single = try bench.network(on: data)
    #expect(try decoded(["compute": "bf16"]) != decoded([:]))
    let half = bench.failure(
      "train", ["architecture": "small_cnn", "width": 4, "epochs": 1, "batch": 10, "compute": "bf16"],
      ["data": data])
    guard half == "none" else {
      #expect(
        half.hasPrefix("this processor (")
          && half.hasSuffix("has no instructions for bfloat16; compute with fp32"))
      return
    }
    #expect(try bench.network(on: data, "small_cnn", seed: 0, ["compute": "bf16"]) != single)
    #expect(
      bench.failure(
        "train",
        [
          "architecture": ["name": "vit_tiny", "width": 6, "depth": 1, "heads": 1], "epochs": 1, "batch": 10,
          "compute": "bf16",
        ],
        ["data": data])
        == "vit_tiny can't be computed with bf16: attention and linear maps of tokens are in fp32")
  }

  @Test func defaultsFollowTheOptimiserTheObjectiveAndTheNorm() throws {
    func values(_ written: [String: JSON], _ names: String...) throws -> [JSON?] {
      let json = try decoded(written)
      return names.map { json[$0] }
    }
    #expect(
      try values(["optimiser": "adam"], "learning_rate", "weight_decay", "momentum")
        == [.number(1e-3), .number(0), .null])
    #expect(
      try values(["optimiser": "adamw"], "learning_rate", "weight_decay") == [.number(1e-3), .number(1e-2)])
    let linf = try decoded(["adversary": [:]])["adversary"]
    #expect(linf?["epsilon"] == .number(8.0 / 255) && linf?["step_size"] == .number(2.0 / 255))
    #expect(linf?["ratio"] == .number(0.5) && linf?["random_start"] == .bool(false))
    let l2 = try decoded(["adversary": ["norm": "l2"]])["adversary"]
    #expect(l2?["epsilon"] == .number(128.0 / 255) && l2?["step_size"] == .number(25.0 / 255))
    let trades = try decoded(["objective": "trades", "adversary": [:]])["adversary"]
    #expect(trades?["ratio"] == .number(1) && trades?["random_start"] == .bool(true))
  }

  @Test func whatDoesntGoTogetherIsAnErrorWithItsCure() throws {
    let choice = "or a map with kind and what belongs to it"
    for (written, expected) in [
      (["epochs": 0], "epochs: expected a number at least 1, found 0"),
      (
        ["schedule": "cosin"],
        "schedule: expected one of constant, steps, cosine, one_cycle, \(choice), found 'cosin'. Did you mean 'cosine'?"
      ),
      (["schedule": ["at": [60]]], "schedule: 'kind' is missing: one of constant, steps, cosine, one_cycle"),
      (["schedule": ["kind": "cosine", "at": [60]]], "schedule: unknown parameter 'at'"),
      (["augment": ["flip", "flip"]], "augment: 'flip' stands twice; once is enough"),
      (
        ["optimiser": "adam", "momentum": 0.8],
        "momentum: it is sgd's; with adam write optimiser: { kind: adam, beta1: … }"
      ),
      (
        ["schedule": "one_cycle", "warm_up": 1],
        "warm_up: one_cycle rises by itself: its part 'rise' says how long"
      ),
      (
        ["objective": "trades"],
        "objective: trades compares attacked with clean images: write an adversary too, such as adversary: {}"
      ),
      (
        ["objective": "trades", "adversary": ["random_start": false]],
        "adversary: random_start: what trades' attack raises"
      ),
      (["adversary": ["epsilon": -0.1]], "adversary: epsilon: expected a number at least 0, found -0.1"),
      (["adversary": ["epsilon": 2]], "adversary: epsilon: expected a number from 0 to 1 in linf, found 2"),
      (
        ["adversary": ["ratio": 0]], "adversary: ratio: a ratio of 0 attacks nothing; leave the adversary out"
      ),
      (["adversary": ["ratio": 0.001]], "adversary: a ratio of 0.001 attacks none of a batch of 128 images"),
      (["clip_norm": 0], "clip_norm: expected a number above 0, found 0"),
      (["moving_average": 1], "moving_average: expected a number from 0 to 0.999999, found 1"),
    ] as [([String: JSON], String)] {
      var told = ""
      do { _ = try decoded(written) } catch { told = "\(error)" }
      #expect(told.contains(expected), "\(told)")
    }
    #expect(try decoded(["adversary": ["norm": "l2", "epsilon": 2]])["adversary"]?["epsilon"] == .number(2))
  }

  @Test func helpTellsWhatBelongsToEachKind() throws {
    let train = try #require(KindCatalogue(stageKinds())["train"])
    func fallback(_ name: String) -> JSON? { train.parameters.first { $0.name == name }?.defaultValue }
    #expect(
      fallback("schedule") == "steps" && fallback("optimiser") == "sgd"
        && fallback("objective") == "cross_entropy")
    #expect(
      train.discussion.contains(
        "The rate of a step depends on how many epochs there are with cosine, one_cycle"))
  }

  @Test func regimesOfAllSortsTrainAndRepeat() throws {
    let bench = try Bench()
    let data = try bench.textures()
    let common: [String: JSON] = ["architecture": "small_cnn", "width": 4, "epochs": 2, "batch": 10]
    for regime in [
      [
        "optimiser": ["kind": "adamw", "beta2": 0.99], "schedule": "cosine", "warm_up": 0.5,
        "moving_average": 0.9,
        "weight_decay_on": "weights", "clip_norm": 1,
        "augment": ["flip", "crop", ["kind": "cutout", "size": 8], "mixup"],
        "objective": ["kind": "cross_entropy", "smoothing": 0.1],
      ],
      [
        "objective": "trades", "adversary": ["norm": "l2", "steps": 2, "mode": "training"],
        "schedule": "one_cycle",
      ],
    ] as [[String: JSON]] {
      let parameters = JSON.object(common.merging(regime) { $1 })
      let made = try bench.run("train", parameters, ["data": data])
      #expect(try bench.run("train", parameters, ["data": data])["model"]?.digest == made["model"]?.digest)
      #expect(
        try bench.run("train", .object(common), ["data": data])["model"]?.digest != made["model"]?.digest)
    }
  }

  @Test func aClassWithoutAnImageIsNamed() throws {
    let bench = try Bench()
    let data = try bench.arrays("two", labels: [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1], classes: 3)
    let parameters: [String: JSON] = ["architecture": "small_cnn", "width": 4, "epochs": 1, "batch": 4]
    #expect(
      bench.failure("train", .object(parameters), ["data": data])
        == "two/train has no image of class 2 among the 12 that training uses; take more of them, or a dataset "
        + "without it")
    let few = try bench.arrays("few", labels: [0, 0, 0, 0, 1, 2, 0, 1, 2, 0, 1, 2])
    #expect(
      bench.failure("train", .object(parameters.merging(["samples": 4]) { $1 }), ["data": few])
        == "few/train has no image of classes 1, 2 among the 4 that training uses; take more of them, or a dataset "
        + "without them")
  }
}

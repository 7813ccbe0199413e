// What `ood_score` says of stitched activations, alone and in company, and what it refuses.

import Canonical
import ContentStore
import Foundation
import Stages
import Testing
import Workflow

@Suite struct OODScoreTests {
  private struct Scene {
    let bench: Bench
    let data: Artifact
    let known: Artifact
    let noise: Artifact
    let end: Artifact
    let itself: Artifact
    let far: Artifact

    init() throws {
      bench = try Bench()
      data = try bench.textures(train: 60, test: 30)
      known = try bench.textures(train: 40, test: 20, seed: 1)
      noise = try bench.run("dataset/corrupt", ["noise": 1, "patches": 4], ["data": known])["dataset"]!
      end = try bench.network(on: data, "small_cnn", ["epochs": 2, "learning_rate": 0.05])
      itself = try bench.stitched(end, "conv2", end, "conv2", on: data)
      // A map that is as it was drawn.
      far = try bench.run(
        "stitch",
        [
          "from": "conv2", "to": "conv2", "method": "hint", "initial": "random", "epochs": 1, "batch": 10,
          "learning_rate": 1e-9,
        ],
        ["front": end, "end": end, "data": data])["stitched"]!
    }

    func instance(_ model: Artifact, _ parameters: JSON) -> Bench.Instance {
      Bench.Instance(
        parameters: parameters,
        inputs: ["model": [model], "data": [data], "known": [known], "outliers": [noise]])
    }
  }

  @Test func itTellsActivationsOutOfDistributionTheSameInAnyCompany() throws {
    let scene = try Scene()
    for parameters in [
      ["epochs": 3, "batch": 10, "learning_rate": 0.01, "known_margin": -4, "outlier_margin": -1],
      ["method": "mahalanobis"],
    ] as [JSON] {
      let alone = try [scene.itself, scene.far].map {
        try scene.bench.run("ood_score", [scene.instance($0, parameters)])[0].get()
      }
      let together = try scene.bench.run(
        "ood_score", [scene.far, scene.itself].map { scene.instance($0, parameters) })
      #expect(try together.reversed().map { try $0.get() } == alone)
      let scores = try alone.map { try scene.bench.json($0["scores"]!) }
      #expect(try abs(#require(scores[0]["auroc"]?.doubleValue) - 0.5) < 0.05)
      let far = try #require(scores[1]["auroc"]?.doubleValue)
      // The end is hardly trained; how well energies tell is in DetectorTests.
      #expect(parameters["method"] == "mahalanobis" ? far > 0.8 : (0...1).contains(far))
      for name in ["aupr", "fpr95"] {
        let value = try #require(scores[1][name]?.doubleValue)
        #expect(value >= 0 && value <= 1)
      }
      #expect((scores[0]["loss"] == nil) == (parameters["method"] == "mahalanobis"))
      #expect((scores[0]["shrinkage"] == nil) == (parameters["method"] != "mahalanobis"))
    }
  }

  @Test func whatIsMissingOrTheSameIsTold() throws {
    let scene = try Scene()
    func failure(_ parameters: JSON, _ inputs: [String: Artifact]) -> String {
      scene.bench.failure("ood_score", parameters, inputs)
    }
    let inputs = ["model": scene.itself, "data": scene.data, "known": scene.known]
    let cure =
      "images that are none of the known ones: dataset/corrupt makes them of these, with noise or patches"
    #expect(failure([:], inputs) == "method energy needs outliers, \(cure)")
    var same = inputs
    same["known"] = scene.data
    #expect(
      failure(["method": "mahalanobis", "known_split": "test"], same)
        == "the known images are those of data; fit on others, which dataset/subset takes apart")
    var energy = inputs
    energy["outliers"] = scene.noise
    #expect(
      failure(["batch": 41], energy)
        == "an energy classifier has 40 known images, fewer than one batch of 41; take a smaller batch or more images"
    )
    let mistakes = try foreseen("ood_score", [:], ["model": [], "data": [], "known": []]).mistakes
    #expect(mistakes.map(\.message) == ["method energy needs outliers, \(cure)"])
    #expect(try foreseen("ood_score", ["method": "mahalanobis"]).mistakes.isEmpty)
  }
}

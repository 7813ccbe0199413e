// A dataset of identically represented inputs, and what `evaluate` makes of it.

import Canonical
import ContentStore
import Formats
import Stages
import Testing
import Workflow

@Suite struct DatasetIRITests {
  @Test func theNetworkTakesThemForTheImagesThatTheyStandFor() throws {
    let bench = try Bench()
    let data = try bench.textures(train: 60, test: 20)
    let network = try bench.network(on: data, "small_cnn", ["epochs": 2, "learning_rate": 0.05])
    func made(_ steps: Int) throws -> [String: Artifact] {
      try bench.run(
        "dataset/iri", ["cut": "conv2", "samples": 12, "steps": .integer(steps), "step_size": 0.01],
        ["model": network, "data": data])
    }
    let (noise, iris) = (try made(0), try made(80))
    let (start, end) = (try bench.json(noise["scores"]!), try bench.json(iris["scores"]!))
    let (before, after) = (
      try #require(end["noise_error"]?.doubleValue), try #require(end["relative_error"]?.doubleValue)
    )
    #expect(start["relative_error"] == start["noise_error"] && start["noise_error"] == end["noise_error"])
    #expect(after < 0.5 * before)
    // A stitch of the network to itself agrees with it on them.
    let stitched = try bench.stitched(network, "conv2", network, "conv2", on: data)
    let scores = try bench.json(
      bench.run("evaluate", [:], ["model": stitched, "data": iris["dataset"]!])["scores"]!)
    #expect(try #require(scores["agreement"]?.doubleValue) > 0.99)
    // What the network makes of them is nearer to what it makes of the images than what it makes of noise.
    func activations(_ data: Artifact) throws -> Artifact {
      try bench.run("activations", ["cut": "conv4", "samples": 12], ["model": network, "data": data])[
        "activations"]!
    }
    func values(_ data: Artifact) throws -> [Double] {
      try SafetensorsFile(contentsOf: bench.url(activations(data))).array("activations").doubles()
    }
    let (own, theirs, noisy) = (try values(data), try values(iris["dataset"]!), try values(noise["dataset"]!))
    func distance(_ other: [Double]) -> Double {
      zip(own, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    #expect(distance(theirs) < 0.5 * distance(noisy))
  }

  @Test func whatIsKnownBeforeIsTheHalfThatItWillHave() throws {
    let images = try foreseen("dataset/synthetic", ["train": 30, "test": 20]).outputs["dataset"]
    let model = try foreseen("model/import", ["architecture": "resnet8", "classes": 10]).outputs["model"]
    let inputs = ["data": [Foresight.Member(images)], "model": [Foresight.Member(model)]]
    let known = try foreseen("dataset/iri", ["cut": "stem", "samples": 5], inputs)
    #expect(known.mistakes.isEmpty)
    let made = try #require(known.outputs["dataset"])
    let after = try foreseen(
      "activations", ["cut": "stem", "samples": 6],
      ["model": [Foresight.Member(model)], "data": [Foresight.Member(made)]])
    #expect(
      after.mistakes.map(\.message)
        == ["synthetic/test has 5 samples, fewer than the 6 asked for; write 5, or null for all"])
    let wrong = try foreseen("dataset/iri", ["cut": "stage9", "samples": 21], inputs).mistakes
    #expect(wrong.map(\.path) == [["cut"], ["samples"]])
  }
}

// What stitches keep of halves that don't stay as they were, and of attacked images.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct StitchHalvesTests {
  private func parameters(_ more: [String: JSON]) -> JSON {
    .object(
      (["from": "conv2", "to": "conv2", "epochs": 2, "batch": 10, "method": "hint"] as [String: JSON])
        .merging(more) { $1 })
  }

  @Test func statisticsThatDriftAreEvaluated() throws {
    let bench = try Bench()
    let data = try bench.textures()
    let networks = (try bench.network(on: data, seed: 0), try bench.network(on: data, seed: 1))
    func stitched(_ statistics: String, _ more: [String: JSON] = [:]) throws -> Artifact {
      let stitch = parameters(["statistics": .string(statistics), "method": "fula"].merging(more) { $1 })
      let made = try bench.run("stitch", stitch, ["front": networks.0, "end": networks.1, "data": data])
      return try #require(made["stitched"])
    }
    func scores(_ stitched: Artifact) throws -> JSON {
      let made = try bench.run("evaluate", [:], ["model": stitched, "data": data])
      return try bench.json(#require(made["scores"]))
    }
    let drifted = try stitched("batch_and_update")
    #expect(try bench.json(bench.member("stitch.json", of: drifted))["statistics"] == "batch_and_update")
    _ = try bench.member("statistics.safetensors", of: drifted)
    for mode in ["running", "batch"] {
      let kept = try stitched(mode)
      let manifest = try #require(Manifest(parsing: Data(contentsOf: bench.url(kept))))
      #expect(manifest.entries["statistics.safetensors"] == nil)
    }
    // A rate that moves no weight leaves the drift alone.
    let still: [String: JSON] = ["learning_rate": 1e-12, "initial": "least_squares"]
    let (before, after) = (
      try scores(stitched("running", still)), try scores(stitched("batch_and_update", still))
    )
    #expect(before["structural_error"] != after["structural_error"])
    #expect(before["reference_accuracy"] == after["reference_accuracy"])
  }

  @Test func theAdversaryIsSaidInTheArtifact() throws {
    let bench = try Bench()
    let data = try bench.textures()
    let network = try bench.network(on: data)
    let stitch = parameters(["adversary": ["steps": 1, "ratio": 1, "mode": "training"]])
    let made = try bench.run("stitch", stitch, ["front": network, "end": network, "data": data])
    let said = try bench.json(bench.member("stitch.json", of: #require(made["stitched"])))["adversary"]
    #expect(said?["steps"] == 1 && said?["ratio"] == .number(1) && said?["mode"] == "training")
    #expect(said?["norm"] == "linf")
    let bare = try bench.arrays("bare", labels: nil)
    #expect(
      bench.failure("stitch", stitch, ["front": network, "end": network, "data": bare])
        .hasPrefix("the attack needs labels, bare/train has none"))
    #expect(
      bench.failure("stitch", parameters(["adversary": ["ratio": 0]])).contains(
        "a ratio of 0 attacks nothing"))
  }
}

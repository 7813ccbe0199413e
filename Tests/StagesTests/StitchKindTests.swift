// What the kind `stitch` makes of its words.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct StitchKindTests {
  private func parameters(_ more: [String: JSON]) -> JSON {
    .object(
      (["from": "conv2", "to": "conv2", "epochs": 1, "batch": 10, "method": "direct"] as [String: JSON])
        .merging(more) { $1 })
  }

  private func refusal(_ more: [String: JSON]) -> String {
    do {
      _ = try foreseen("stitch", parameters(more))
      return "none"
    } catch { return "\(error)" }
  }

  @Test(
    arguments: [
      "affine", "orthogonal", ["kind": "orthogonal", "bias": false], "permutation",
      ["kind": "permutation", "match": "correlation", "bias": true], ["kind": "low_rank", "rank": 2],
      ["kind": "l1", "lambda": 0.01], "identity",
    ] as [JSON])
  func everyMapIsFoundAndSaidInTheArtifact(map: JSON) throws {
    let bench = try Bench()
    let data = try bench.textures()
    let networks = (try bench.network(on: data, seed: 0), try bench.network(on: data, seed: 1))
    for method in ["direct", "hint"] {
      let stitch = parameters(["map": map, "method": .string(method)])
      if method == "hint", refusal(["map": map, "method": "hint"]) != "none" { continue }
      let made = try bench.run("stitch", stitch, ["front": networks.0, "end": networks.1, "data": data])
      let description = try bench.json(bench.member("stitch.json", of: #require(made["stitched"])))
      #expect(description["map"]?["kind"] == map["kind"] ?? map)
      for (name, value) in map.objectValue ?? [:] { #expect(description["map"]?[name] == value) }
      let facts = try foreseen("stitch", stitch).outputs["fit"]
      let rows = ["rows": [Foresight.Member(facts)]]
      let scores = try bench.json(#require(made["fit"])).objectValue ?? [:]
      for (name, value) in scores where value.arrayValue == nil {
        #expect(try foreseen("table", ["columns": [.string(name)]], rows).mistakes.isEmpty, "\(name)")
      }
    }
  }

  @Test func mapsThatCantBeTrainedAreRefusedWhenPlanning() {
    for (map, name) in [("permutation", "a permutation"), ("identity", "the identity")] {
      for method in ["task_loss", "fula", "hint", "soft_label"] {
        #expect(
          refusal(["map": .string(map), "method": .string(method)]).hasSuffix(
            "\(name) can't be trained, there is nothing between one and the next; method: direct finds it in closed "
              + "form"))
      }
      #expect(refusal(["map": .string(map)]) == "none")
    }
  }

  @Test(
    arguments: [
      ("low_rank", "rank"), ("l1", "lambda"), (["kind": "low_rank", "rank": 0], "at least 1"),
      (["kind": "l1", "lambda": -1], "at least 0"), (["kind": "affine", "rank": 3], "rank"),
      ("rotation", "one of affine, orthogonal, permutation, low_rank, l1, identity"),
    ] as [(JSON, String)])
  func wordsForMapsThatMakeNoneAreExplained(map: JSON, part: String) {
    let message = refusal(["map": map])
    #expect(message.contains(part) && message != "none", "\(message)")
  }
}

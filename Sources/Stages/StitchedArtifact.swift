// Owns the way between a stitched network and its artifact: the map and a description, and the front and the end by
// digest.

import Canonical
import ContentStore
import Foundation
import Formats
import NeuralNetworks
import Stitching
import Tensor
import Workflow

/// A stitch with the map that was found for it.
struct StitchedModel {
  let stitch: Stitching.Stitch
  let map: StitchingLayer
  /// The running statistics that have drifted while it was fitted, which the stitch's networks have; nil: none may.
  let statistics: DriftedStatistics?
  /// The artifacts that the front and the end come from.
  let sources: (front: InputArtifact, end: InputArtifact)

  init(
    _ stitch: Stitching.Stitch, map: StitchingLayer, statistics: DriftedStatistics? = nil,
    sources: (front: InputArtifact, end: InputArtifact)
  ) {
    self.stitch = stitch
    self.map = map
    self.statistics = statistics
    self.sources = sources
  }

  /// Opens the artifact, with the models out of `models`.
  init(_ input: InputArtifact, models: OpenedModels) throws {
    let members = try input.entries
    func member(_ name: String) throws -> InputArtifact {
      guard let member = members[name] else {
        throw InputError(message: "the stitched model lacks \(name); it has \(members.keys.sorted())")
      }
      return member
    }
    let json = try JSON(parsing: Data(contentsOf: member("stitch.json").url))
    let file = try SafetensorsFile(contentsOf: member("map.safetensors").url)
    guard let from = json["from"]?.stringValue, let to = json["to"]?.stringValue else {
      throw InputError(message: "stitch.json lacks from or to")
    }
    let sources = (front: try member("front.safetensors"), end: try member("end.safetensors"))
    var (front, end) = (try models.model(sources.front), try models.model(sources.end))
    var drifted: DriftedStatistics?
    if let member = members["statistics.safetensors"] {
      let file = try SafetensorsFile(contentsOf: member.url)
      func statistics(of half: String) throws -> [String: Tensor] {
        let names = file.names.filter { $0.hasPrefix(half + ".") }
        return try Dictionary(
          uniqueKeysWithValues: names.map { (String($0.dropFirst(half.count + 1)), try file.tensor($0)) })
      }
      let found = DriftedStatistics(front: try statistics(of: "front"), end: try statistics(of: "end"))
      front = try front.replacing(found.front)
      end = try end.replacing(found.end)
      drifted = found
    }
    let stitch = try Stitching.Stitch(front: front, from: Cut(from), end: end, to: Cut(to))
    self.init(
      stitch,
      map: try StitchingLayer(
        input: stitch.input, output: stitch.output, weight: file.tensor("weight"), bias: file.tensor("bias")),
      statistics: drifted, sources: sources)
  }

  /// Writes the artifact; `description` is what else a reader should know of the fit.
  func write(to output: OutputArtifact, description: [String: JSON]) throws {
    let sizes: [String: JSON] = [
      "from": .string(stitch.from.name), "to": .string(stitch.to.name),
      "input": .array(map.input.extents.map(JSON.integer)),
      "output": .array(map.output.extents.map(JSON.integer)),
    ]
    let text = JSON.object(description.merging(sizes) { $1 }).canonical + "\n"
    try Data(text.utf8).write(to: output.file("stitch.json"))
    try SafetensorsFile.write(
      ["weight": StoredArray(map.weight), "bias": StoredArray(map.bias)], to: output.file("map.safetensors"))
    if let statistics {
      let halves = [("front", statistics.front), ("end", statistics.end)]
      let arrays = halves.flatMap { half, tensors in
        tensors.map { ("\(half).\($0.key)", StoredArray($0.value)) }
      }
      try SafetensorsFile.write(
        Dictionary(uniqueKeysWithValues: arrays), to: output.file("statistics.safetensors"))
    }
    try output.link("front.safetensors", to: sources.front)
    try output.link("end.safetensors", to: sources.end)
  }
}

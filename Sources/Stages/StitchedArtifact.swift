// Owns the way between a stitched network and its artifact: the map and a description, and the front and the end by
// digest.

import Canonical
import ContentStore
import Foundation
import Formats
import NeuralNetworks
import Stitching
import Workflow

/// A stitch with the map that was found for it.
struct StitchedModel {
  let stitch: Stitching.Stitch
  let map: StitchingLayer
  /// The artifacts that the front and the end come from.
  let sources: (front: InputArtifact, end: InputArtifact)

  init(_ stitch: Stitching.Stitch, map: StitchingLayer, sources: (front: InputArtifact, end: InputArtifact)) {
    self.stitch = stitch
    self.map = map
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
    let stitch = try Stitching.Stitch(
      front: models.model(sources.front), from: Cut(from), end: models.model(sources.end), to: Cut(to))
    self.init(
      stitch,
      map: try StitchingLayer(
        input: stitch.input, output: stitch.output, weight: file.tensor("weight"), bias: file.tensor("bias")),
      sources: sources)
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
    try output.link("front.safetensors", to: sources.front)
    try output.link("end.safetensors", to: sources.end)
  }
}

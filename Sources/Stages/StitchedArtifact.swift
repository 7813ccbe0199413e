// Owns the way between a stitched network and its artifact: the map and a description, and the front and the end by
// digest.

import Canonical
import ContentStore
import Foundation
import Formats
import NeuralNetworks
import Workflow

/// A front, an end, their cuts, and the map between them.
struct StitchedModel {
  let front: Model
  let from: Cut
  let map: StitchingLayer
  let end: Model
  let to: Cut

  static let frontFile = "front.safetensors"
  static let endFile = "end.safetensors"

  init(front: Model, from: Cut, map: StitchingLayer, end: Model, to: Cut) {
    self.front = front
    self.from = from
    self.map = map
    self.end = end
    self.to = to
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
    guard let from = json["from"]?.stringValue, let to = json["to"]?.stringValue,
      let sizes = json["input"]?.arrayValue?.compactMap(\.intValue),
      let outputSizes = json["output"]?.arrayValue?.compactMap(\.intValue)
    else { throw InputError(message: "stitch.json lacks from, to, input or output") }
    self.init(
      front: try models.model(member(Self.frontFile)), from: Cut(from),
      map: try StitchingLayer(
        input: sizes, output: outputSizes, weight: file.tensor("weight"), bias: file.tensor("bias")),
      end: try models.model(member(Self.endFile)), to: Cut(to))
  }

  /// Writes the artifact; `description` is what else a reader should know of the fit.
  func write(
    to output: OutputArtifact, front: InputArtifact, end: InputArtifact, description: [String: JSON]
  ) throws {
    let sizes: [String: JSON] = [
      "from": .string(from.name), "to": .string(to.name), "input": .array(map.input.map(JSON.integer)),
      "output": .array(map.output.map(JSON.integer)),
    ]
    let text = JSON.object(description.merging(sizes) { $1 }).canonical + "\n"
    try Data(text.utf8).write(to: output.file("stitch.json"))
    try SafetensorsFile.write(
      ["weight": StoredArray(map.weight), "bias": StoredArray(map.bias)], to: output.file("map.safetensors"))
    try output.link(Self.frontFile, to: front)
    try output.link(Self.endFile, to: end)
  }

  /// The front up to its cut, the map, the end after its cut; all frozen.
  var network: Network {
    get throws {
      try Network(segments: [.model(front, through: from), .map(map, frozen: true), .model(end, after: to)])
    }
  }
}

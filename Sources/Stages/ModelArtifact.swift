// Owns the way between a model and its artifact: one safetensors file, so that PyTorch opens it.

import ContentStore
import Foundation
import Formats
import NeuralNetworks
import Tensor
import Workflow

extension Model {
  /// Opens a model artifact.
  init(_ input: InputArtifact) throws { try self.init(SafetensorsFile(contentsOf: input.url)) }

  /// Reads what `writeModel` wrote.
  init(_ file: SafetensorsFile) throws {
    guard let name = file.metadata["architecture"],
      let sizes = file.metadata["input"]?.split(separator: "x").compactMap({ Int($0) }), sizes.count == 3,
      let classes = file.metadata["classes"].flatMap({ Int($0) }),
      let mean = file.metadata["mean"]?.split(separator: ",").compactMap({ Float($0) }),
      let deviation = file.metadata["std"]?.split(separator: ",").compactMap({ Float($0) })
    else {
      throw InputError(
        message:
          "\(file.file.split(separator: "/").last ?? "the file") is not a model of Bobbin's: its metadata lack architecture, input, "
          + "classes, mean or std. Import it with model/import")
    }
    let shape = ImageShape(channels: sizes[0], height: sizes[1], width: sizes[2])
    var parameters: [String: ArchitectureValue] = [:]
    for parameter in ArchitectureFamily.of(name)?.parameters ?? [] {
      guard let text = file.metadata[parameter.name] else { continue }
      guard let value = parameter.value(text) else {
        throw InputError(
          message: "\(name): \(parameter.name) '\(text)' in the metadata; expected \(parameter.expectation)")
      }
      parameters[parameter.name] = value
    }
    let architecture = try Architecture(
      name: name, input: shape, classes: classes, parameters: parameters)
    var tensors: [String: Tensor] = [:]
    // PyTorch counts batches in an integer that nothing here reads.
    for name in file.names where !name.hasSuffix("num_batches_tracked") {
      tensors[name] = try file.tensor(name)
    }
    try self.init(
      architecture: architecture, tensors: tensors,
      standardisation: Standardisation(mean: mean, deviation: deviation))
  }

  /// Writes the artifact: float32, names that `load_state_dict` takes, everything else in the metadata, the family's
  /// parameters under their own names.
  func writeModel(to output: OutputArtifact) throws {
    let input = architecture.input
    let described = [
      "architecture": architecture.name, "classes": "\(architecture.classes)", "format": "pt",
      "input": "\(input.channels)x\(input.height)x\(input.width)",
      "mean": standardisation.mean.map(\.description).joined(separator: ","),
      "std": standardisation.deviation.map(\.description).joined(separator: ","),
    ]
    try SafetensorsFile.write(
      tensors.mapValues { StoredArray($0) },
      metadata: architecture.parameters.mapValues(\.description).merging(described) { $1 }, to: output.url)
  }
}

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
      let width = file.metadata["width"].flatMap({ Int($0) }),
      let mean = file.metadata["mean"]?.split(separator: ",").compactMap({ Float($0) }),
      let deviation = file.metadata["std"]?.split(separator: ",").compactMap({ Float($0) })
    else {
      throw InputError(
        message:
          "\(file.file.split(separator: "/").last ?? "the file") is not a model of Bobbin's: its metadata lack architecture, input, "
          + "classes, width, mean or std. Import it with model/import")
    }
    let shape = ImageShape(channels: sizes[0], height: sizes[1], width: sizes[2])
    let architecture = try Architecture(name: name, input: shape, classes: classes, width: width)
    var tensors: [String: Tensor] = [:]
    // PyTorch counts batches in an integer that nothing here reads.
    for name in file.names where !name.hasSuffix("num_batches_tracked") {
      tensors[name] = try file.tensor(name)
    }
    try self.init(
      architecture: architecture, tensors: tensors,
      standardisation: Standardisation(mean: mean, deviation: deviation))
  }

  /// Writes the artifact: float32, torchvision's names, everything else in the metadata.
  func writeModel(to output: OutputArtifact) throws {
    let input = architecture.input
    try SafetensorsFile.write(
      tensors.mapValues { StoredArray($0) },
      metadata: [
        "architecture": architecture.name, "classes": "\(architecture.classes)", "format": "pt",
        "input": "\(input.channels)x\(input.height)x\(input.width)", "width": "\(architecture.width)",
        "mean": standardisation.mean.map(\.description).joined(separator: ","),
        "std": standardisation.deviation.map(\.description).joined(separator: ","),
      ], to: output.url)
  }
}

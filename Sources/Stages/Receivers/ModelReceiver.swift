// Owns receiving models that a command wrote.

import Formats
import Foundation
import NeuralNetworks
import Workflow

struct ModelReceiver: ArtifactReceiver {
  static let type = ArtifactType.model
  static let help =
    "safetensors with PyTorch's names, and in the metadata architecture, its parameters (width), input, classes, mean "
    + "and std; of a bare state dict leave 'type' out and give the file to model/import"

  func receive(_ written: URL, as output: OutputArtifact) throws {
    let file = try SafetensorsFile(contentsOf: written, called: written.lastPathComponent)
    for name in file.names { _ = try file.array(name).finiteTensor() }
    try Model(file).writeModel(to: output)
  }
}

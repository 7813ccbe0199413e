// Owns receiving models that a command wrote.

import Formats
import Foundation
import NeuralNetworks
import Workflow

struct ModelReceiver: ArtifactReceiver {
  static let type = ArtifactType.model
  static let help =
    "safetensors with torchvision's names, and architecture, input, classes, width, mean and std in the metadata; of "
    + "a bare state dict leave 'type' out and give the file to model/import"

  func receive(_ written: URL, as output: OutputArtifact) throws {
    let file = try SafetensorsFile(contentsOf: written, called: written.lastPathComponent)
    for name in file.names { _ = try file.array(name).finiteTensor() }
    try Model(file).writeModel(to: output)
  }
}

// Owns receiving activations that a command wrote.

import Formats
import Foundation
import Workflow

struct ActivationsReceiver: ArtifactReceiver {
  static let type = ArtifactType.activations
  static let help =
    "a .npy, .npz or .safetensors file with an array of samples first: \(SampleActivations.activationsShapes)"

  func receive(_ written: URL, as output: OutputArtifact) throws {
    let file = try ArrayFile(contentsOf: written, called: written.lastPathComponent)
    try SampleActivations(own: file, cure: "call the one that is meant 'activations'").write(
      to: output.url, cut: nil)
  }
}

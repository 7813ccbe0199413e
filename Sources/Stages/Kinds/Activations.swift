// Owns the stage kind `activations`.

import Datasets
import NeuralNetworks
import Tensor
import Workflow

struct Activations: StageKind {
  static let name = "activations"
  static let summary = "what a network computes at a cut, for some images"

  @Input("the network", .model) var model: InputArtifact
  @Input("the images", .dataset) var data: InputArtifact
  @Parameter("where to look, such as stem, stage2.0 or conv3") var cut: String
  @Parameter("which half of the dataset") var split = Split.test
  @Parameter("use only the first so many images; null: all", .atLeast(1)) var samples: Int? = 1000
  @Parameter("which marks are painted where the dataset has a shortcut") var marking = Marking.marked
  @Output("N × channels × height × width, float32", .activations) var activations: OutputArtifact

  func run(in context: StageContext) throws {
    let network = try Model(model)
    let images = try LoadedImages(
      Half(split, of: data), options: BatchLoader.Options(batch: 1, marking: marking, limit: samples))
    try images.requireSize(of: network.architecture, "the network")
    let point = ModelPoint.cut(try network.architecture.cut(named: cut))
    let made = try ActivationCache(images, budget: 0).values(of: network, at: point)
    try SampleActivations(values: made, samples: images.loader.identity).write(to: activations, cut: cut)
  }
}

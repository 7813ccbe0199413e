// Owns the stage kind `activations`.

import Datasets
import Formats
import NeuralNetworks
import Tensor
import Workflow

struct Activations: StageKind {
  static let name = "activations"
  static let summary = "what a network computes at a cut, for some images"

  @Input("the network", .model) var model: InputArtifact
  @Input("the images", .dataset) var data: InputArtifact
  @Parameter("where to look, such as stem, stage2.0 or conv3") var cut: String
  @Parameter("which half of the dataset") var split = SplitName.test
  @Parameter("use only the first so many images", .atLeast(1)) var samples: Int? = 1000
  @Parameter("which marks are painted where the dataset has a shortcut") var marking = MarkingName.marked
  @Output("N × channels × height × width, float32", .activations) var activations: OutputArtifact

  func run(in context: StageContext) throws {
    let network = try Model(model)
    let examples = try LoadedExamples(
      Dataset(data), split: split.split, marking: marking.marking, limit: samples)
    let segment = try Segment.model(network, through: network.architecture.cut(named: cut))
    let made = try Evaluation(of: Network(segments: [segment]), on: examples).logits
      .reshaped([examples.count] + segment.outputShape)
    try SafetensorsFile.write(
      [
        "activations": StoredArray(made), "indices": StoredArray(integers: Array(0..<examples.count)),
      ], metadata: ["cut": cut], to: activations.url)
  }
}

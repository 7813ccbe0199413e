// Owns the stage kind `dataset/iri`.

import Datasets
import Foundation
import NeuralNetworks
import Tensor
import Workflow

struct DatasetIRI: StageKind {
  static let name = "dataset/iri"
  static let summary =
    "identically represented inputs: noise that a network represents as it does other images"
  static let threads = ThreadUse.any
  static let discussion = """
    Each image starts as uniform noise and makes `steps` steps of `step_size` along the sign that lowers ‖h(x) − h(x₀)‖ / \
    ‖h(x₀)‖ at the network's cut, x₀ an image of `data` (arXiv 2505.20142; its 200 steps of 1/255 within a radius of 1 are \
    the defaults). Labels are those of the images x₀. Where the front of a stitch can't tell x from x₀, neither can the \
    stitched network; `evaluate` on these images says whether the end agrees. Pixels are kept as numbers, not rounded. \
    Scores: relative_error, the mean of ‖h(x) − h(x₀)‖ / ‖h(x₀)‖ at the last step, and noise_error, at the first.
    """

  @Input("the network", .model) var model: InputArtifact
  @Input("the images to be represented alike", .dataset, part: .parameter("split")) var data: InputArtifact
  @Parameter("the cut, such as stage2.0; `bobbin kinds train` lists each network's") var cut: String
  @Parameter("which half of the dataset") var split = Split.test
  @Parameter("use only the first so many images; null for all", .atLeast(1)) var samples: Int? = nil
  @Parameter("which marks are painted where the dataset has a shortcut") var marking = Marking.marked
  @Parameter("how often each image is moved", .atLeast(0)) var steps = 200
  @Parameter("how far a pixel moves in a step", .between(0, 1), unit: "pixels of [0, 1]")
  var stepSize = 1.0 / 255
  @Parameter("how far a pixel may come from its noise", .between(0, 1), unit: "pixels of [0, 1]")
  var epsilon = 1.0
  @Parameter("decides the noise", .atLeast(0)) var seed = 0
  @Output("the images, as the half that was chosen", .dataset) var dataset: OutputArtifact
  @Output("how far they are still from the others", .scores) var scores: OutputArtifact

  func run(in context: StageContext) throws {
    let network = try Model(model)
    let images = try LoadedImages(of: data, marking: marking, samples: samples)
    try images.requireSize(of: network.architecture, "the network")
    var recipe = IdenticalRepresentation()
    recipe.steps = steps
    recipe.stepSize = Float(stepSize)
    recipe.radius = Float(epsilon)
    recipe.seed = UInt64(seed)
    let made = try recipe.images(
      for: network, at: network.architecture.cut(named: cut), as: images,
      progress: { context.progress(Double($0) / Double(images.count)) })
    let base = images.loader.half
    let half = Half(
      of: base.dataset, split, classes: base.classes, classNames: base.classNames,
      samples: Samples(
        values: .floats(made.images), sampleShape: base.sampleShape, count: images.count,
        labels: images.classes == nil ? nil : made.labels))
    try half.write(to: dataset.file(split.rawValue))
    var values = Scores()
    values["relative_error"] = made.after.reduce(0, +) / Double(images.count)
    values["noise_error"] = made.before.reduce(0, +) / Double(images.count)
    try values.write(to: scores)
  }
}

extension DatasetIRI: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let network = foresight.facts(of: "model", ModelFacts.self)
    if let problem = network?.problem(withCut: cut) { foresight.mistake("cut", problem) }
    foresight.requireImages("data", split, of: network, "the network")
    foresight.requireMarks(marking, "data", split)
    let count = foresight.sampleCount(samples, of: "data", split)
    foresight.know("scores", ScoresFacts(numbers: ["relative_error", "noise_error"]))
    guard var facts = foresight.facts(of: "data", DatasetFacts.self) else { return }
    facts.halves = [split.rawValue: .init(samples: count)]
    facts.hasShortcut = false
    facts.source = nil
    foresight.know("dataset", facts)
  }
}

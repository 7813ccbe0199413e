// Owns the stage kind `activations`.

import Datasets
import NeuralNetworks
import Workflow

struct Activations: StageKind {
  static let name = "activations"
  static let summary = "what a network computes at a cut, for some images"
  static let threads = ThreadUse.any
  static let discussion = """
    What a job's instances share is kept in up to a quarter of the memory that the machine has free, and computed anew \
    beyond that.
    """

  @Input("the network", .model) var model: InputArtifact
  @Input("the images", .dataset, part: .parameter("split")) var data: InputArtifact
  @Parameter(
    "where to look, such as stem, stage2.0 or conv3; `bobbin kinds train` lists each network's cuts; or logits"
  )
  var cut: String
  @Parameter("which half of the dataset") var split = Split.test
  @Parameter("use only the first so many images; null for all", .atLeast(1)) var samples: Int? = 1000
  @Parameter("which marks are painted where the dataset has a shortcut") var marking = Marking.marked
  @Output("N × the shape at the cut: C × H × W, tokens × width, or a length; float32", .activations)
  var activations: OutputArtifact

  static let varying: Set = ["cut", "model"]

  /// The members look at the same images; a network's cuts are computed in one pass.
  static func run(_ members: [StageMember<Activations>]) {
    guard let one = members.first?.kind else { return }
    let images = Result { try LoadedImages(of: one.data, marking: one.marking, samples: one.samples) }
    let models = OpenedModels()
    for member in members {
      member.attempt {
        let network = try models.model(member.kind.model)
        try images.get().requireSize(of: network.architecture, "the network")
        models.expect(try network.architecture.point(named: member.kind.cut), of: member.kind.model)
      }
    }
    let cache = Result { try models.cache(images.get()) }
    let identity = images.map(\.loader.identity)
    for member in members {
      member.finish {
        let values = try cache.get().values(
          of: models.model(member.kind.model),
          at: models.model(member.kind.model).architecture.point(named: member.kind.cut))
        let samples = try identity.get()
        try SampleActivations(values: values, indices: Array(0..<samples.count), samples: samples)
          .write(to: member.kind.activations.url, cut: member.kind.cut)
      }
    }
  }
}

extension Activations: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let network = foresight.facts(of: "model", ModelFacts.self)
    if let problem = network?.problem(withPoint: cut) { foresight.mistake("cut", problem) }
    foresight.requireImages("data", split, of: network, "the network")
    foresight.requireMarks(marking, "data", split)
    let count = foresight.sampleCount(samples, of: "data", split)
    let data = foresight.facts(of: "data", DatasetFacts.self)
    foresight.know(
      "activations",
      ActivationsFacts(
        samples: data.map { "\($0.name)/\(split)" }, source: data?.source, half: split.rawValue, count: count,
        shape: network?.shape(atPoint: cut)))
  }
}

// Owns the stage kind `ood_score`.

import Canonical
import ContentStore
import Datasets
import NeuralNetworks
import Stitching
import Workflow

struct OODScore: StageKind {
  static let name = "ood_score"
  static let summary = "how far stitched activations are out of the distribution of the end's own"
  static let threads = ThreadUse.any
  static let discussion = """
    A detector is fitted on the end's own activations at the cut, of `known` images, and then sees activations of `data`: \
    the end's own are positives, what the stitch makes of the same images negatives. Scores: auroc, the chance that an \
    own activation looks more like known ones than a stitched one does (0.5: no difference; 1: all stitched ones are out \
    of distribution; below 0.5: they look more usual than the end's own, as where least squares draws to the mean); aupr, \
    average precision (0.5: no difference); fpr95, the share of stitched ones that pass where 95% of the end's own do \
    (0.95: no difference). Known images are to be neither those of `data` nor those that the stitch was fitted on; \
    dataset/subset makes such parts. Methods:
    - energy: the end behind the cut is trained on with the cross-entropy of known images plus weight · (relu(E − \
    known_margin)² of known images + relu(outlier_margin − E)² of outliers), E = −log Σ exp(logits), and scores with −E \
    (arXiv 2412.11299, after Liu et al. 2020; SGD, Nesterov momentum 0.9, weight decay 5e-4, the rate falls along half a \
    cosine, batch norms see known images and outliers together). Outliers are what a pipeline makes: dataset/corrupt \
    with noise or patches, another dataset, a dataset/mix of them; fewer than known images come more than once. \
    Activations that are larger than any of the end's make its rest sure, which is a low energy: an auroc near 0 tells \
    them apart as one near 1 does. Gives each epoch's loss too.
    - mahalanobis: minus the squared distance from the mean of known activations, averaged over positions, under their \
    covariance, shrunk as Ledoit & Wolf 2004 do (Lee et al. 2018, with one Gaussian for all classes). Needs neither labels \
    nor outliers. Gives the shrinkage too.
    Stitches of one end share its detectors. What a job's instances share is kept in up to a quarter of the memory \
    that the machine has free, and computed anew beyond that.
    """

  @Input("the stitched network", .stitched) var model: InputArtifact
  @Input("the images to look at", .dataset, part: .parameter("split")) var data: InputArtifact
  @Input("other images that the end knows", .dataset, part: .parameter("known_split")) var known:
    InputArtifact
  @Input("images that are none of those; for energy", .dataset, part: .parameter("known_split"))
  var outliers: InputArtifact?
  @Parameter("what tells the end's own activations from others") var method = Detection.energy
  @Parameter("which half of the dataset to look at") var split = Split.test
  @Parameter("which half of the known images and of the outliers to fit on") var knownSplit = Split.train
  @Parameter("use only the first so many images of data", .atLeast(1)) var samples: Int? = nil
  @Parameter("which marks are painted where a dataset has a shortcut") var marking = Marking.marked
  @Parameter("passes over the known images, of energy", .atLeast(1)) var epochs = 20
  @Parameter("known images in a step of energy, and as many outliers", .between(1, 65_536)) var batch = 128
  @Parameter("rate of energy's first steps", .above(0)) var learningRate = 1e-3
  @Parameter("what the energies count beside the cross-entropy", .atLeast(0)) var weight = 0.1
  @Parameter("what energies of known activations are to be at most") var knownMargin = -25.0
  @Parameter("what energies of outliers are to be at least") var outlierMargin = -7.0
  @Parameter("decides the order of images in energy's steps", .atLeast(0)) var seed = 0
  @Output("auroc, aupr and fpr95", .scores) var scores: OutputArtifact

  /// A Gaussian isn't trained: whatever is written for the other method changes nothing here.
  var derivedParameters: [String: JSON] {
    guard method == .mahalanobis else { return [:] }
    let recipe = EnergyRecipe()
    return [
      "epochs": .integer(recipe.epochs), "batch": .integer(recipe.batch),
      "learning_rate": .number(recipe.learningRate), "weight": .number(recipe.weight),
      "known_margin": .number(recipe.knownMargin), "outlier_margin": .number(recipe.outlierMargin),
      "seed": 0,
    ]
  }

  static let varying: Set = ["model"]

  /// The members look at the same images, and those of one end and cut ask the same detector.
  static func run(_ members: [StageMember<OODScore>]) {
    guard let one = members.first?.kind else { return }
    let models = OpenedModels()
    let images = Result { try LoadedImages(of: one.data, marking: one.marking, samples: one.samples) }
    let stitches = members.map { member in
      member.attempt { try member.kind.stitched(on: images.get(), models) }
    }
    let cache = Result { try models.cache(images.get(), memory: MemoryBudget.bytes / 2) }
    let detectors = Detectors(one, models)
    for (member, stitched) in zip(members, stitches) {
      member.finish {
        let stitched = stitched!
        let fitted = try detectors.detector(of: stitched) { member.context.progress(0.9 * $0) }
        let told = try stitched.stitch.outOfDistribution(stitched.map, on: cache.get(), by: fitted.detector)
        var scores = fitted.scores
        scores["auroc"] = told.auroc
        scores["aupr"] = told.aupr
        scores["fpr95"] = told.fpr95
        try scores.write(to: member.kind.scores)
      }
    }
  }

  /// The stitched network, checked against the images.
  private func stitched(on images: LoadedImages, _ models: OpenedModels) throws -> StitchedModel {
    let network = try EvaluatedNetwork(model, models)
    guard case .stitched(let stitched, _) = network else {
      preconditionFailure("BUG: only a stitched network is taken")
    }
    try network.requireImages(images, "the network")
    return stitched
  }

  fileprivate var recipe: EnergyRecipe {
    var recipe = EnergyRecipe()
    recipe.epochs = epochs
    recipe.batch = batch
    recipe.learningRate = learningRate
    recipe.weight = weight
    recipe.knownMargin = knownMargin
    recipe.outlierMargin = outlierMargin
    recipe.seed = UInt64(seed)
    return recipe
  }

  fileprivate static let withoutOutliers =
    "method energy needs outliers, images that are none of the known ones: dataset/corrupt makes them of these, with "
    + "noise or patches"
}

/// What tells the end's own activations from others.
enum Detection: String, ParameterChoice, Sendable, CaseIterable { case energy, mahalanobis }

/// The detectors of a job, one for each end and cut.
private final class Detectors {
  private typealias Fitted = (detector: any ActivationDetector, scores: Scores)
  private struct Place: Hashable {
    let end: Digest
    let cut: Cut
  }

  private let kind: OODScore
  private let models: OpenedModels
  private let known: Result<LoadedImages, any Error>
  private let outliers: Result<LoadedImages?, any Error>
  private var caches: (known: ActivationCache, outliers: ActivationCache?)?
  private var fitted: [Place: Result<Fitted, any Error>] = [:]

  init(_ kind: OODScore, _ models: OpenedModels) {
    self.kind = kind
    self.models = models
    known = Result {
      guard kind.known.artifact.digest != kind.data.artifact.digest else {
        throw InputError(
          message: "the known images are those of data; fit on others, which dataset/subset takes apart")
      }
      return try LoadedImages(of: kind.known, marking: kind.marking, samples: nil)
    }
    outliers = Result {
      try kind.outliers.map { try LoadedImages(of: $0, marking: kind.marking, samples: nil) }
    }
  }

  func detector(
    of stitched: StitchedModel, progress: (Double) -> Void
  ) throws -> (detector: any ActivationDetector, scores: Scores) {
    let place = Place(end: stitched.sources.end.artifact.digest, cut: stitched.stitch.to)
    if let fitted = fitted[place] { return try fitted.get() }
    let made = Result { try fit(stitched.stitch.end, at: stitched.stitch.to, progress: progress) }
    fitted[place] = made
    return try made.get()
  }

  private func fit(_ end: Model, at cut: Cut, progress: (Double) -> Void) throws -> Fitted {
    let images = try known.get()
    try images.requireSize(of: end.architecture, "the end")
    let cache = caches?.known ?? ActivationCache(images, budget: MemoryBudget.bytes / 4)
    var scores = Scores()
    switch kind.method {
    case .mahalanobis:
      caches = (cache, nil)
      let detector = try MahalanobisDetector(of: end, at: cut, known: cache)
      scores["shrinkage"] = detector.shrinkage
      return (detector, scores)
    case .energy:
      try images.requireLabels(of: end.architecture, "the end", for: "an energy classifier")
      guard let others = try outliers.get() else { throw InputError(message: OODScore.withoutOutliers) }
      try others.requireSize(of: end.architecture, "the end")
      let otherCache = caches?.outliers ?? ActivationCache(others, budget: MemoryBudget.bytes / 4)
      caches = (cache, otherCache)
      let detector = try EnergyDetector(
        of: end, after: cut, known: cache, outliers: otherCache, recipe: kind.recipe,
        progress: { progress(Double($0) / Double(kind.epochs)) })
      scores.set("loss", list: detector.losses)
      return (detector, scores)
    }
  }
}

extension OODScore: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let stitched = foresight.facts(of: "model", StitchedFacts.self)
    foresight.requireImages("data", split, of: stitched?.front, "the network's front")
    foresight.requireImages("data", split, of: stitched?.end, "the network's end")
    foresight.requireImages("known", knownSplit, of: stitched?.end, "the end")
    foresight.requireImages("outliers", knownSplit, of: stitched?.end, "the end")
    foresight.requireMarks(marking, "data", split)
    foresight.sampleCount(samples, of: "data", split)
    if method == .energy {
      foresight.requireLabels("known", knownSplit, of: stitched?.end, "the end", for: "an energy classifier")
      foresight.sampleCount(nil, of: "known", knownSplit, batch: batch)
      if !foresight.isWritten("outliers") { foresight.mistake("outliers", OODScore.withoutOutliers) }
    }
    foresight.know(
      "scores",
      ScoresFacts(
        numbers: ["auroc", "aupr", "fpr95"] + (method == .mahalanobis ? ["shrinkage"] : []),
        lists: method == .energy ? ["loss"] : []))
  }
}

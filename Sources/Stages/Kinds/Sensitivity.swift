// Owns the stage kind `sensitivity`.

import Canonical
import ContentStore
import Datasets
import Foundation
import NeuralNetworks
import Similarity
import Tensor
import Workflow

struct Sensitivity: StageKind {
  static let name = "sensitivity"
  static let summary =
    "whether measures of similarity see what a linear probe loses when a representation loses rank"
  static let threads = ThreadUse.any
  static let discussion = """
    A network's activations at a cut, for the first `samples` training images, are cut down to their first r principal \
    components (the nearest representation of rank r), for some r (Ding et al. 2021). Lists, an entry for each r: rank; \
    variance, the share of variance that is left; accuracy, that of a linear probe of these r components on the first \
    `test_samples` test images (least squares of one-hot labels with an intercept, λ = ridge · the largest variance); \
    and each measure's value between the cut-down representation and the whole one. The last rank is the whole. A table \
    with `long: step` has a row for each entry; `curves` draws accuracy and measures. A measure is sensitive where it \
    falls as the accuracy does. What a job's instances share is kept in up to a quarter of the memory that the \
    machine has free, and computed anew beyond that.
    """

  @Input("the network", .model) var model: InputArtifact
  @Input("labelled images; the probe learns from the train half and is judged on the test half", .dataset)
  var data: InputArtifact
  @Parameter("where to look, such as stage2.0; or logits") var cut: String
  @Parameter("which measures, as similarity has them") var measures = [MeasureChoice("linear_cka")]
  @Parameter("of images: flatten to N × CHW, or pool over space") var layout = Layout.flatten
  @Parameter("which ranks; null: 1, 2, 4 … and the whole", .atLeast(1)) var ranks: [Int]? = nil
  @Parameter("training images", .atLeast(2)) var samples = 1000
  @Parameter("test images; null for all", .atLeast(1)) var testSamples: Int? = nil
  @Parameter("λ of the probe, as a share of the largest variance", .atLeast(0)) var ridge = 1e-3
  @Output("lists of rank, variance, accuracy and each measure", .scores) var scores: OutputArtifact

  /// A new measure changes no key, an edited one those that ask for it.
  var listedCode: [String] { measures.map(\.measure.file) }

  func validate() throws {
    let names = measures.map(\.scoreName)
    guard !names.isEmpty, Set(names).count == names.count else {
      throw InvalidParameter("measures", "expected at least one measure, none of them twice")
    }
    guard layout != .spaceAsSamples else {
      throw InvalidParameter("layout", "a probe reads one row an image; take flatten or pool")
    }
    if let ranks, ranks.isEmpty || zip(ranks, ranks.dropFirst()).contains(where: { $0 >= $1 }) {
      throw InvalidParameter("ranks", "expected ranks in rising order, such as [1, 2, 4]")
    }
  }

  static let varying: Set = ["model", "cut", "measures", "layout", "ranks", "ridge"]

  /// The members look at the same images; a network's cuts are computed in one pass.
  static func run(_ members: [StageMember<Sensitivity>]) {
    guard let one = members.first?.kind else { return }
    let models = OpenedModels()
    let (train, test) = (Looked(one, .train, one.samples), Looked(one, .test, one.testSamples))
    for member in members {
      member.attempt {
        let network = try models.model(member.kind.model)
        for half in [train, test] {
          try half.images.get().requireSize(of: network.architecture, "the network")
          try half.images.get().requireLabels(for: "a probe")
        }
        models.expect(try network.architecture.point(named: member.kind.cut), of: member.kind.model)
      }
    }
    let caches = [train, test].map { half in
      Result { try models.cache(half.images.get(), memory: MemoryBudget.bytes / 4) }
    }
    for member in members {
      member.finish {
        let network = try models.model(member.kind.model)
        try member.kind.measure(
          network, train: caches[0].get(), test: caches[1].get(), classes: train.classes,
          name: train.images.get().name, in: member.context)
      }
    }
  }

  /// The images of one half that are looked at.
  private struct Looked {
    let images: Result<LoadedImages, any Error>
    var classes: Int { (try? images.get().loader.half.classes) ?? 0 }

    init(_ kind: Sensitivity, _ split: Split, _ samples: Int?) {
      images = Result {
        guard let half = try kind.data.entries[split.rawValue] else {
          throw InputError(message: "the dataset has no half '\(split)', which a probe needs")
        }
        return try LoadedImages(of: half, marking: .marked, samples: samples)
      }
    }
  }

  private func measure(
    _ network: Model, train: ActivationCache, test: ActivationCache, classes: Int, name: String,
    in context: StageContext
  ) throws {
    let point = try network.architecture.point(named: cut)
    func looked(at images: ActivationCache) throws -> (Representation, [Int32]) {
      (
        try Representation(images.values(of: network, at: point), layout: layout, name: name),
        try images.labels(of: 0..<images.count)
      )
    }
    let (whole, labels) = try looked(at: train)
    let (others, otherLabels) = try looked(at: test)
    context.progress(0.2)
    let truncation = try RankTruncation(whole)
    context.progress(0.5)
    let ranks = try chosenRanks(of: truncation)
    var values = Scores()
    values.set("rank", list: ranks.map(Double.init))
    let all = truncation.variances.reduce(0, +)
    values.set("variance", list: ranks.map { truncation.variances.prefix($0).reduce(0, +) / all })
    values.set(
      "accuracy",
      list: try truncation.probe(
        ranks: ranks, labels: labels, on: others, labels: otherLabels, classes: classes, ridge: ridge))
    var found: [[Double]] = measures.map { _ in [] }
    let shelf = Shelf(room: MemoryBudget.bytes / 2)
    let prepared = try Prepared(whole, on: shelf)
    for (i, rank) in ranks.enumerated() {
      let pair = try Comparison(Prepared(truncation.representation(rank: rank), on: shelf), prepared)
      for (j, choice) in measures.enumerated() {
        found[j].append(try choice.measure(pair, with: choice.settings))
      }
      context.progress(0.5 + 0.5 * Double(i + 1) / Double(ranks.count), ["rank": "\(rank)"])
    }
    for (choice, list) in zip(measures, found) { values.set(choice.scoreName, list: list) }
    try values.write(to: scores)
  }

  private func chosenRanks(of truncation: RankTruncation) throws -> [Int] {
    let whole = truncation.rank
    guard let ranks else {
      return Array(sequence(first: 1) { 2 * $0 }.prefix { $0 < whole }) + [whole]
    }
    guard ranks.last! <= whole else {
      throw InputError(
        message:
          "the activations at '\(cut)' have rank \(whole) over \(samples) images, less than \(ranks.last!)")
    }
    return ranks
  }
}

extension Sensitivity: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let network = foresight.facts(of: "model", ModelFacts.self)
    if let problem = network?.problem(withPoint: cut) { foresight.mistake("cut", problem) }
    for (split, count) in [(Split.train, samples as Int?), (.test, testSamples)] {
      foresight.requireImages("data", split, of: network, "the network")
      foresight.requireLabels("data", split, for: "a probe")
      foresight.sampleCount(count, of: "data", split)
    }
    foresight.know(
      "scores",
      ScoresFacts(numbers: [], lists: ["rank", "variance", "accuracy"] + measures.map(\.scoreName)))
  }
}

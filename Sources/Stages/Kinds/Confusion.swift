// Owns the stage kind `confusion`.

import Canonical
import ContentStore
import Datasets
import Formats
import Foundation
import NeuralNetworks
import Stitching
import Workflow

struct Confusion: StageKind {
  static let name = "confusion"
  static let summary =
    "which class a network takes for which: a confusion matrix (SVG, Vega-Lite, CSV) and a table of classes"
  static let threads = ThreadUse.any
  static let discussion = """
    `matrix` has a row for each pair of a class and the one it is told to be: how often, and as a share of the class's \
    images, which is the figure's colour. `classes` has a row for each class: count (its images), told (images told to be \
    of it), accuracy (the share of its images that are told right, which is its recall), precision (the share of those \
    told to be of it that are) and f1, their harmonic mean. A cell is empty where there is nothing to take a share of: a \
    class without images has no accuracy, and its line of the figure is hatched.
    """

  @Input("the network, stitched or not", .model, .stitched) var model: InputArtifact
  @Input("the images", .dataset, part: .parameter("split")) var data: InputArtifact
  @Parameter("which half of the dataset") var split = Split.test
  @Parameter("use only the first so many images", .atLeast(1)) var samples: Int? = nil
  @Parameter("which marks are painted where the dataset has a shortcut") var marking = Marking.marked
  @Parameter(
    "what the classes are called, in their order; by default as the dataset calls them, or their numbers")
  var names: [String] = []
  @Parameter("above the figure") var title = "Confusion matrix"
  @Output("the figure", .figure) var figure: OutputArtifact
  @Output("the figure as a description with its data", .vegaLite) var vegaLite: OutputArtifact
  @Output("how often which class is told to be which", .csv) var matrix: OutputArtifact
  @Output("accuracy, precision and F1 of each class", .csv) var classes: OutputArtifact

  static let varying: Set = ["model", "names", "title"]

  /// The members look at the same images; what a network makes of them is computed once.
  static func run(_ members: [StageMember<Confusion>]) {
    guard let one = members.first?.kind else { return }
    let images = Result { try LoadedImages(of: one.data, marking: one.marking, samples: one.samples) }
    let models = OpenedModels()
    let networks = members.map { member in
      member.attempt { try member.kind.network(on: images.get(), models) }
    }
    var pass = EvaluationPass()
    let places = networks.map { network in network.map { pass.add($0) } }
    let made = (try? images.get()).map { pass.run(on: $0) } ?? []
    for (member, place) in zip(members, places) {
      member.finish {
        try member.kind.write(
          ConfusionMatrix(made[place!].get().evaluation), ofClasses: images.get().classNames)
      }
    }
  }

  private func network(on images: LoadedImages, _ models: OpenedModels) throws -> EvaluatedNetwork {
    let network = try EvaluatedNetwork(model, models)
    try network.requireImages(images, "the network")
    try images.requireLabels(of: network.output, "the network", for: "a confusion matrix")
    if let problem = problem(withNamesOf: network.output.classes) { throw InputError(message: problem) }
    return network
  }

  /// What is wrong with `names` for a network that tells so many classes apart.
  private func problem(withNamesOf classes: Int) -> String? {
    if names.isEmpty || names.count == classes { return nil }
    return
      "there are \(names.count) names for \(classes) classes; write one for each, in their order, or none"
  }

  private func write(_ confusion: ConfusionMatrix, ofClasses known: [String]?) throws {
    let classes = confusion.classes
    // A network may tell more classes apart than the dataset has.
    let own = known.flatMap { $0.count == classes.count ? $0 : nil }
    let names = names.isEmpty ? own ?? classes.indices.map(String.init) : names
    func cell(_ number: Double?) -> String { number.map { JSON.number($0).canonical } ?? "" }
    func share(_ count: Int, _ row: Int) -> Double? {
      classes[row].count > 0 ? Double(count) / Double(classes[row].count) : nil
    }

    let pairs = names.indices.flatMap { row in
      names.indices.map { column in
        let count = confusion.counts[row][column]
        return [names[row], names[column], "\(count)", cell(share(count, row))]
      }
    }
    let matrixText = CSV.encode(header: ["class", "told", "count", "share"], rows: pairs)
    try Data(matrixText.utf8).write(to: matrix.url)
    let lines = zip(names, classes).map { name, scores in
      [
        name, "\(scores.count)", "\(scores.told)", cell(scores.accuracy), cell(scores.precision),
        cell(scores.f1),
      ]
    }
    let header = ["class", "count", "told", "accuracy", "precision", "f1"]
    try Data(CSV.encode(header: header, rows: lines).utf8).write(to: self.classes.url)

    let cells = names.indices.map { row in
      names.indices.map { column in
        let count = confusion.counts[row][column]
        return share(count, row).map {
          HeatmapCell(value: $0, details: ["\(count)"], data: ["count": .integer(count)])
        }
      }
    }
    let images = classes.reduce(0) { $0 + $1.count }
    let right = names.indices.reduce(0) { $0 + confusion.counts[$1][$1] }
    let drawing = HeatmapDrawing(
      title: title, xName: "told class", yName: "true class", columns: names, lines: names,
      panels: [HeatmapPanel(title: "", cells: cells)],
      scale: ColourScale(name: "share of the true class's images", range: 0...1, digits: 2), digits: 2,
      notes: [
        "share of the true class's images" + (names.count > 30 ? "" : ", number of images below"),
        "n = \(images) images, accuracy \(fixed(Double(right) / Double(images), digits: 3))",
      ])
    try drawing.publish(svg: figure, vegaLite: vegaLite)
  }
}

extension Confusion: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let network = ForeseenNetwork(foresight, "model")
    for (role, model) in network.halves("the network") {
      foresight.requireImages("data", split, of: model, role)
    }
    foresight.requireLabels("data", split, of: network.output, "the network", for: "a confusion matrix")
    foresight.requireMarks(marking, "data", split)
    foresight.sampleCount(samples, of: "data", split)
    if let classes = network.output?.classes, let problem = problem(withNamesOf: classes) {
      foresight.mistake("names", problem)
    }
  }
}

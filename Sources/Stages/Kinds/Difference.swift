// Owns the stage kind `difference`.

import Canonical
import ContentStore
import Foundation
import Workflow

struct Difference: StageKind {
  static let name = "difference"
  static let summary = "scores minus other scores, such as what agreement exceeds a control by"
  static let discussion = """
    Each score that is a number in both inputs, or those that `columns` names, as `excess_` and its name: value of \
    `scores` minus value of `minus`. Excess agreement (arXiv 2505.20142): a stitch that was fitted on images with the \
    marks of a shortcut, its agreement with the end on marked images minus that on images with rolled marks:
      marked:
        matrix: { network: "${stitched}" }
        uses: evaluate
        with: { model: "${matrix.network}", data: "${marked_images}", marking: marked }
      rolled:
        matrix: { network: "${stitched}" }
        uses: evaluate
        with: { model: "${matrix.network}", data: "${marked_images}", marking: rolled }
      excess:
        matrix: { with: "${marked}", without: "${rolled}" }
        where: ["${matrix.with.network == matrix.without.network}"]
        uses: difference
        with: { scores: "${matrix.with}", minus: "${matrix.without}", columns: [agreement] }
    """

  @Input("what is subtracted from", .scores) var scores: InputArtifact
  @Input("what is subtracted", .scores) var minus: InputArtifact
  @Parameter("which scores; by default all that are numbers in both") var columns: [String] = []
  @Parameter("what the names of differences begin with") var prefix = "excess_"
  @Output("the differences", .scores) var difference: OutputArtifact

  func validate() throws {
    guard isSnakeCase(prefix + "x") else {
      throw InvalidParameter("prefix", "expected the beginning of a name in snake_case, found '\(prefix)'")
    }
  }

  func run(in context: StageContext) throws {
    let (first, second) = try (ScoreRows([scores]), ScoreRows([minus]))
    let names = columns.isEmpty ? first.scoreNames.filter(second.scoreNames.contains) : columns
    guard !names.isEmpty else { throw InputError(message: "no score is a number in both") }
    var values = Scores()
    for name in names {
      let known = (try first.score(name), try second.score(name))
      values[prefix + name] = first.rows[0].scores[known.0]! - second.rows[0].scores[known.1]!
    }
    try values.write(to: difference)
  }
}

extension Difference: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let sides = ["scores", "minus"].map { ForeseenRows(foresight, $0) }
    for (i, name) in columns.enumerated() {
      if let problem = sides.lazy.compactMap({ $0.problem(withScore: name) }).first {
        foresight.mistake("columns.\(i)", problem)
      }
    }
    let known = ["scores", "minus"].map { foresight.facts(of: $0, ScoresFacts.self)?.numbers }
    guard let first = known[0], let second = known[1] else { return }
    let names = columns.isEmpty ? first.filter(second.contains) : columns
    foresight.know("difference", ScoresFacts(numbers: names.map { prefix + $0 }))
  }
}

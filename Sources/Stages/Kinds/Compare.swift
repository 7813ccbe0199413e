// Owns the stage kind `compare`.

import Canonical
import ContentStore
import Formats
import Foundation
import Statistics
import Workflow

struct Compare: StageKind {
  static let name = "compare"
  static let summary = "paired differences of scores between the values of an axis, with intervals and tests"
  static let discussion = """
    Rows of two values of `axis` that agree on all other axes make a pair: two methods at the same cut with the same \
    seed. Over the pairs that differ only in `over`, the table has for each score and each value beside the baseline: n \
    (pairs), mean and baseline_mean (of what is paired), difference (value − baseline), difference_std, an interval \
    (difference_low, difference_high), t and p_value (Student's paired test), signed_rank_p_value (Wilcoxon's, exact up to \
    200 pairs), p_value_holm (Holm's correction of p_value for all rows of the table) and unpaired, how many rows have no \
    partner. Which these are stands in `unpaired`. Of a single pair the spread isn't known: cells of interval and test \
    are empty, as those of t and p_value are where all differences are the same. `axis: stage` compares stages. The \
    figure has the same numbers: a panel a score, a row for the pairs that differ only in `over`, a bar for the interval.
    """

  @Input("the scores; a whole group", .scores, labelled: true) var rows: [InputArtifact]
  @Parameter(
    "the axis, or the group, whose values are compared, such as method; stage: the stages of the rows")
  var axis: String
  @Parameter("the value that others are compared with") var baseline: String
  @Parameter("which others, in this order; all by default") var values: [String] = []
  @Parameter("axes over which pairs are repetitions, such as [seed]") var over: [String] = []
  @Parameter("of the mean difference; null: none") var interval: IntervalChoice? = IntervalChoice(
    StudentWords())
  @Parameter("which scores, in this order; all by default") var columns: [String] = []
  @Output("the table", .csv) var csv: OutputArtifact
  @Output("the table as a list of objects", .rows) var json: OutputArtifact
  @Output("rows without a partner", .csv) var unpaired: OutputArtifact
  @Output("the differences with their intervals, a panel a score", .figure) var figure: OutputArtifact
  @Output("the figure as a description with its data", .vegaLite) var vegaLite: OutputArtifact

  func run(in context: StageContext) throws {
    let all = try ScoreRows(rows)
    guard !all.rows.isEmpty else { throw InputError(message: "there are no rows") }
    let comparison = try PairedRows(all, along: axis, over: over)
    let baseline = try comparison.value(baseline)
    let others =
      try values.isEmpty
      ? comparison.values.filter { $0 != baseline } : values.map(comparison.value)
    guard !others.contains(baseline) else {
      throw InputError(message: "'\(baseline)' is the baseline and can't be compared with itself")
    }
    guard !others.isEmpty else {
      throw InputError(
        message: "all rows have \(comparison.name)=\(baseline); there is nothing to compare it with")
    }
    let scores = try columns.isEmpty ? all.scoreNames : columns.map(all.score)

    var lines: [ComparisonLine] = []
    var lonely: [[String]] = []
    for other in others {
      for block in comparison.blocks {
        for score in scores {
          let found = block.pairs(of: score, other, baseline)
          lonely += found.unpaired.map { comparison.cells(of: $0.row) + [score, $0.lacks] }
          guard !found.pairs.isEmpty else { continue }
          lines.append(ComparisonLine(block: block, value: other, score: score, found))
        }
      }
    }
    guard !lines.isEmpty else {
      throw InputError(
        message: "no row with \(comparison.name)=\(others.joined(separator: ", ")) agrees with one of "
          + "\(comparison.name)=\(baseline) on all other axes (\(comparison.otherAxes)); nothing pairs")
    }
    try write(lines, comparison, baseline)
    try draw(lines, comparison, others, baseline).publish(svg: figure, vegaLite: vegaLite)
    let header = comparison.header + ["score", "lacks"]
    try Data(CSV.encode(header: header, rows: lonely).utf8).write(to: unpaired.url)
  }

  private func draw(
    _ lines: [ComparisonLine], _ comparison: PairedRows, _ others: [String], _ baseline: String
  ) throws -> DifferencesDrawing {
    let shown = others.filter { other in lines.contains { $0.value == other } }
    guard shown.count <= LineStyle.count else {
      throw InputError(
        message:
          "\(shown.count) values of \(comparison.name) can't be told apart in a figure, \(LineStyle.count) can; "
          + "choose some with values")
    }
    // What is the same of all pairs names no row.
    let telling = comparison.keptNames.indices.filter { i in
      Set(comparison.blocks.map { $0.kept[i] }).count > 1
    }
    let kept = comparison.blocks.map(\.kept).filter { kept in lines.contains { $0.block.kept == kept } }
    let scores = lines.reduce(into: [String]()) { if !$0.contains($1.score) { $0.append($1.score) } }
    let panels = scores.map { score in
      DifferencesPanel(
        title: score,
        rows: kept.map { kept in
          lines.filter { $0.score == score && $0.block.kept == kept }.map { line in
            DrawnDifference(
              line: shown.firstIndex(of: line.value)!, mean: line.differences.mean,
              interval: interval.flatMap { $0.method.interval(of: line.differences) },
              count: line.differences.count)
          }
        })
    }
    return DifferencesDrawing(
      title: "\(comparison.name): \(shown.joined(separator: ", ")) beside \(baseline)",
      rowName: telling.map { comparison.keptNames[$0] }.joined(separator: ", "),
      rows: kept.map { kept in telling.map { kept[$0] }.joined(separator: ", ") },
      xName: "difference from \(baseline)", legend: Legend(title: comparison.name, names: shown),
      panels: panels, notes: [note(lines)])
  }

  /// What points and bars are.
  private func note(_ lines: [ComparisonLine]) -> String {
    let counts = lines.map(\.differences.count)
    let (least, most) = (counts.min()!, counts.max()!)
    let bars = interval.map { ", bar: \($0.method.intervalTitle)" } ?? ""
    let single = least == 1 && interval != nil ? "; a single pair has no bar" : ""
    return
      "mean difference of pairs\(over.isEmpty ? "" : " over \(over.joined(separator: ", "))")\(bars), n = "
      + (least == most ? "\(most)" : "\(least) to \(most)") + single
  }

  private func write(_ lines: [ComparisonLine], _ comparison: PairedRows, _ baseline: String) throws {
    let corrected = PairedTest.holm(lines.map { $0.test?.probability })
    let cells = zip(lines, corrected).map { line, corrected in
      let ends = interval.flatMap { $0.method.interval(of: line.differences) }
      let identity = zip(comparison.keptNames, line.block.kept).map { ($0, TableLines.cell(label: $1)) }
      return identity + [
        (comparison.name, TableLines.cell(label: line.value)), ("baseline", TableLines.cell(label: baseline)),
        ("score", .string(line.score)), ("n", .integer(line.differences.count)),
        ("mean", TableLines.cell(number: line.mean)),
        ("baseline_mean", TableLines.cell(number: line.baselineMean)),
        ("difference", TableLines.cell(number: line.differences.mean)),
        ("difference_std", TableLines.cell(number: line.differences.deviation)),
      ]
        + (interval == nil
          ? []
          : [
            ("difference_low", TableLines.cell(number: ends?.lowerBound)),
            ("difference_high", TableLines.cell(number: ends?.upperBound)),
          ]) + [
          ("t", TableLines.cell(number: line.test?.t)),
          ("p_value", TableLines.cell(number: line.test?.probability)),
          ("signed_rank_p_value", TableLines.cell(number: line.signedRanks)),
          ("p_value_holm", TableLines.cell(number: corrected)),
          ("unpaired", .integer(line.unpaired)),
        ]
    }
    try TableLines(lines: cells).publish(csv: csv, json: json)
  }
}

/// One line of the table: a score of one value beside the baseline's, over the pairs.
private struct ComparisonLine {
  let block: PairedRows.Block
  let value: String
  let score: String
  let mean: Double
  let baselineMean: Double
  let differences: Sample
  let unpaired: Int

  init(
    block: PairedRows.Block, value: String, score: String,
    _ found: (pairs: [(value: Double, baseline: Double)], unpaired: [PairedRows.Unpaired])
  ) {
    (self.block, self.value, self.score) = (block, value, score)
    mean = Sample(found.pairs.map(\.value)).mean
    baselineMean = Sample(found.pairs.map(\.baseline)).mean
    differences = Sample(found.pairs.map { $0.value - $0.baseline })
    unpaired = found.unpaired.count
  }

  var test: (t: Double, probability: Double)? { PairedTest.student(differences) }
  var signedRanks: Double? { differences.count > 1 ? PairedTest.signedRanks(differences.values) : nil }
}

extension Compare: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let rows = ForeseenRows(foresight, "rows")
    if axis != PairedRows.stages, let problem = rows.problem(withDimension: axis) {
      foresight.mistake("axis", problem)
    }
    for (i, name) in over.enumerated() {
      if let problem = rows.problem(withAxis: name) { foresight.mistake("over.\(i)", problem) }
    }
    for (i, score) in columns.enumerated() {
      if let problem = rows.problem(withScore: score) { foresight.mistake("columns.\(i)", problem) }
    }
    if let i = values.firstIndex(of: baseline) {
      foresight.mistake("values.\(i)", "'\(baseline)' is the baseline and can't be compared with itself")
    }
  }
}

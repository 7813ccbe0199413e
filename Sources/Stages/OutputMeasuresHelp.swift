// Owns what help says of the measures of outputs. It stands apart from other help, so that no kind reaches the measures by
// the help that it shares with others.

import Stitching

extension OutputMeasure {
  /// Each measure with its formula and its range, a line each.
  static var outputMeasuresHelp: String {
    allOutputMeasures.map { measure in
      let ends = [measure.range.lowerBound, measure.range.upperBound].map { "\(Int($0))" }
      return "- \(measure.name): \(measure.summary). From \(ends[0]) to \(ends[1]), a \(measure.direction). "
        + measure.citation
    }.joined(separator: "\n")
  }
}

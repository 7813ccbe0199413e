// Owns the stage kind `curves`.

import Statistics
import Workflow

struct Curves: StageKind {
  static let name = "curves"
  static let summary = "histories of trainings or fits over their epochs, as a figure (SVG, Vega-Lite)"
  static let discussion = """
    One panel for each list of the histories, such as loss and accuracy; one line for each row, told apart by its axes. \
    With `over`, rows that differ only in these axes make one line, their mean, in a band of one sample standard \
    deviation to both sides, or of an interval for the mean; how many they are stands in the figure. Such a line ends \
    with the shortest of its histories, and the figure says so.
    """

  @Input("the histories; one, or a whole group", .scores, labelled: true) var rows: [InputArtifact]
  @Parameter("which lists, each a panel; all by default") var values: [String] = []
  @Parameter("axes to take the mean over, such as [seed]") var over: [String] = []
  @Parameter("std: a sample standard deviation to both sides; interval: for the mean; none") var band =
    BandChoice.std
  @Parameter("of the means, where the band is one") var interval = IntervalChoice(StudentWords())
  @Parameter("what the entries of the lists are counted by") var x = "epoch"
  @Parameter("above the figure") var title = "Training"
  @Output("the figure", .figure) var figure: OutputArtifact
  @Output("the figure as a description with its data", .vegaLite) var vegaLite: OutputArtifact

  func run(in context: StageContext) throws {
    let histories = try ScoreRows(rows)
    guard !histories.rows.isEmpty else { throw InputError(message: "there are no rows") }
    let averaged = Set(try over.map(histories.axis))
    let names = values.isEmpty ? histories.listNames : try values.map(histories.list)
    guard !names.isEmpty else {
      throw InputError(message: ScoreRows.withoutLists)
    }
    let lines = ScoreLines(histories, along: histories.axes.filter { !averaged.contains($0) })
    guard lines.runs.count <= LineStyle.count else {
      throw InputError(
        message:
          "\(lines.runs.count) lines can't be told apart, \(LineStyle.count) can; take the mean over an axis (over), or "
          + "fewer rows")
    }
    let panels = names.map { name in
      LinePanel(
        title: name.replacing("_", with: " "), yName: Self.axisName(name),
        lines: lines.runs.map { points($0.rows.compactMap { $0.lists[name] }) })
    }
    guard panels.contains(where: { $0.lines.contains { !$0.isEmpty } }) else {
      throw InputError(message: "the histories are all empty: nothing was trained")
    }
    let counts = lines.runs.indices.map { i in
      panels.map { $0.lines[i].first?.count ?? 0 }.max() ?? 0
    }
    let texts = zip(lines.runs, counts).map { run, count in
      let name = run.name.isEmpty ? "–" : run.name
      return !over.isEmpty && Set(counts).count > 1 ? "\(name) (n = \(count))" : name
    }
    var notes = [
      over.isEmpty
        ? "each line is one run (n = 1)" : band.note(over: over, counts: counts, interval: interval.method)
    ]
    if names.contains(where: { name in
      lines.runs.contains { Set($0.rows.compactMap { $0.lists[name]?.count }).count > 1 }
    }) {
      notes.append("histories of different lengths: a mean ends with the shortest")
    }
    let drawing = LinesDrawing(
      title: title, xName: x, places: .counts,
      legend: Legend(title: lines.axes.joined(separator: ", "), names: texts, hasPoints: false),
      panels: panels,
      isOneScore: false, notes: notes)
    try drawing.publish(svg: figure, vegaLite: vegaLite)
  }

  /// Histories that make one line.
  private func points(_ histories: [[Double]]) -> [LinePoint] {
    (0..<(histories.map(\.count).min() ?? 0)).map { i in
      LinePoint(at: Double(i + 1), Sample(histories.map { $0[i] }), band, interval.method)
    }
  }

  /// A list with its unit, as far as its name says it.
  private static func axisName(_ list: String) -> String {
    let name = list.replacing("_", with: " ")
    if list.hasSuffix("accuracy") { return name + " (share of images)" }
    return list.hasSuffix("loss") ? name + " (mean of the epoch)" : name
  }
}

extension Curves: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let rows = ForeseenRows(foresight, "rows")
    for (i, axis) in over.enumerated() {
      if let problem = rows.problem(withAxis: axis) { foresight.mistake("over.\(i)", problem) }
    }
    for (i, name) in values.enumerated() {
      if let problem = rows.problem(withList: name) { foresight.mistake("values.\(i)", problem) }
    }
    if values.isEmpty, let problem = rows.problemWithoutLists {
      foresight.mistake("rows", problem)
    }
  }
}

// Owns the panels of a figure: the rows of each combination of some axes' values.

import Workflow

extension ScoreRows {
  /// The rows of each panel, in the order of the facets' values; panels without rows are left out.
  func scorePanels(_ facets: [Dimension]) -> [(title: String, rows: [ScoreRow])] {
    var panels = [(title: "", rows: rows)]
    for facet in facets {
      let values = orderedValues(of: [facet])
      let texts = ScoreRows.dimensionTexts(values)
      panels = panels.flatMap { panel in
        zip(values, texts).map { value, text in
          (
            (panel.title.isEmpty ? "" : panel.title + ", ") + "\(facet.name) \(text)",
            panel.rows.filter { $0.dimensionValue(of: facet) == value }
          )
        }
      }
    }
    return panels.filter { !$0.rows.isEmpty }
  }
}

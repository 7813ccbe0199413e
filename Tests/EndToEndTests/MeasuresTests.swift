// Published values of measures come out of a pipeline, from a file of arrays to a table.

import Canonical
import Foundation
import Testing

@Suite struct MeasuresTests {
  /// Values on which several public implementations agree, where the folder with them lies beside the package.
  @Test func publishedValuesComeOutOfAPipeline() throws {
    let oracles = Project.package.deletingLastPathComponent().appending(path: "shared/oracles")
    guard let table = try? String(contentsOf: oracles.appending(path: "measures.csv"), encoding: .utf8) else {
      return
    }
    let project = try Project()
    try project.write("inputs.npz", Data(contentsOf: oracles.appending(path: "inputs.npz")))
    try project.write(
      "measures.yaml",
      """
      version: 1
      stages:
        acts:
          matrix: { array: [X, Y] }
          uses: activations/import
          with: { path: inputs.npz, array: "${matrix.array}" }
        compared:
          uses: similarity
          with:
            x: "${acts[array=X]}"
            y: "${acts[array=Y]}"
            measures:
              - linear_cka
              - procrustes_angular
              - procrustes_normalised_sqrt
              - mean_cca
              - { measure: svcca, share: 0.99 }
              - linear_regression
              - { measure: rsa, distance: pearson }
              - hard_correlation_match
              - { measure: jaccard_knn, k: 10, nearness: cosine }
      """)
    let run = try project.bobbin("run", "measures.yaml")
    #expect(run.status == 0, "\(run.errors)")
    let got = try project.bobbin("get", "measures.yaml", "compared", "-o", "-")
    let scores = try JSON(parsing: got.output)
    let names = [
      "svcca_0.99": "svcca", "rsa_pearson_spearman": "rsa", "jaccard_knn10_cosine": "jaccard_knn",
    ]
    let lines = table.split(separator: "\n").dropFirst()
    #expect(scores.objectValue?.count == lines.count)
    for line in lines {
      let cells = line.split(separator: ",").map(String.init)
      let (found, expected) = (scores[names[cells[0]] ?? cells[0]]?.doubleValue, Double(cells[1]))
      #expect(try abs(#require(found, "\(line)") - #require(expected)) < 1e-6, "\(line)")
    }
  }
}

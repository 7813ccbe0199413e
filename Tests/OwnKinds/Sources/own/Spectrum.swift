// Owns the stage kind `own/spectrum`.

import Canonical
import Foundation
import Tensor
import Workflow

struct Spectrum: StageKind {
  static let name = "own/spectrum"
  static let summary = "the extreme singular values of a matrix that is hard to invert"

  @Parameter("rows and columns", .between(1, 100)) var size: Int
  @Output("the values by name", ArtifactType("scores", fileExtension: "json")) var scores: OutputArtifact

  func run(in context: StageContext) throws {
    let values = try hilbert(size).singularValues()
    let named: JSON = ["largest": .number(values.max()!), "smallest": .number(values.min()!)]
    try Data(named.canonical.utf8).write(to: scores.url)
    print("pid \(getpid())")
  }
}

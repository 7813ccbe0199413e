// Owns what a command line means by `stitched[method=fula].map`: the same grammar and the same errors as in
// the file.

import Workflow

extension Pipeline {
  /// The instances that `text` means (`stitched`, `stitched[cut=stem|stage1.0]`, an instance's canonical
  /// name), each with the output after the dot if there is one. Throws `PipelineFileError`.
  public func select(_ text: String) throws -> [(instance: Int, output: String?)] {
    if let exact = graph.index(of: text) { return [(exact, nil)] }
    let place = Place(file: text, line: 0, column: 0)
    do {
      let path = try Expression.path(text, at: place)
      guard !Path.roots.contains(path.root) else {
        throw DecodingIssue(place, "expected a stage, found '\(path.root)'")
      }
      let group = try selection.evaluator.group(path, at: place, in: nil)
      return group.members.map { (selection.offsets[group.stage] + $0, group.output) }
    } catch let issue as DecodingIssue {
      throw PipelineFileError([issue])
    }
  }
}

/// What selections are read against.
final class Selection: @unchecked Sendable {
  // The evaluator caches as it goes; a command line selects from one thread.
  let evaluator: Evaluator
  let offsets: [Int]

  init(_ evaluator: Evaluator) {
    self.evaluator = evaluator
    var total = 0
    offsets = evaluator.stages.map { stage in
      defer { total += stage!.count }
      return total
    }
  }
}

// Owns which stage refers to which, the order that follows, and the cycles that forbid one.

import Workflow

/// The references between stages.
struct References {
  /// For each stage those it refers to, in the order written.
  private(set) var of: [[Int]]
  /// Every stage after those it refers to.
  private(set) var order: [Int] = []

  init(_ declarations: [StageDeclaration], _ evaluator: Evaluator) throws {
    var issues = IssueCollector()
    var places: [[Place]] = []
    of = []
    for declaration in declarations {
      var targets: [Int] = []
      var here: [Place] = []
      try issues.collect("stage '\(declaration.name)'") {
        var missing: DecodingIssue?
        for template in declaration.templates {
          template.visitPaths { path, place in
            guard !["params", "matrix", "out"].contains(path.root) else { return }
            if let target = evaluator.index(of: path.root) {
              guard !targets.contains(target) else { return }
              targets.append(target)
              here.append(place)
            } else if missing == nil {
              let cure = cure(for: path, in: declaration, evaluator)
              missing = DecodingIssue(place, "there is no stage '\(path.root)'\(cure)")
            }
          }
        }
        if let missing { throw missing }
      }
      of.append(targets)
      places.append(here)
    }
    try issues.throwIfAny()

    var readers = [[Int]](repeating: [], count: declarations.count)
    for (s, targets) in of.enumerated() { for target in targets { readers[target].append(s) } }
    var waiting = of.map(\.count)
    order = waiting.indices.filter { waiting[$0] == 0 }
    var next = 0
    while next < order.count {
      for reader in readers[order[next]] {
        waiting[reader] -= 1
        if waiting[reader] == 0 { order.append(reader) }
      }
      next += 1
    }
    guard order.count < declarations.count else { return }

    // Every stage left over refers to another one left over: following those ends in a cycle.
    var walk = [waiting.firstIndex { $0 > 0 }!]
    while true {
      let target = of[walk.last!].first { waiting[$0] > 0 }!
      if let start = walk.firstIndex(of: target) {
        let cycle = Array(walk[start...])
        // Told from its first stage in the file.
        let first = cycle.indices.min { cycle[$0] < cycle[$1] }!
        let stages = cycle[first...] + cycle[..<first]
        let s = stages.first!
        let after = stages.dropFirst().first ?? s
        let names = (stages + [s]).map { declarations[$0].name }.joined(separator: " → ")
        throw DecodingIssue(
          places[s][of[s].firstIndex(of: after)!],
          "stage '\(declarations[s].name)': stages refer to each other in a cycle: \(names)")
      }
      walk.append(target)
    }
  }
}

/// What `path`, which names no stage, may have been meant for: a stage, an axis or a parameter.
private func cure(for path: Path, in stage: StageDeclaration, _ evaluator: Evaluator) -> String {
  let scopes = [("matrix", stage.matrix.map(\.name)), ("params", evaluator.params.names)]
  func meant(_ name: (String, [String]) -> String?) -> String? {
    let found = scopes.compactMap { scope, names in name(path.root, names).map { "${\(scope).\($0)}" } }
    return found.isEmpty ? nil : didYouMean(found)
  }
  if let exact = meant({ $1.contains($0) ? $0 : nil }) { return exact }
  if let near = nearestName(to: path.root, in: evaluator.stageNames) { return didYouMean([near]) }
  if let near = meant({ nearestName(to: $0, in: $1) }) { return near }
  if stage.command != nil, path.selectors.isEmpty, path.members.isEmpty {
    return "; the shell's own is written $${\(path.root)}"
  }
  return suggestion(for: path.root, in: evaluator.stageNames)
}

// Owns which stage refers to which, the order that follows, and the cycles that forbid one.

import Workflow

/// The references between stages.
struct References {
  /// For each stage those it refers to, in the order written.
  private(set) var of: [[Int]]
  /// Every stage after those it refers to; without those that refer to stages that aren't there, or in a cycle.
  private(set) var order: [Int] = []

  /// - Parameter declarations: nil where something is wrong with it.
  init(_ declarations: [StageDeclaration?], _ evaluator: Evaluator, _ issues: inout IssueCollector) throws {
    var places: [[Place]] = []
    var broken = Set<Int>()
    of = []
    for (s, declaration) in declarations.enumerated() {
      var targets: [Int] = []
      var here: [Place] = []
      defer {
        of.append(targets)
        places.append(here)
      }
      guard let declaration else { continue }
      let whole: Void? = try issues.collect("stage '\(declaration.name)'") {
        var missing: DecodingIssue?
        for template in declaration.templates {
          template.visitPaths { path, place in
            guard !Path.roots.contains(path.root) else { return }
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
      if whole == nil { broken.insert(s) }
    }

    var readers = [[Int]](repeating: [], count: declarations.count)
    for (s, targets) in of.enumerated() { for target in targets { readers[target].append(s) } }
    var waiting = of.map(\.count)
    order = waiting.indices.filter { waiting[$0] == 0 && !broken.contains($0) }
    var next = 0
    while next < order.count {
      for reader in readers[order[next]] {
        waiting[reader] -= 1
        if waiting[reader] == 0, !broken.contains(reader) { order.append(reader) }
      }
      next += 1
    }
    // Of stages left over, some wait for broken ones; the rest refer to each other.
    for s in 0..<declarations.count where waiting[s] > 0 {
      if let cycle = cycle(from: s, waiting) {
        // Told from its first stage in the file.
        let first = cycle.indices.min { cycle[$0] < cycle[$1] }!
        let stages = cycle[first...] + cycle[..<first]
        let s = stages.first!
        let after = stages.dropFirst().first ?? s
        let names = (stages + [s]).map { evaluator.stageNames[$0] }.joined(separator: " → ")
        let place = places[s][of[s].firstIndex(of: after)!]
        try issues.collect("stage '\(evaluator.stageNames[s])'") {
          throw DecodingIssue(place, "stages refer to each other in a cycle: \(names)")
        }
        return
      }
    }
  }

  /// Follows from `start` the first reference of each stage that leads to a stage which waits; nil where that ends.
  private func cycle(from start: Int, _ waiting: [Int]) -> [Int]? {
    var walk = [start]
    while let target = of[walk.last!].first(where: { waiting[$0] > 0 }) {
      if let start = walk.firstIndex(of: target) { return Array(walk[start...]) }
      walk.append(target)
    }
    return nil
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

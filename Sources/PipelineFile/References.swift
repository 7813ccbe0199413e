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
              let isShells = declaration.command != nil && path.selectors.isEmpty && path.members.isEmpty
              let known = declarations.map(\.name)
              let cure =
                isShells && nearestName(to: path.root, in: known) == nil
                ? "; the shell's own is written $${\(path.root)}" : suggestion(for: path.root, in: known)
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

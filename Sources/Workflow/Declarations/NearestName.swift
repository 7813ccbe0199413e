// Owns "Did you mean …?": the known name nearest to what was written. Everything that says so asks here.

/// The known name nearest to `name` by edit distance (insertions, deletions, substitutions and swaps of
/// neighbours), if it is near enough to be a slip; ties go to the first. Case, `-`, `_` and `+` don't count: `taskLoss`
/// and `task-loss` are `task_loss`.
public func nearestName(to name: String, in known: some Sequence<String>) -> String? {
  let limit = max(1, min(3, name.count / 2))
  var best: (name: String, distance: Int)?
  for candidate in known {
    let distance = editDistance(folded(name), folded(candidate))
    if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  return best?.name
}

/// `. Did you mean 'x'?`, or what else is known: `. Known: a, b`; the empty string when nothing is.
public func suggestion(for name: String, in known: some Collection<String>) -> String {
  if let near = nearestName(to: name, in: known) { return didYouMean([near]) }
  return known.isEmpty ? "" : ". Known: \(known.sorted().joined(separator: ", "))"
}

/// `. Did you mean 'x' or 'y'?`
public func didYouMean(_ names: [String]) -> String {
  ". Did you mean \(names.map { "'\($0)'" }.joined(separator: " or "))?"
}

private func folded(_ name: String) -> [Character] { name.lowercased().filter { !"-_+".contains($0) } }

private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
  var rows = [Array(0...b.count)]
  for i in 1...a.count {
    var row = [i] + Array(repeating: 0, count: b.count)
    for j in 1...b.count {
      row[j] = min(
        rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
        row[j] = min(row[j], rows[i - 2][j - 2] + 1)
      }
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}

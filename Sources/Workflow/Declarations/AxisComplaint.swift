// Owns what is said of a name that means no axis, or more than one.

import Canonical

extension AxisNames {
  /// The end of a sentence whose subject is what has these axes: `has no axis 'sed'. Did you mean 'seed'?`.
  public func complaint(about name: String) -> String {
    if case .several(let axes) = meaning(of: name) {
      return "has several axes '\(name)': \(axes.joined(separator: ", ")). Name one of them"
    }
    return "has no axis '\(name)'\(suggestion(for: name, in: full.map(shortest)))"
  }
}

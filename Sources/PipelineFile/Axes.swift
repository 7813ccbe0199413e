// Owns the axes of one stage as a whole: finding one by its own name, or by the end of its full name.

import Canonical
import Workflow

/// The axes of a stage, in the order written.
final class Axes: RandomAccessCollection {
  private let list: [Axis]
  private let positions: [String: Int]
  /// The full names of all axes, those of groups' members included: `front`, `front.seed`.
  let names: AxisNames
  /// What `Evaluator.axis` has found, by the name as written.
  var found: [String: (axis: Int, rest: ArraySlice<String>)] = [:]

  init(_ list: [Axis]) {
    self.list = list
    positions = Dictionary(uniqueKeysWithValues: list.enumerated().map { ($1.name, $0) })
    names = AxisNames(list.flatMap(\.fullNames))
  }

  var startIndex: Int { 0 }
  var endIndex: Int { list.count }
  subscript(axis: Int) -> Axis { list[axis] }

  /// The position of an axis by the name that the stage gives it.
  func position(of name: String) -> Int? { positions[name] }
}

extension Evaluator {
  /// The axis that names (`front.seed`, or `seed` where one axis ends so) mean, and which of them are left to follow
  /// from its members; nil if there is none. What begins with the name of an axis is read from there if that leads
  /// anywhere. Throws `DecodingIssue` if several are meant; `subject` has them.
  func axis(
    _ names: [String], of axes: Axes, _ subject: String, at place: Place
  ) throws -> (axis: Int, rest: ArraySlice<String>)? {
    let written = names.joined(separator: ".")
    if let known = axes.found[written] { return known }
    let found = try find(names, in: axes, subject, at: place)
    axes.found[written] = found
    return found
  }

  private func find(
    _ names: [String], in axes: Axes, _ subject: String, at place: Place
  ) throws -> (axis: Int, rest: ArraySlice<String>)? {
    if let axis = axes.position(of: names[0]),
      leads(names.dropFirst(), from: axes[axis], at: place)
    {
      return (axis, names.dropFirst())
    }
    for count in names.indices.reversed() {
      let name = names[...count].joined(separator: ".")
      switch axes.names.meaning(of: name) {
      case .axis(let full):
        let words = full.split(separator: ".").map(String.init) + names[(count + 1)...]
        return (axes.position(of: words[0])!, words.dropFirst())
      case .several: throw DecodingIssue(place, "\(subject) \(axes.names.complaint(about: name))")
      case .none: continue
      }
    }
    return nil
  }
}

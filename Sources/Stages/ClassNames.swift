// Owns finding a dataset's class by what somebody calls it.

import Datasets
import Workflow

/// The classes of a dataset.
struct ClassNames {
  let dataset: String
  let count: Int
  /// nil where they have none.
  let names: [String]?

  init(dataset: String, count: Int, names: [String]?) {
    self.dataset = dataset
    self.count = count
    self.names = names
  }

  init(_ half: HalfDescription) {
    self.init(dataset: half.name, count: half.classes, names: half.classNames)
  }

  /// The number of a class; where classes have names, by its name or by its number.
  func number(_ written: String) throws -> Int {
    if let number = names?.firstIndex(of: written) { return number }
    if let number = Int(written), (0..<count).contains(number) { return number }
    let near = names.flatMap { nearestName(to: written, in: $0) }.map { " Did you mean '\($0)'?" } ?? ""
    let there = names.map { " (\($0.prefix(12).joined(separator: ", "))\($0.count > 12 ? ", …" : ""))" } ?? ""
    throw InputError(
      message: "\(dataset) has no class '\(written)'.\(near) It has 0…\(count - 1)\(there)")
  }

  func numbers(_ written: [String]) throws -> [Int] {
    let numbers = try written.map(number)
    if let twice = numbers.indices.first(where: { numbers[..<$0].contains(numbers[$0]) }) {
      throw InputError(message: "'\(written[twice])' is a class that is written twice")
    }
    return numbers
  }
}

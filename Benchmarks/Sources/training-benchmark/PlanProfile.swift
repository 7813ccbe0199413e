// Owns how a plan's profile is told: every step, what the kinds of steps take together, and the floor.

import Foundation
import NeuralNetworks

/// The measured steps of a plan.
struct PlanProfile {
  let steps: [StepProfile]
  /// What the layers with parameters are called, for telling layers and kinds of steps apart.
  private let layers: Set<Substring>

  init(_ work: Work) throws {
    steps = try work.plan.profile(passes: 7)
    layers = Set(
      work.architecture.parameterShapes.map { $0.name[..<($0.name.lastIndex(of: ".") ?? $0.name.endIndex)] })
  }

  /// The seconds of what can't be left out: steps whose multiplications are counted, convolutions and matrix products,
  /// forward and backward, each at its shortest within the plan.
  var floor: Double { steps.filter { $0.operations > 0 }.reduce(0) { $0 + $1.seconds } }

  /// Every step in the plan's order, then the shares of the kinds of steps.
  var table: String {
    let columns = [("ms", 9), ("GFLOP/s", 9), ("GB/s", 7), ("MB", 8)].map {
      String(repeating: " ", count: $0.1 - $0.0.count) + $0.0
    }.joined()
    var lines = [columns + "  step"]
    let total = steps.reduce(0) { $0 + $1.seconds }
    for step in steps {
      // Two operations for each multiplication with its addition.
      let speed =
        step.operations > 0 ? row(2 * Double(step.operations) / step.seconds / 1e9, 9, 0) : "        –"
      lines.append(
        row(step.seconds * 1e3, 9, 3) + speed + row(Double(step.bytes) / step.seconds / 1e9, 7, 0)
          + row(Double(step.bytes) / 1e6, 8, 1)
          + "  \(step.phase.rawValue): \(step.name) (\(step.implementation)) "
          + step.shapes.map { $0.map(String.init).joined(separator: "×") }.joined(separator: " "))
    }
    lines.append("")
    let kinds = Dictionary(grouping: steps) { step in
      step.name.split(separator: " ").prefix { !$0.hasPrefix("[") && !layers.contains($0) }.joined(
        separator: " ")
    }
    let sums = kinds.mapValues { $0.reduce(0) { $0 + $1.seconds } }.sorted { $0.value > $1.value }
    for (kind, seconds) in sums {
      lines.append(row(seconds * 1e3, 9, 3) + row(seconds / total * 100, 7, 1) + " %  \(kind)")
    }
    lines.append(row(total * 1e3, 9, 3) + "  all steps")
    lines.append(row(floor * 1e3, 9, 3) + "  convolutions and matrix products alone: the floor")
    return lines.joined(separator: "\n")
  }

  private func row(_ value: Double, _ width: Int, _ digits: Int) -> String {
    let text = String(format: "%.\(digits)f", value)
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

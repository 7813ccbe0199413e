// Measures of outputs against formulas that are written otherwise, on outputs that are drawn, and where they are at the
// ends of their ranges.
import Foundation
import Stitching
import Tensor
import Testing

@Suite struct OutputMeasuresTests {
  private static let (count, classes) = (60, 5)
  private static let draws = Philox(seed: 7, purpose: .tests)

  /// Logits of two networks that know something of labels, and the labels.
  private static let drawn: (a: Tensor, b: Tensor, labels: [Int32]) = {
    let labels = (0..<count).map { Int32(draws.integer(at: UInt64($0), below: classes)) }
    func logits(_ stream: Int) -> Tensor {
      Tensor(
        shape: [count, classes],
        values: (0..<(count * classes)).map { i in
          Float(2 * draws.stream(stream).normal(at: UInt64(i)))
            + (Int(labels[i / classes]) == i % classes ? 2 : 0)
        })
    }
    return (logits(1), logits(2), labels)
  }()

  private static func softmax(_ logits: Tensor) -> [[Double]] {
    let values = logits.values.map { Foundation.exp(Double($0)) }
    return (0..<logits.shape[0]).map { row in
      let part = Array(values[(row * classes)..<((row + 1) * classes)])
      return part.map { $0 / part.reduce(0, +) }
    }
  }

  private static func told(_ logits: Tensor) -> [Int] {
    softmax(logits).map { row in row.indices.max { row[$0] < row[$1] }! }
  }

  private static func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }

  /// Each measure as somebody else would write it.
  private static let formulas: [String: @Sendable () -> Double] = [
    "agreement": {
      zip(softmax(drawn.a), softmax(drawn.b)).reduce(0) {
        $0 + dot($1.0, $1.1) / max(dot($1.0, $1.0), dot($1.1, $1.1))
      } / Double(count)
    },
    "chance_agreement": {
      var sum = 0.0
      for p in softmax(drawn.a) { for q in softmax(drawn.b) { sum += dot(p, q) / max(dot(p, p), dot(q, q)) } }
      return sum / Double(count * count)
    },
    "disagreement": {
      Double(zip(told(drawn.a), told(drawn.b)).count { $0 != $1 }) / Double(count)
    },
    "error_consistency": {
      // κ of a table of two by two: 2(n₁₁n₀₀ − n₁₀n₀₁) / ((n₁₁+n₁₀)(n₁₀+n₀₀) + (n₁₁+n₀₁)(n₀₁+n₀₀)).
      var n = [0.0, 0, 0, 0]
      for (label, (a, b)) in zip(drawn.labels, zip(told(drawn.a), told(drawn.b))) {
        n[(a == Int(label) ? 2 : 0) + (b == Int(label) ? 1 : 0)] += 1
      }
      return 2 * (n[3] * n[0] - n[2] * n[1]) / ((n[3] + n[2]) * (n[2] + n[0]) + (n[3] + n[1]) * (n[1] + n[0]))
    },
    "jensen_shannon_divergence": {
      func entropy(_ p: [Double]) -> Double { -p.reduce(0) { $0 + $1 * Foundation.log2($1) } }
      return zip(softmax(drawn.a), softmax(drawn.b)).reduce(0) { sum, pair in
        let middle = zip(pair.0, pair.1).map { ($0 + $1) / 2 }
        return sum + entropy(middle) - (entropy(pair.0) + entropy(pair.1)) / 2
      } / Double(count)
    },
  ]

  @Test(arguments: OutputMeasure.allOutputMeasures.map(\.name))
  func everyMeasureAgreesWithAnIndependentFormula(name: String) throws {
    let measure = try #require(OutputMeasure.allOutputMeasures.first { $0.name == name })
    let formula = try #require(Self.formulas[name], "a formula for the measure")
    let outputs = try PairedOutputs(Self.drawn.a, Self.drawn.b, labels: Self.drawn.labels)
    let value = try #require(measure(outputs))
    #expect(abs(value - formula()) < 1e-12)
    #expect(measure.range.contains(value) && value != measure.range.lowerBound)
    // None of them tells which network came first.
    let turned = try PairedOutputs(Self.drawn.b, Self.drawn.a, labels: Self.drawn.labels)
    #expect(try abs(#require(measure(turned)) - value) < 1e-12)
  }

  @Test func theSameOutputsAreAtOneEndOfEveryRangeAndOthersAtTheOther() throws {
    // Two inputs of two classes, each network sure; the labels are 0 and 1.
    let right = Tensor(shape: [2, 2], values: [1000, 0, 0, 1000])
    let wrong = Tensor(shape: [2, 2], values: [0, 1000, 1000, 0])
    let half = Tensor(shape: [2, 2], values: [1000, 0, 1000, 0])
    let otherHalf = Tensor(shape: [2, 2], values: [0, 1000, 0, 1000])
    func value(_ measure: OutputMeasure, _ a: Tensor, _ b: Tensor) throws -> Double? {
      measure(try PairedOutputs(a, b, labels: [0, 1]))
    }
    for measure in OutputMeasure.allOutputMeasures where measure.direction != .level {
      let range = measure.range
      let ends =
        measure.direction == .similarity
        ? (range.upperBound, range.lowerBound) : (range.lowerBound, range.upperBound)
      #expect(try value(measure, half, half) == ends.0, "\(measure.name)")
      #expect(try value(measure, half, otherHalf) == ends.1, "\(measure.name)")
    }
    // Always right and always wrong: nothing is left for chance to explain.
    #expect(try value(.errorConsistency, right, right) == nil)
    #expect(try value(.errorConsistency, wrong, wrong) == nil)
    #expect(try value(.errorConsistency, right, wrong) == 0)
    #expect(try value(.chanceAgreement, right, right) == 0.5)
  }

  @Test func whatCantBeComparedIsToldWithItsPlace() throws {
    let two = Tensor(zeros: [2, 2])
    let refused: [(Tensor, Tensor, [Int32], String)] = [
      (two, Tensor(zeros: [1, 2]), [0, 1], "logits of shapes [2, 2] and [1, 2] can't be compared"),
      (
        Tensor(zeros: [0, 2]), Tensor(zeros: [0, 2]), [],
        "logits of shapes [0, 2] and [0, 2] can't be compared"
      ),
      (two, two, [0], "there are 1 labels for the outputs of 2 inputs"),
      (two, Tensor(shape: [2, 2], values: [0, 0, 0, .nan]), [0, 1], "output 1 for input 1 is nan"),
      (Tensor(shape: [2, 2], values: [.infinity, 0, 0, 0]), two, [0, 1], "output 0 for input 0 is inf"),
    ]
    for (a, b, labels, message) in refused {
      #expect(throws: StitchingError(message)) { try PairedOutputs(a, b, labels: labels) }
    }
  }
}

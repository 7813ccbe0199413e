// Truncated representations and the probe of what is left of them.

import Tensor
import Testing

import Similarity

@Suite struct RankTruncationTests {
  private static let draws = Philox(seed: 21, purpose: .tests)

  /// Two classes apart along the second feature, which varies less than the first and more than the third.
  private func samples(_ count: Int, stream: Int) throws -> (Representation, [Int32]) {
    let labels = (0..<count).map { Int32($0 % 2) }
    let values = (0..<(count * 3)).map { i -> Float in
      let noise = Self.draws.stream(stream).normal(at: UInt64(i))
      switch i % 3 {
      case 0: return Float(10 * noise) + 4
      case 1: return Float(noise) + (labels[i / 3] == 0 ? 2 : -2)
      default: return Float(0.1 * noise)
      }
    }
    return (try Representation(Tensor(shape: [count, 3], values: values), name: "x"), labels)
  }

  @Test func aTruncationIsTheNearestOfItsRankAndTheWholeOneTheSame() throws {
    let (x, _) = try samples(40, stream: 1)
    let truncation = try RankTruncation(x)
    #expect(truncation.rank == 3)
    for rank in 1...3 {
      let made = try truncation.representation(rank: rank)
      let error = zip(made.tensor.values, x.tensor.values).reduce(0.0) {
        $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
      }
      let left = truncation.variances.dropFirst(rank).reduce(0, +)
      #expect(abs(error - left) < 1e-4 * (left + 1))
      // Itself it has no other directions.
      #expect(try RankTruncation(made).rank == rank)
    }
    #expect(try Measure.linearCKA(truncation.representation(rank: 3), x) > 1 - 1e-9)
    #expect(try Measure.linearCKA(truncation.representation(rank: 1), x) < 1)
  }

  @Test func theProbeReadsWhatIsInTheComponentsThatAreLeft() throws {
    let (x, labels) = try samples(200, stream: 1)
    let (others, otherLabels) = try samples(300, stream: 2)
    let accuracies = try RankTruncation(x).probe(
      ranks: [1, 2, 3], labels: labels, on: others, labels: otherLabels, classes: 2, ridge: 1e-3)
    #expect(abs(accuracies[0] - 0.5) < 0.12 && accuracies[1] > 0.9)
    // A wall of a penalty leaves the order of outputs, which is all that two even classes need.
    let strong = try RankTruncation(x).probe(
      ranks: [2], labels: labels, on: others, labels: otherLabels, classes: 2, ridge: 1e6)
    #expect(strong[0] < accuracies[1])

    // Ridge regression by the normal equations, (XᵀX + λI)⁻¹XᵀY, of the two features that have all but the last of it.
    let lambda = try 1e-3 * RankTruncation(x).variances[0]
    func rows(_ r: Representation) -> [[Double]] {
      (0..<r.n).map { i in (0..<3).map { Double(r.tensor.values[3 * i + $0]) } }
    }
    let own = rows(x)
    let mean = (0..<3).map { j in own.reduce(0) { $0 + $1[j] } / 200 }
    var gram = Matrix(zeros: 3, 3)
    var cross = [0.0, 0, 0]
    for (row, label) in zip(own, labels) {
      for i in 0..<3 {
        // ±1/2 for the two classes, the difference of the two one-hot outputs.
        cross[i] += (row[i] - mean[i]) * (label == 0 ? 1 : -1)
        for j in 0..<3 { gram[i, j] += (row[i] - mean[i]) * (row[j] - mean[j]) }
      }
    }
    for i in 0..<3 { gram[i, i] += lambda }
    // Gauss and Jordan.
    for i in 0..<3 {
      for k in 0..<3 where k != i {
        let factor = gram[k, i] / gram[i, i]
        for j in 0..<3 { gram[k, j] -= factor * gram[i, j] }
        cross[k] -= factor * cross[i]
      }
    }
    let weights = (0..<3).map { cross[$0] / gram[$0, $0] }
    let right = zip(rows(others), otherLabels).count { row, label in
      let side = (0..<3).reduce(0.0) { $0 + weights[$1] * (row[$1] - mean[$1]) }
      return (side >= 0) == (label == 0)
    }
    #expect(accuracies[2] == Double(right) / 300)
  }

  @Test func whatHasNoDirectionsOrOtherFeaturesIsRefused() throws {
    let same = try Representation(Tensor(shape: [3, 2], values: [1, 2, 1, 2, 1, 2]), name: "x")
    #expect(throws: SimilarityError("x is the same for all 3 samples; it has no directions")) {
      try RankTruncation(same)
    }
    let one = try Representation(Tensor(shape: [1, 2], values: [1, 2]), name: "x")
    #expect(throws: SimilarityError("x has 1 samples; a truncation needs two")) { try RankTruncation(one) }
    let bad = try Representation(Tensor(shape: [2, 2], values: [1, .nan, 0, 2]), name: "x")
    #expect(throws: MatrixError.self) { try RankTruncation(bad) }
    let (x, labels) = try samples(10, stream: 1)
    #expect(throws: SimilarityError("y has 2 features, x has 3")) {
      try RankTruncation(x).probe(
        ranks: [1], labels: labels, on: Representation(Tensor(zeros: [1, 2]), name: "y"), labels: [0],
        classes: 2,
        ridge: 0)
    }
    // Dead units and fewer samples than features leave fewer directions.
    let few = try Representation(
      Tensor(
        shape: [3, 5], values: (0..<15).map { $0 % 5 == 2 ? 0 : Float(Self.draws.normal(at: UInt64($0))) }))
    #expect(try RankTruncation(few).rank == 2)
  }
}

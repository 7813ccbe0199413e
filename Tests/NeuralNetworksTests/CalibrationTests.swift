import Foundation
import NeuralNetworks
import Tensor
import Testing

struct CalibrationTests {
  /// Logits of two classes of which the first has the given probability.
  private func evaluation(_ probabilities: [Double], _ labels: [Int32]) throws -> Evaluation {
    let logits = probabilities.flatMap { [Float(log($0 / (1 - $0))), 0] }
    return try Evaluation(logits: Tensor(shape: [labels.count, 2], values: logits), labels: labels)
  }

  @Test func binsCountByTheirSize() throws {
    // Certainties 0.9, 0.9, 0.9 (two right) in one bin of fifteen, 0.6 and 0.62 (both right) in another.
    let some = try evaluation([0.9, 0.9, 0.1, 0.6, 0.62], [0, 1, 1, 0, 0])
    let expected = (3 * abs(2.0 / 3 - 0.9) + 2 * abs(1 - 0.61)) / 5
    #expect(abs(some.calibrationError() - expected) < 1e-6)
    // In one bin all come together.
    #expect(abs(some.calibrationError(bins: 1) - abs(4.0 / 5 - 3.92 / 5)) < 1e-6)
  }

  @Test func aNetworkThatIsRightAsOftenAsItSaysHasNone() throws {
    let honest = try evaluation([0.75, 0.75, 0.75, 0.75], [0, 0, 0, 1])
    #expect(honest.calibrationError() < 1e-7)
    let sure = try Evaluation(logits: Tensor(shape: [2, 2], values: [0, 900, 900, 0]), labels: [1, 1])
    #expect(abs(sure.calibrationError() - 0.5) < 1e-12)
    #expect(try Evaluation(logits: Tensor(zeros: [0, 2]), labels: []).calibrationError() == 0)
  }

  @Test func aConfusionMatrixCountsWhatIsTakenForWhat() throws {
    // Class 2 has no images, and none is told to be of class 1.
    let logits = Tensor(shape: [4, 3], values: [5, 1, 0, 5, 1, 0, 0, 1, 5, 3, 0, 1])
    let matrix = ConfusionMatrix(try Evaluation(logits: logits, labels: [0, 1, 1, 0]))
    #expect(matrix.counts == [[2, 0, 0], [1, 0, 1], [0, 0, 0]])
    let classes = matrix.classes
    #expect(classes.map(\.count) == [2, 2, 0] && classes.map(\.told) == [3, 0, 1])
    #expect(classes.map(\.accuracy) == [1, 0, nil])
    #expect(classes.map(\.precision) == [2.0 / 3, nil, 0])
    #expect(classes.map(\.f1) == [0.8, 0, 0])
  }
}

// Owns the family of maps that give each unit a partner.
public import Tensor

/// Each output is one input, no input is two outputs. Inputs are left over where there are fewer outputs; where there
/// are more, each input is used, and the other outputs are zero, or their mean where there is a bias. In closed form an
/// assignment. It has no training: there is nothing between one assignment and the next.
public struct PermutationFamily: MapFamily {
  /// What an assignment makes least.
  public enum Match: String, Sendable, CaseIterable {
    /// ‖S − T‖²; of as many inputs as outputs, this makes tr(W·XᵀY) the largest (Ainsworth et al. 2023).
    case error
    /// Less the sum of the partners' correlations, whatever their scale (Li et al. 2015); a unit that is constant
    /// correlates with none.
    case correlation
  }

  public var match: Match
  public var addsBias: Bool

  public init(match: Match = .error, addsBias: Bool = false) {
    self.match = match
    self.addsBias = addsBias
  }

  public var name: String { "a permutation" }
  public var canBeTrained: Bool { false }

  public func closedForm(_ statistics: RowStatistics, tolerance: RankTolerance) throws -> ClosedForm {
    let weights = try partners(cost(statistics))
    return ClosedForm(solution: statistics.solution(weights, withBias: addsBias))
  }

  public func nearestMember(to weight: Matrix) throws -> Matrix {
    try partners(-1 * weight.transposed).transposed
  }

  /// What it costs that an input (row) is an output (column).
  private func cost(_ statistics: RowStatistics) -> Matrix {
    let centred = addsBias || match == .correlation
    let products = statistics.inputsTimesOutputs(centred: centred)
    let gram = statistics.inputGram(centred: centred)
    switch match {
    case .error:
      return Matrix(
        products.rows, products.columns,
        values: products.values.enumerated().map { at, product in
          gram[at / products.columns, at / products.columns] - 2 * product
        })
    case .correlation:
      // A constant unit's squares less their mean are rounding.
      let raw = statistics.inputGram(centred: false)
      let inputs = (0..<gram.rows).map { variation(gram[$0, $0], of: raw[$0, $0]) }
      let outputs = zip(statistics.outputSquares, statistics.outputMeans).map { squares, mean in
        variation(squares - Double(statistics.rows) * mean * mean, of: squares)
      }
      return Matrix(
        products.rows, products.columns,
        values: products.values.enumerated().map { at, product in
          let scale = inputs[at / products.columns] * outputs[at % products.columns]
          return scale == 0 ? 0 : -product / scale
        })
    }
  }

  /// The root of a sum of squares less their mean; 0 where that is rounding of the squares.
  private func variation(_ centred: Double, of squares: Double) -> Double {
    centred <= 1e-12 * squares ? 0 : centred.squareRoot()
  }

  /// The weights, inputs × outputs, of the assignment that costs the least.
  private func partners(_ cost: Matrix) throws -> Matrix {
    var weights = Matrix(zeros: cost.rows, cost.columns)
    for (input, output) in try cost.leastCostAssignment().enumerated() {
      if let output { weights[input, output] = 1 }
    }
    return weights
  }
}

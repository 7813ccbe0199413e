// Owns keeping a map in its family while an optimiser moves it.
import NeuralNetworks
import Tensor

/// A live map whose weight stays in a family that isn't free: before an optimiser's step its gradient is made the
/// family's slope, after it the weight is brought back. Weight decay has to come before the first of these, so that the
/// optimiser must have none.
final class KeptFamily {
  private let family: any MapFamily
  private let parameters: ParameterSet
  private let weightDecay: Double
  private var weight = Matrix(zeros: 0, 0)
  private var slope = Matrix(zeros: 0, 0)

  /// nil for a free family, which needs none.
  init?(_ family: any MapFamily, _ parameters: ParameterSet, weightDecay: Double) {
    guard !family.canMoveAnywhere else { return nil }
    self.family = family
    self.parameters = parameters
    self.weightDecay = weightDecay
  }

  /// To be called before the optimiser's step.
  func direct(_ gradients: ParameterGradients) throws {
    func decayed(_ name: String) -> Tensor {
      let (gradient, value) = (gradients.tensor(name), parameters.tensor(name))
      return Tensor(
        shape: gradient.shape,
        values: zip(gradient.values, value.values).map { $0 + Float(weightDecay) * $1 })
    }
    weight = weightMatrix(parameters.tensor("weight"))
    let gradient = decayed("weight")
    slope = try family.slopeWithin(weightMatrix(gradient), at: weight)
    gradients.set("weight", to: weightTensor(slope, gradient.shape))
    let bias = decayed("bias")
    gradients.set("bias", to: family.addsBias ? bias : Tensor(zeros: bias.shape))
  }

  /// To be called after it.
  func restore() throws {
    let moved = parameters.tensor("weight")
    let kept = try family.broughtBack(weightMatrix(moved), from: weight, along: slope)
    parameters.set("weight", to: weightTensor(kept, moved.shape))
  }
}

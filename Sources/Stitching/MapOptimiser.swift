// Owns the steps of a live map: how far, within its family, and whether it still is one.
import NeuralNetworks
import Tensor

/// Adam on one map.
final class MapOptimiser {
  private let parameters: ParameterSet
  private let options: FitOptions
  private let optimiser: Optimiser
  private let kept: KeptFamily?

  init(_ parameters: ParameterSet, _ options: FitOptions) {
    self.parameters = parameters
    self.options = options
    kept = KeptFamily(options.map, parameters, weightDecay: options.weightDecay)
    let decay: Float = kept == nil ? Float(options.weightDecay) : 0
    optimiser = Optimiser(.adam(weightDecay: decay), for: parameters)
  }

  /// Moves the map by one step of an epoch of `steps`.
  /// - Parameter gradients: asked for where the loss is a number.
  /// - Throws: `StitchingError` where loss or map aren't finite.
  func step(
    loss: Double, epoch: Int, step: Int, of steps: Int, gradients: () throws -> ParameterGradients
  ) throws {
    let rate = LearningRate(options.learningRate, options.schedule).rate(
      epoch: epoch, step: step, stepsPerEpoch: steps, epochs: options.epochs)
    var culprit: String? = loss.isFinite ? nil : "the loss is \(loss)"
    if culprit == nil {
      let gradients = try gradients()
      try kept?.direct(gradients)
      optimiser.step(gradients, learningRate: rate)
      // A ReLU turns NaN into 0, so that a loss behind it may look fine.
      culprit = parameters.firstNotFinite.map { "the map's \($0) is not finite" }
    }
    if let culprit {
      throw StitchingError(
        "the fit diverged at epoch \(epoch + 1), step \(step + 1), at a learning rate of \(rate): \(culprit); a "
          + "smaller one may help")
    }
    try kept?.restore()
  }
}

// Owns the calibration error: how far a network's certainty is from how often it is right.

import Tensor

extension Evaluation {
  /// The expected calibration error, Σ_b |b|/n · |accuracy(b) − certainty(b)| (Naeini et al. 2015; Guo et al. 2017,
  /// eq. 3): images are put into bins ((b − 1)/B, b/B] by the largest softmax output. 0 for a network that is right as
  /// often as it says, also where there are no images.
  /// - Parameter bins: how many, all of the same width; 15 are usual.
  public func calibrationError(bins: Int = 15) -> Double {
    precondition(bins >= 1, "BUG: \(bins) bins")
    // Of each bin: how much more often it is right than it is sure, times images.
    var excess = [Double](repeating: 0, count: bins)
    let classes = logits.shape[1]
    logits.withUnsafeValues { z in
      for (row, label) in labels.enumerated() {
        let own = z[(row * classes)..<((row + 1) * classes)]
        guard let told = Loss.argMax(own) else { preconditionFailure("BUG: outputs that aren't finite") }
        let largest = Double(own[own.startIndex + told])
        let certainty = 1 / own.reduce(0) { $0 + Elementary.exp(Double($1) - largest) }
        let bin = min(max(Int((certainty * Double(bins)).rounded(.up)) - 1, 0), bins - 1)
        excess[bin] += (told == Int(label) ? 1 : 0) - certainty
      }
    }
    return labels.isEmpty ? 0 : excess.reduce(0) { $0 + abs($1) } / Double(labels.count)
  }
}

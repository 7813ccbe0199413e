// Owns centred kernel alignment with Gaussian kernels.
import Tensor

extension Measure {
  public static let rbfCKA = Measure(
    name: "rbf_cka",
    summary: "centred kernel alignment with Gaussian kernels: 1 for the same up to rotation and scale",
    formula:
      "HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)), Kᵢⱼ = exp(−‖xᵢ − xⱼ‖² / 2σ²), σ = bandwidth · median distance",
    citation: "Kornblith et al., Similarity of Neural Network Representations Revisited, ICML 2019",
    .similarity, 0...1,
    parameters: [
      .number("bandwidth", "σ, as a share of the median distance of two samples", 0.8, 0.001...1000)
    ],
    invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, settings in
    let bandwidth = settings.number("bandwidth")
    let (k, l) = (try pair.x.gaussianKernel(bandwidth), try pair.y.gaussianKernel(bandwidth))
    let (x, y) = (k.product(k), l.product(l))
    guard x > 0, y > 0 else {
      throw SimilarityError("with a bandwidth of \(bandwidth) all samples are equally far apart")
    }
    return min(1, max(0, k.product(l) / (x.squareRoot() * y.squareRoot())))
  }
}

extension Prepared {
  /// The kernel, with its rows and columns centred.
  fileprivate func gaussianKernel(_ bandwidth: Double) throws -> SamplePairs {
    let distances = try distances()
    return try shared("gaussian kernel \(bandwidth)", doubles: n * (n + 1) / 2) {
      let sorted = distances.values.sorted()
      let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
      guard median > 0 else {
        throw SimilarityError("\(name): half of its pairs of samples are the same; the median distance is 0")
      }
      let factor = -1 / (2 * bandwidth * bandwidth * median * median)
      var at = 0
      return SamplePairs(diagonal: [Double](repeating: 1, count: n)) { _, _ in
        defer { at += 1 }
        return Elementary.exp(distances.values[at] * distances.values[at] * factor)
      }.doublyCentred
    }
  }
}

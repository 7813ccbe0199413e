// Owns the distance of the shapes of two sets of samples at all scales.
import Tensor

extension Measure {
  /// The authors' program estimates the heat traces with random vectors; here they are exact.
  public static let imdScore = Measure(
    name: "imd_score", resi: "IMD",
    summary:
      "multi-scale intrinsic distance: how far heat spreads otherwise between neighbours, times 10⁶ as published",
    formula:
      "10⁶ max over t of exp(−2(t + 1/t)) |h_X(t) − h_Y(t)|, h(t) = tr exp(−tL)/n, L the normalised Laplacian of the "
      + "graph of nearest neighbours, 256 values of t from 0.1 to 10 evenly in their logarithm",
    citation: "Tsitsulin et al., The Shape of Data: Intrinsic Distance for Data Distributions, ICLR 2020",
    .distance, 0 ... .infinity, leastSamples: 3,
    parameters: [.whole("k", "neighbours of each sample in the graph", 5, 1...20_000)],
    invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, settings in
    let k = settings.whole("k")
    let (a, b) = (try pair.x.heatTraces(k), try pair.y.heatTraces(k))
    return 1e6
      * zip(temperatures, zip(a, b)).reduce(0) { most, point in
        let (t, (x, y)) = point
        return max(most, Elementary.exp(-2 * (t + 1 / t)) * abs(x - y))
      }
  }
}

private let temperatures = (0..<256).map { Elementary.exp((Double($0) * 2 / 255 - 1) * Elementary.log(10)) }

extension Prepared {
  /// Of each temperature, over n.
  fileprivate func heatTraces(_ k: Int) throws -> [Double] {
    let neighbours = try neighbours(k, .euclidean)
    return try shared("heat traces \(k)", doubles: temperatures.count) {
      var laplacian = Matrix(zeros: n, n)
      for i in 0..<n {
        for j in neighbours.of(i) { (laplacian[i, j], laplacian[j, i]) = (1, 1) }
      }
      let roots = (0..<n).map { i in (0..<n).reduce(0) { $0 + laplacian[i, $1] }.squareRoot() }
      for i in 0..<n {
        for j in 0..<n {
          laplacian[i, j] = (i == j ? 1 : 0) - laplacian[i, j] / (roots[i] * roots[j])
        }
      }
      let eigenvalues = try laplacian.symmetricEigenvalues()
      return temperatures.map { t in
        eigenvalues.reduce(0) { $0 + Elementary.exp(-t * $1) } / Double(n)
      }
    }
  }
}

// Owns differences of single numbers that describe a representation.
import Tensor

extension Measure {
  public static let magnitudeDifference = Measure(
    name: "magnitude_difference", resi: "MagDiff",
    summary: "difference of the lengths of the mean sample, in the activations' own units",
    formula: "|‖x̄‖ − ‖ȳ‖|, means over samples as they are, not centred",
    citation: "Wang et al., Towards Understanding the Instability of Network Embedding, TKDE 2020",
    .distance, 0 ... .infinity, invariances: [.orthogonal, .permutation]
  ) { pair, _ in
    func magnitude(_ z: Prepared) -> Double { dot(z.means, z.means).squareRoot() }
    return abs(magnitude(pair.x) - magnitude(pair.y))
  }

  public static let concentricityDifference = Measure(
    name: "concentricity_difference", resi: "ConcDiff",
    summary: "difference of how far samples point where their mean does",
    formula: "|α(X) − α(Y)|, α the mean of cos(xᵢ, x̄) over samples, as they are, not centred",
    citation: "Wang et al., Towards Understanding the Instability of Network Embedding, TKDE 2020",
    .distance, 0...2, invariances: [.orthogonal, .scaling, .permutation]
  ) { pair, _ in
    func concentricity(_ z: Prepared) throws -> Double {
      let (profile, square) = (z.profile(), dot(z.means, z.means))
      if let zero = profile.squares.firstIndex(of: 0) {
        throw SimilarityError("sample \(zero) of \(z.name) is 0, which has no direction")
      }
      guard square > 1e-24 * profile.squares.reduce(0, +) else {
        throw SimilarityError("the mean of \(z.name) is 0, which has no direction")
      }
      let sum = zip(profile.alongMean, profile.squares).reduce(0) {
        $0 + ($1.0 + square) / ($1.1 * square).squareRoot()
      }
      return sum / Double(z.n)
    }
    return abs(try concentricity(pair.x) - concentricity(pair.y))
  }

  public static let uniformityDifference = Measure(
    name: "uniformity_difference", resi: "UnifDiff",
    summary: "difference of how evenly samples are spread",
    formula: "|u(X) − u(Y)|, u = log of the mean of exp(−t‖xᵢ − xⱼ‖²) over all i and j",
    citation:
      "Wang & Isola, Understanding Contrastive Representation Learning through Alignment and Uniformity, ICML 2020",
    .distance, 0 ... .infinity,
    parameters: [.number("t", "how fast the kernel falls", 2, 1e-6...1_000_000)],
    invariances: [.orthogonal, .translation, .permutation]
  ) { pair, settings in
    let t = settings.number("t")
    func uniformity(_ z: Prepared) throws -> Double {
      let distances = try z.distances()
      return z.shared("uniformity \(t)") {
        let sum = distances.values.reduce(0) { $0 + Elementary.exp(-t * $1 * $1) }
        return Elementary.log((Double(z.n) + 2 * sum) / Double(z.n * z.n))
      }
    }
    return abs(try uniformity(pair.x) - uniformity(pair.y))
  }
}

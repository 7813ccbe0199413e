// Owns the mixing of images with one another.

import Tensor

/// Mixes each image of a batch with another one, and their labels alike: λ·x + (1 − λ)·x′, one λ ~ Beta(α, α) a batch,
/// partners by a random permutation (Zhang et al. 2018, with the authors' code's one λ).
public struct Mixup: Augmentation, Hashable {
  /// α: towards 0 hardly anything is mixed, at 1 any share is as likely as any other.
  public var alpha: Double

  public init(alpha: Double = 1) { self.alpha = alpha }

  public var name: String { "mixup" }

  public func validate(for shape: [Int]) throws {
    guard alpha > 0, alpha.isFinite else { throw DatasetError("mixup: alpha \(alpha); expected one above 0") }
  }

  public func mixing(rows: Int, seed: UInt64, step: Int) -> Mixing? {
    let shares = Philox(seed: seed, purpose: .mixShares, index: UInt32(step))
    let partners = Philox(seed: seed, purpose: .mixPartners, index: UInt32(step))
    let (a, b) = (gamma(shares, from: 0), gamma(shares, from: 1 << 32))
    // Both are 0 only where α is so small that one of them may as well be 1.
    return Mixing(share: a + b > 0 ? Float(a / (a + b)) : 1, partners: partners.permutation(of: rows))
  }

  /// A draw of the gamma distribution of shape α (Marsaglia & Tsang 2000); `counter` is the first of its own.
  private func gamma(_ draws: Philox, from counter: UInt64) -> Double {
    // Below 1: that of α + 1, times u^(1/α).
    let shape = alpha < 1 ? alpha + 1 : alpha
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    for attempt in counter... {
      let x = draws.normal(at: attempt)
      let root = 1 + c * x
      let v = root * root * root
      guard v > 0 else { continue }
      let u = Double(draws.uniform(at: 2 * attempt)) + 0x1p-25
      guard Elementary.log(u) < 0.5 * x * x + d - d * v + d * Elementary.log(v) else { continue }
      guard alpha < 1 else { return d * v }
      let w = Double(draws.uniform(at: 2 * attempt + 1)) + 0x1p-25
      return d * v * Elementary.exp(Elementary.log(w) / alpha)
    }
    preconditionFailure("BUG: no draw was taken")
  }
}

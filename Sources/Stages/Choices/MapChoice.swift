// Owns the words for families of maps in pipeline files.

import Stitching
import Workflow

/// `map: orthogonal`, `map: { kind: low_rank, rank: 8 }`.
struct MapChoice: ParameterVariants {
  typealias Words = any MapWords
  static let variants: [any ParameterVariant.Type] = [
    AffineWords.self, OrthogonalWords.self, PermutationWords.self, LowRankWords.self, SparseWords.self,
    IdentityWords.self,
  ]
  let variant: any ParameterVariant

  init(_ variant: any ParameterVariant) { self.variant = variant }

  var family: any MapFamily { words.family }
}

/// Words for one family.
protocol MapWords: ParameterVariant {
  var family: any MapFamily { get }
}

struct AffineWords: MapWords {
  static let kind = "affine"
  var family: any MapFamily { AffineFamily() }
}

struct OrthogonalWords: MapWords {
  static let kind = "orthogonal"
  @Parameter("whether a bias moves the mean; without it all turns about zero") var bias = true
  var family: any MapFamily { OrthogonalFamily(addsBias: bias) }
}

struct PermutationWords: MapWords {
  static let kind = "permutation"
  @Parameter("what partners are chosen by: the least error, or the largest correlations")
  var match = PermutationFamily.Match.error
  @Parameter("whether a bias makes the means the same") var bias = false
  var family: any MapFamily { PermutationFamily(match: match, addsBias: bias) }
}

struct LowRankWords: MapWords {
  static let kind = "low_rank"
  @Parameter("through how many directions the map goes at most", .atLeast(1)) var rank: Int
  var family: any MapFamily { LowRankFamily(rank: rank) }
}

struct SparseWords: MapWords {
  static let kind = "l1"
  @Parameter("λ of the penalty λ·Σ|W|", .atLeast(0)) var lambda: Double
  var family: any MapFamily { SparseFamily(lambda: lambda) }
}

struct IdentityWords: MapWords {
  static let kind = "identity"
  var family: any MapFamily { IdentityFamily() }
}

extension PermutationFamily.Match: ParameterChoice {}

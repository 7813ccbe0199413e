// Owns the list of all measures. A new one is a file, and a line here.

extension Measure {
  /// In the order in which they are listed to people. Fingerprints don't count this file, only the measures that a
  /// stage asks for.
  public static let all: [Measure] = [
    .linearCKA,
    .linearCKADebiased,
    .linearCKAMinibatch,
    .rbfCKA,
    .procrustes,
    .procrustesSizeAndShape,
    .procrustesNormalised,
    .procrustesNormalisedRoot,
    .procrustesAngular,
    .permutationProcrustes,
    .permutationAngular,
    .cosineSimilarity,
    .alignedCosine,
    .meanCCA,
    .squaredCCA,
    .svcca,
    .pwcca,
    .linearRegression,
    .eigenspaceOverlap,
    .subspaceOverlap,
    .gulp,
    .hardCorrelationMatch,
    .softCorrelationMatch,
    .rsa,
    .rsmNormDifference,
    .distanceCorrelation,
    .jaccardNeighbours,
    .secondOrderCosine,
    .rankSimilarity,
    .jointRankJaccard,
    .magnitudeDifference,
    .concentricityDifference,
    .uniformityDifference,
    .imdScore,
  ]
}

// How measures are written in pipeline files, and which rows are compared.

import Canonical
import ContentStore
import Formats
import Foundation
import Stages
import Testing
import Workflow

@Suite struct SimilarityKindTests {
  private func decoded(_ parameters: JSON) throws -> JSON {
    let kind = try #require(KindCatalogue(stageKinds())["similarity"])
    guard case .map(let members, let place) = RawValue(parameters) else { preconditionFailure("an object") }
    return try kind.decode(members, at: place)
  }

  private func problem(_ measures: JSON) -> String {
    do {
      return try decoded(["measures": measures]).canonical
    } catch let several as DecodingIssues {
      return several.issues.map(\.description).joined(separator: "; ")
    } catch { return "\(error)" }
  }

  /// A default that is written out changes no key, a parameter of another measure neither.
  @Test func whatIsWrittenOfAMeasureDecidesTheKey() throws {
    func measures(_ written: JSON) throws -> JSON? { try decoded(["measures": [written]])["measures"] }
    let bare = try measures("jaccard_knn")
    #expect(bare == [["measure": "jaccard_knn", "k": 10, "nearness": "cosine"]])
    #expect(try measures(["measure": "jaccard_knn", "k": 10]) == bare)
    #expect(try measures(["measure": "jaccard_knn", "k": .null]) == bare)
    #expect(try measures(["measure": "jaccard_knn", "k": 20]) != bare)
    #expect(try measures("linear_cka") == ["linear_cka"])
    #expect(try decoded(["seed": 3]) == decoded([:]))
    #expect(try decoded(["seed": 3, "rows": 10]) != decoded(["rows": 10]))
  }

  @Test func whatIsWrongWithAMeasureIsTold() {
    for (measures, expected) in [
      (["jaccard"], "measures: there is no measure 'jaccard'. Did you mean 'jaccard_knn'?"),
      (
        [["measure": "jaccard_knn", "kk": 3]],
        "measures: jaccard_knn has no parameter 'kk'. Did you mean 'k'?"
      ),
      ([["measure": "linear_cka", "k": 3]], "measures: linear_cka has no parameter 'k'; it has none"),
      (
        [["measure": "svcca", "share": 2]], "measures: share: expected a number from 0.01 to 1.0, found '2'"
      ),
      (
        [["measure": "jaccard_knn", "k": 1.5]],
        "measures: k: expected a whole number from 1 to 20000, found '1.5'"
      ),
      (
        [["measure": "rsa", "distance": "manhattan"]],
        "measures: distance: expected one of pearson, euclidean, cosine, found 'manhattan'"
      ),
      ([["k": 3]], "measures: 'measure' is missing: which one, such as linear_cka"),
      (
        ["rsa", ["measure": "rsa", "distance": "pearson"]], "measures: 'rsa' stands twice; once is enough"
      ),
      ([], "measures: expected at least one, found none"),
    ] as [(JSON, String)] {
      #expect(problem(measures).hasPrefix(expected), "\(problem(measures))")
    }
  }

  @Test func helpTellsEachMeasuresRangeDirectionAndParameters() throws {
    let text = try #require(KindCatalogue(stageKinds())["similarity"]).discussion
    for part in [
      "- jaccard_knn: ", "similarity; 0.00 … 1.00; symmetric; ReSi: Jaccard",
      "  k (a whole number from 1 to 20000, default 10): neighbours of each sample",
      "  nearness (one of cosine, euclidean, default \"cosine\"): which samples are neighbours",
      "distance; 0.00 … ∞; symmetric; ReSi: RSMDiff", "not symmetric; ReSi: LinReg",
      "Invariant of x: scaling, translation, permutation; of y: orthogonal, ",
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test func scoresAreCalledByWhatIsNotDefault() throws {
    let bench = try Bench()
    let (x, y) = (try activations(bench, 1), try activations(bench, 2))
    let scores = try bench.json(
      bench.run(
        "similarity",
        [
          "measures": [
            "jaccard_knn", ["measure": "jaccard_knn", "k": 3],
            ["measure": "jaccard_knn", "k": 3, "nearness": "euclidean"], ["measure": "svcca", "share": 0.5],
          ]
        ], ["x": x, "y": y])["scores"]!)
    #expect(
      scores.objectValue?.keys.sorted() == [
        "jaccard_knn", "jaccard_knn_k_3", "jaccard_knn_k_3_nearness_euclidean", "svcca_share_0_5",
      ])
    #expect(Set(scores.objectValue?.values.map(\.doubleValue) ?? []).count == 4)
  }

  @Test func rowsAreDrawnByTheSeed() throws {
    let bench = try Bench()
    let (x, y) = (try activations(bench, 1), try activations(bench, 2))
    func cka(_ parameters: JSON) throws -> Double? {
      try bench.json(bench.run("similarity", parameters, ["x": x, "y": y])["scores"]!)["linear_cka"]?
        .doubleValue
    }
    let all = try cka([:])
    #expect(try cka(["rows": 20]) == all)
    #expect(try cka(["rows": 12]) != all)
    #expect(try cka(["rows": 12]) == cka(["rows": 12, "seed": 0]))
    #expect(try cka(["rows": 12]) != cka(["rows": 12, "seed": 1]))
    #expect(
      bench.failure("similarity", ["rows": 21], ["x": x, "y": y])
        == "there are 20 rows with layout flatten, fewer than the 21 asked for")
    #expect(
      bench.failure("similarity", ["rows": 3, "measures": ["linear_cka_debiased"]], ["x": x, "y": y])
        == "linear_cka_debiased needs 4 samples, there are 3")
  }

  /// 20 samples of 4 features.
  private func activations(_ bench: Bench, _ step: Int) throws -> Artifact {
    let values = (0..<80).map { Double(($0 * $0 * step + 7 * $0) % 23) }
    return try bench.adopt(
      SafetensorsFile.encode(["activations": StoredArray(doubles: values, shape: [20, 4])]))
  }
}

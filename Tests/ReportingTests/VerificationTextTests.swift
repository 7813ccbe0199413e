import Canonical
import ContentStore
import Reporting
import Testing
import Workflow

private let graph = Graph(
  instances: (0..<6).map {
    Instance(
      name: "model[seed=\($0)]", stage: "model", labels: [Label(axis: "seed", value: "\($0)")], kind: source,
      parameters: [:], outputs: source.outputs)
  }, project: "/project", file: "p.yaml")

private func verdict(_ i: Int, _ finding: Verdict.Finding) -> Verdict {
  Verdict(
    instance: i, name: graph.instances[i].name, key: .of([UInt8(i)]), finding: finding, seconds: 1)
}

@Test func aVerificationNamesWhatDiffersAndCounts() {
  let tensor = ContentDifference(
    "tensor 'conv1.weight' [0, 3]", recorded: "0.5", now: "0.75", largest: 1 / 3, extent: "3 of 432 numbers")
  let report = VerificationReport(
    verdicts: [
      verdict(0, .equal),
      verdict(1, .different(ArtifactDifference(artifact: "model", content: tensor), platform: nil)),
      verdict(
        2,
        .different(
          ArtifactDifference(artifact: "model/weights.safetensors", content: nil),
          platform: "avx2 → avx512_core")),
      verdict(3, .failed(Failure(.exitStatus(3), "the command ended with status 3\nlast line"))),
      verdict(4, .notVerified("what it reads can't be had: blob x")),
    ], absent: [5], candidates: 9, seconds: 12)
  #expect(
    VerificationText(report, graph: graph, seed: 7).text == """
      different    model[seed=1]: model: tensor 'conv1.weight' [0, 3]: 0.5 → 0.75; largest difference 0.333, in 3 of 432 numbers
                   it was computed with the same instruction set and libraries, so the stage isn't reproducible
      different    model[seed=2]: model/weights.safetensors: the digests differ; the recorded bytes aren't in the cache, so where isn't known
                   it was computed on another platform (avx2 → avx512_core), from which other bits are expected
      failed       model[seed=3]: the command ended with status 3
                   last line
      not verified model[seed=4]: what it reads can't be had: blob x
      not in the cache, so not verified: model[seed=5]
      a sample of 5 of 9 in the cache (--seed 7); --all takes everything
      verified 1, different 2, failed 1, not in the cache 2 in 12s

      """)
  #expect(report.exitStatus == 1)
}

@Test func ofAVerificationWithoutFailuresNoneAreCounted() {
  let report = VerificationReport(verdicts: [verdict(0, .equal)], absent: [], candidates: 1, seconds: 0.5)
  #expect(
    VerificationText(report, graph: graph, seed: 0).text
      == "verified 1, different 0, not in the cache 0 in 0.50s\n")
  #expect(report.exitStatus == 0)
}

import Canonical
import Foundation
import PipelineFile
import Testing
import Workflow

/// Models in stitches in measurements: axes within groups within groups.
private let nested = pipeline(
  params: "{ some: [stem, stage1.0] }",
  """
  images:
    uses: dataset/cifar10
    with: { path: data }
  model:
    matrix: { regime: { standard: null, robust: { epsilon: 8/255 } }, seed: [0, 1] }
    uses: train
    with: { data: "${images}", seed: "${matrix.seed}", adversary: "${matrix.regime}" }
  stitched:
    matrix: { front: "${model}", end: "${model[regime=standard]}", cut: [stem, stage1.0, stage2.0], method: [direct, fula] }
    where: ["${matrix.front.seed != matrix.end.seed}"]
    uses: stitch
    with: { front: "${matrix.front}", end: "${matrix.end}", data: "${images}", from: "${matrix.cut}", to: "${matrix.cut}", method: "${matrix.method}" }
  measured:
    matrix: { network: "${stitched}", seed: [7, 8] }
    run: measure ${matrix.network.map} --seed ${matrix.seed} ${out.scores}
    outputs: { scores: { file: scores.json } }
  checked:
    matrix: { subject: "${measured[seed=7]}" }
    run: check ${matrix.subject} ${out.scores}
    outputs: { scores: { file: scores.json } }

  """)

@Test func whatOneMemberLacksIsToldWithTheMember() throws {
  let text =
    nested + """
        s:
          matrix: { a: ["${model[seed=0]}", "${measured}"] }
          run: echo ${matrix.a.regime} > ${out.o}
          outputs: { o: { file: o } }

      """
  let found = try complaint(text)
  #expect(
    found
      == "p.yaml:27:10: stage 's': ${matrix.a.regime}: 'a' has no 'regime' where it is "
      + "measured[network=stitched[front=model[regime=standard,seed=0],end=model[regime=standard,seed=1],cut=stem,"
      + "method=direct],seed=7]. With labels, { label: … }, it would count as not written there (48 of 50 instances)"
  )
}

private func selected(_ text: String) throws -> [String] {
  let pipeline = try load(nested)
  return try pipeline.select(text).map { pipeline.graph.instances[$0.instance].name }
}

@Test(arguments: [
  ("measured[method=fula]", "measured[network.method=fula]", 24),
  (
    "measured[front.regime=robust, cut=stem|stage2.0]",
    "measured[network.front.regime=robust,network.cut=stem|stage2.0]", 16
  ),
  ("measured[seed=7]", "measured[seed=7]", 24),
  ("measured[end.seed=0]", "measured[network.end.seed=0]", 24),
  ("checked[method=direct]", "checked[subject.network.method=direct]", 12),
  (
    "checked[front=model[regime=robust,seed=1]]",
    "checked[subject.network.front=model[regime=robust,seed=1]]", 6
  ),
  (
    "checked[front.seed=1,end.regime=standard,cut=stem]",
    "checked[subject.network.front.seed=1,subject.network.cut=stem]", 4
  ),
  ("stitched[end.seed=0]", "stitched[end=model[regime=standard,seed=0]]", 12),
])
func anAxisIsSelectedByAnyUnambiguousEndOfItsName(_ short: String, _ full: String, _ count: Int) throws {
  let instances = try selected(short)
  #expect(instances.count == count)
  #expect(try selected(full) == instances)
}

@Test(arguments: [
  (
    "checked[front.sed=0]",
    "axis 'subject.network.front' of 'checked' has no 'sed'. Did you mean 'seed'?"
  ),
  ("stitched[seed=0]", "'stitched' has several axes 'seed': front.seed, end.seed. Name one of them"),
  (
    "checked[regime=robust]",
    "'checked' has several axes 'regime': subject.network.front.regime, subject.network.end.regime. Name one of them"
  ),
  ("checked[methd=fula]", "'checked' has no axis 'methd'. Did you mean 'method'?"),
  ("checked[Method=fula]", "'checked' has no axis 'Method'. Did you mean 'method'?"),
  ("checked[method=task]", "no instance of 'checked' has method=task; it has direct, fula"),
  ("checked[frontseed=0]", "'checked' has no axis 'frontseed'. Did you mean 'front.seed'?"),
])
func aNameThatMeansNoAxisOrSeveralIsExplained(_ text: String, _ message: String) throws {
  let pipeline = try load(nested)
  let error = #expect(throws: PipelineFileError.self) { try pipeline.select(text) }
  #expect(error?.description == "\(text): \(message)")
}

@Test func anAxisIsNamedByAnEndInTheMatrixTooWhereNothingElseIsMeant() throws {
  let text =
    nested + """
        plotted:
          matrix: { from: "${checked}", colour: [red, blue] }
          where: ["${matrix.method == fula}", "${matrix.front.seed == 1}", "${matrix.network.cut == stem}"]
          run: plot ${matrix.from} --title "${matrix.method} ${matrix.front.seed} ${matrix.colour}" ${out.figure}
          outputs: { figure: { file: figure.svg } }

      """
  let instances = try load(text).graph.instances.filter { $0.stage == "plotted" }
  #expect(instances.count == 4)
  #expect(
    instances.map { $0.parameters["run"]?.stringValue?.contains("fula 1 red") } == [true, false, true, false])
  let labels = instances.flatMap(\.labels)
  #expect(Set(labels.filter { $0.axis.hasSuffix("method") }.map(\.value)) == ["fula"])
}

@Test(arguments: [
  ("${matrix.seed}", "${matrix.seed}: the matrix has several axes 'seed': a.seed, b.seed. Name one of them"),
  (
    "${matrix.sed}",
    "${matrix.sed}: the matrix has no axis 'sed'. Known: a, a.regime, a.seed, b, b.regime, b.seed"
  ),
  ("${matrix.A.seed}", "${matrix.A.seed}: the matrix has no axis 'A'. Did you mean 'a'?"),
  (
    "${matrix.b.regime.epsilom}",
    "${matrix.b.regime.epsilom}: 'b.regime' has no 'epsilom'. Did you mean 'epsilon'?"
  ),
  ("${matrix.a.sed}", "${matrix.a.sed}: 'a' has no 'sed'. Did you mean 'seed'?"),
])
func aNameOfTheMatrixThatMeansNoAxisOrSeveralIsExplained(_ reference: String, _ message: String) throws {
  let found = try complaint(
    nested + """
        s:
          matrix: { a: "${model}", b: "${model}" }
          uses: train
          with: { data: "${images}", seed: "\(reference)" }

      """)
  #expect(found == "p.yaml:28:38: stage 's': seed: \(message) (all 16 instances)")
}

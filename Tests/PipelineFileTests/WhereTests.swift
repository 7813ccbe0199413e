import ContentStore
import Foundation
import PipelineFile
import Testing
import Workflow

private let models = """
  images: { uses: dataset/cifar10, with: { path: data } }
  model:
    matrix: { regime: { standard: null, robust: { epsilon: 8/255 } }, seed: [0, 1] }
    uses: train
    with: { data: "${images}", seed: "${matrix.seed}", adversary: "${matrix.regime}" }
  small: { matrix: { seed: [0, 1] }, uses: train, with: { data: "${images}", epochs: "${matrix.seed}" } }

  """

private func file(_ matrix: String, _ condition: String) -> String {
  pipeline(
    params: "{ cuts: [stem, stage1.0], limit: 10, names: [b, c, a], pairs: [[1, 2], [3, 4]] }",
    models.replacing("epochs: \"${matrix.seed}\"", with: "seed: \"${matrix.seed}\"") + """
      s:
        matrix: \(matrix)
        where: ["\(condition)"]
        run: echo ${out.o}
        outputs: { o: { file: o } }
      """)
}

/// The points that are left, each as its members in the order of the axes.
private func points(_ matrix: String, _ condition: String) throws -> [String] {
  let pipeline = try load(file(matrix, condition))
  return pipeline.graph.instances.filter { $0.stage == "s" }.map { instance in
    instance.labels.map(\.value).joined(separator: " ")
  }
}

@Test(arguments: [
  // Numbers compare as numbers, wherever they are listed and however they are written.
  ("{ x: [10, 9, 1e1, 8/2] }", "${matrix.x < 10}", ["9", "8/2"]),
  ("{ x: [10, 9, 2] }", "${matrix.x > 2}", ["10", "9"]),
  ("{ x: [10, 9, 2] }", "${matrix.x >= params.limit}", ["10"]),
  ("{ x: [2, 1], y: [2, 1] }", "${matrix.x < matrix.y}", ["1 2"]),
  ("{ x: [2, 1], y: [3, 1] }", "${matrix.y > matrix.x}", ["2 3", "1 3"]),
  // Words go by the order of the axis that lists them.
  ("{ x: \"${params.names}\", y: \"${params.names}\" }", "${matrix.x < matrix.y}", ["b c", "b a", "c a"]),
  ("{ x: [b, a], y: [b, a] }", "${matrix.x <= matrix.y}", ["b b", "b a", "a a"]),
  ("{ cut: [stem, stage1.0, stage2.0] }", "${matrix.cut > stem}", ["stage1.0", "stage2.0"]),
  ("{ cut: [stem, stage1.0, stage2.0] }", "${matrix.cut <= 'stage1.0'}", ["stem", "stage1.0"]),
  ("{ x: [2, a, 1], y: [2, a, 1] }", "${matrix.x < matrix.y}", ["2 a", "2 1", "a 1"]),
  ("{ x: { low: a, high: b } }", "${matrix.x > low}", ["high"]),
  // Instances go by their stage's order: unordered pairs.
  (
    "{ x: \"${model}\", y: \"${model}\" }", "${matrix.x < matrix.y}",
    [
      "standard 0 standard 1", "standard 0 robust 0", "standard 0 robust 1", "standard 1 robust 0",
      "standard 1 robust 1", "robust 0 robust 1",
    ]
  ),
  (
    "{ x: \"${model[regime=robust]}\", y: \"${model[seed=0]}\" }", "${matrix.x > matrix.y}",
    ["robust 0 standard 0", "robust 1 standard 0", "robust 1 robust 0"]
  ),
  (
    "{ x: \"${model[seed=0]}\", y: \"${model[seed=0]}\" }", "${matrix.x >= matrix.y}",
    ["standard 0 standard 0", "robust 0 standard 0", "robust 0 robust 0"]
  ),
  // A list of groups is an order of its own.
  (
    "{ x: [\"${small[seed=1]}\", \"${model[regime=standard,seed=0]}\"], y: [\"${small[seed=1]}\", \"${model[regime=standard,seed=0]}\"] }",
    "${matrix.x < matrix.y}", ["small 1 model standard 0"]
  ),
  // Axes of members too.
  ("{ x: \"${model}\", y: [1, 2] }", "${matrix.x.seed >= matrix.y}", ["standard 1 1", "robust 1 1"]),
  (
    "{ x: \"${model}\", y: \"${model[seed=0]}\" }", "${matrix.x.regime < matrix.y.regime}",
    ["standard 0 robust 0", "standard 1 robust 0"]
  ),
  // in
  ("{ cut: [stem, stage1.0, stage2.0] }", "${matrix.cut in [stem, stage2.0]}", ["stem", "stage2.0"]),
  ("{ cut: [stem, stage1.0, stage2.0] }", "${matrix.cut in params.cuts}", ["stem", "stage1.0"]),
  ("{ cut: [a, stem, stage1.0] }", "${matrix.cut in [params.cuts, a]}", ["a", "stem", "stage1.0"]),
  ("{ x: [1, 2, 3] }", "${matrix.x in [1.0, 6/2]}", ["1", "3"]),
  ("{ x: [1, 2, 3], y: [3, 4] }", "${matrix.x in [ matrix.y , 'a b' ]}", ["3 3"]),
  ("{ x: \"${model}\" }", "${matrix.x in [model[seed=0]]}", ["standard 0", "robust 0"]),
  ("{ x: \"${model}\" }", "${matrix.x in model[seed=1]}", ["standard 1", "robust 1"]),
  ("{ x: \"${model}\" }", "${matrix.regime in [robust]}", ["robust 0", "robust 1"]),
])
func aConditionChoosesPoints(_ matrix: String, _ condition: String, _ expected: [String]) throws {
  #expect(try points(matrix, condition) == expected)
}

@Test(arguments: [
  ("{ x: [a, b] }", "${matrix.x < c}", "'a' < 'c': these have no order."),
  ("{ x: [a, b], y: [b, a] }", "${matrix.x < matrix.y}", "'a' < 'b': these have no order."),
  ("{ x: [a, 1] }", "${matrix.x >= 1.0}", "'a' >= '1.0': these have no order."),
  (
    "{ x: \"${model}\", y: \"${small}\" }", "${matrix.x < matrix.y}",
    "'model[regime=standard,seed=0]' < 'small[seed=0]': these have no order."
  ),
  (
    "{ x: \"${model}\" }", "${matrix.x < model}",
    "'model[regime=standard,seed=0]' < 'model': these have no order."
  ),
])
func whatHasNoOrderIsToldHowToHaveOne(_ matrix: String, _ condition: String, _ message: String) throws {
  let cure =
    " Numbers have one, instances of one stage, and members of one axis or of axes that list the same: list "
    + "them in their order under 'params' and let both axes be that list"
  #expect(try complaint(file(matrix, condition)) == "p.yaml:12:13: stage 's': \(message)\(cure)")
}

@Test(arguments: [
  ("${matrix.x in a}", "'in' takes a list, such as [a, b] or params.x, in '${matrix.x in a}'"),
  ("${matrix.x in []}", "expected a value, found ']' in '${matrix.x in []}'"),
  ("${matrix.x in [a}", "expected ',' or ']', found '}' in '${matrix.x in [a}'"),
  ("${matrix.x = a}", "expected '}', found '=' in '${matrix.x = a}'"),
  ("${matrix.x in params.cut}", "${params.cut}: there is no parameter 'cut'. Did you mean 'cuts'?"),
  ("${matrix.x in params.limit}", "where: none of the 2 points holds: a matrix over nothing"),
  ("${matrix.z < 1}", "${matrix.z}: the matrix has no axis 'z'. Did you mean 'x'?"),
])
func aWrongConditionIsExplained(_ condition: String, _ message: String) throws {
  let found = try complaint(file("{ x: [a, b] }", condition))
  #expect(found == "p.yaml:12:13: stage 's': \(message)")
}

import ContentStore
import Foundation
import PipelineFile
import Testing
import Workflow

private let nasty = [
  "a", "a-b", "a,b", "a]", "[a", "a=b", "x=1,y=2", "'", "''", "a'b", "'a'", "\"", "a|b", "${x}", "$", " ",
  "a b", "{", "}",
  "m[seed=0]", "params.x", "matrix.y", "ü", "日本", "null", "0", "00", "0.0", "1e3", "1000", "#", ":", "a: b",
  "é\\", "-",
]

private func yaml(_ text: String) -> String {
  "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("${", with: "$${") + "\""
}

@Test func namesAreUniqueAndSelectTheirInstance() throws {
  let axis = "[" + nasty.map(yaml).joined(separator: ", ") + "]"
  let pipeline = try load(
    pipeline(
      """
      m:
        matrix: { a: \(axis), b: \(axis) }
        uses: dataset/cifar10
        with: { path: data }
      n:
        matrix: { m: "${m[b=a]}" }
        uses: train
        with: { data: "${matrix.m}" }
      """))
  let names = pipeline.graph.instances.map(\.name)
  #expect(names.count == nasty.count * nasty.count + nasty.count)
  #expect(Set(names).count == names.count)
  for (i, name) in names.enumerated() {
    // Without the exact-name short cut: a space changes the text and not the meaning.
    #expect(try pipeline.select(name.replacing("[a=", with: "[ a=")).map(\.instance) == [i], "\(name)")
    #expect(try pipeline.select(name).map(\.instance) == [i])
  }
}

@Test func namesReadAsInTheDesign() throws {
  let names = try load(
    pipeline(
      """
      m:
        matrix: { a: [x, "y z", { k: 1 }, [1, 2], null] }
        uses: dataset/cifar10
        with: { path: data }
      """)
  ).graph.instances.map(\.name)
  #expect(names == ["m[a=x]", "m[a='y z']", "m[a='{k: 1}']", "m[a='[1, 2]']", "m[a=null]"])
}

@Test func theCommandLineSelectsWithTheGrammarOfTheFile() throws {
  let pipeline = try load(example)
  let names = { (text: String) in try pipeline.select(text).map { pipeline.graph.instances[$0.instance].name }
  }
  #expect(
    try names("model[seed=1]") == ["model[regime=standard,seed=1]", "model[regime=adversarial,seed=1]"])
  #expect(try names("stitched[method=fula]").count == 8)
  #expect(try names("stitched[front.regime=standard,cut=stem|stage1.0]").count == 6)
  #expect(try names("images") == ["images"])
  let output = try pipeline.select("stitched[front.regime=standard,cut=stem,method=fula].map")
  #expect(output.map(\.output) == ["map"])
  #expect(try names("model[seed='1',regime=standard]") == ["model[regime=standard,seed=1]"])
}

@Test(arguments: [
  ("modle", "modle: there is no stage 'modle'. Did you mean 'model'?"),
  ("model[seed=7]", "model[seed=7]: no instance of 'model' has seed=7; it has 0, 1"),
  ("model[sed=1]", "model[sed=1]: 'model' has no axis 'sed'. Did you mean 'seed'?"),
  (
    "stitched[front.sed=1]",
    "stitched[front.sed=1]: axis 'front' of 'stitched' has no 'sed'. Did you mean 'seed'?"
  ),
  (
    "stitched[front.seed=0]",
    "stitched[front.seed=0]: no instance of 'stitched' has all of ${stitched[front.seed=0]} together"
  ),
  ("images.dat", "images.dat: 'images' has no output 'dat'. Did you mean 'data'?"),
  ("params.seeds", "params.seeds: expected a stage, found 'params'"),
  ("model[seed=", "model[seed=: expected a value, found the end in 'model[seed='"),
  ("model]", "model]: expected the end, found ']' in 'model]'"),
  ("", "expected a name, found the end in ''"),
])
func aWrongSelectionIsExplained(text: String, message: String) throws {
  let pipeline = try load(example)
  let error = #expect(throws: PipelineFileError.self) { try pipeline.select(text) }
  #expect(error?.description == message)
}

@Test func whereComparesNumbersAndWords() throws {
  func count(_ conditions: String) throws -> Int {
    let text = pipeline(
      params: "{ limit: 0.01 }",
      """
      m:
        matrix: { rate: [1e-3, 1e-2, 1/10], how: { plain: null, long: 50 }, seed: [0, 1] }
        where: \(conditions)
        uses: dataset/cifar10
        with: { path: data }
      """)
    return try load(text).graph.instances.count
  }
  #expect(try count("[]") == 12)
  #expect(try count("[\"${matrix.rate < params.limit}\"]") == 4)
  #expect(try count("[\"${matrix.rate <= params.limit}\"]") == 8)
  #expect(try count("[\"${matrix.rate == 0.1}\"]") == 4)
  #expect(try count("[\"${matrix.how == plain}\", \"${matrix.seed != 0}\"]") == 3)
  #expect(try count("[\"${matrix.how == 50}\"]") == 6)
}

import Foundation
import Canonical
import ContentStore
import PipelineFile
import Testing
import Workflow

private func note(_ params: String, _ expression: String, sets: [String] = [], file: String? = nil) throws
  -> JSON?
{
  let text = pipeline(
    params: params,
    """
    images: { uses: dataset/cifar10, with: { path: data } }
    model: { uses: train, with: { data: "${images}", note: "\(expression)" } }
    """)
  return try load(text, sets: sets, params: file).graph.instances[1].parameters["note"]
}

@Test func parametersKeepTheirTypeWhole() throws {
  let text = pipeline(
    params: "{ train: { epochs: 7, rate: 8/255 }, adversary: { epsilon: 0.1 } }",
    """
    images: { uses: dataset/cifar10, with: { path: data } }
    model:
      uses: train
      with: { data: "${images}", epochs: "${params.train.epochs}", rate: "${params.train.rate}", adversary: "${params.adversary}" }
    """)
  let parameters = try load(text).graph.instances[1].parameters
  #expect(parameters["epochs"] == .integer(7))
  #expect(parameters["rate"] == .number(8.0 / 255))
  #expect(parameters["adversary"]?.canonical == #"{"epsilon":0.1,"steps":7}"#)
}

@Test func textsTakeScalarsAndEscapes() throws {
  #expect(try note("{ a: 1, b: x }", "${params.a}-${params.b}-$${c}-$5") == "1-x-${c}-$5")
  #expect(try note("{ a: on }", "${params.a}") == "on")
  #expect(try note("{ a: 0o7 }", "${params.a}") == "0o7")
}

@Test func parametersMayReferToEachOther() throws {
  #expect(try note("{ a: \"${params.b}/x\", b: \"${params.c.d}\", c: { d: 5 } }", "${params.a}") == "5/x")
  #expect(try note("{ a: { b: 1, c: \"${params.a.b}\" } }", "${params.a.c}") == "1")
}

@Test func aParameterMayChooseAMemberOfAnother() throws {
  let params = "{ scale: s, sizes: { s: { n: 1 }, l: { n: 2 } }, size: \"${params.sizes[params.scale]}\" }"
  for expression in ["${params.size.n}", "${params.sizes[params.scale].n}"] {
    #expect(try note(params, expression) == "1")
    #expect(try note(params, expression, sets: ["scale=l"]) == "2")
  }
  #expect(try note("{ a: { x: y }, b: { y: { z: w } } }", "${params.b[params.a.x].z}") == "w")
}

@Test func allThatMayBeChosenIsUsed() throws {
  let text = pipeline(
    params: "{ scale: s, sizes: { s: 1, l: 2 } }",
    """
    images: { uses: dataset/cifar10, with: { path: data, train: "${params.sizes[params.scale]}" } }
    """)
  #expect(try load(text).warnings.isEmpty)
}

@Test func setReplacesAParameter() throws {
  #expect(try note("{ a: 1 }", "${params.a}", sets: ["a=2"]) == "2")
  #expect(try note("{ a: { b: 1, c: 2 } }", "${params.a.b}${params.a.c}", sets: ["a.b=x=y"]) == "x=y2")
  #expect(try load(example, sets: ["seeds=[0, 1, 2]"]).graph.instances.count == 1 + 6 + 4 * 12 + 2)
  #expect(try load(example, sets: ["seeds=[5]", "seeds=[0,1]"]).graph.instances.count == 31)
}

@Test func aParametersFileLiesBetweenTheFileAndSet() throws {
  let params = "{ a: { b: 1, c: 2 }, d: 3 }"
  let text = "${params.a.b}${params.a.c}${params.d}"
  #expect(try note(params, text, file: "a: { b: x }\nd: y\n") == "x2y")
  #expect(try note(params, text, sets: ["d=z"], file: "a: { b: x }\nd: y\n") == "x2z")
}

@Test(arguments: [
  ("seed=[1]", "--set seed=[1]: there is no parameter 'seed'. Did you mean 'seeds'?"),
  ("seeds.x=1", "--set seeds.x=1: there is no parameter 'seeds.x'; 'seeds' is not a map"),
  ("seeds", "--set seeds: expected name=value"),
  ("=1", "--set =1: expected name=value"),
  (
    "seeds=[1",
    "--set seeds=[1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence"
  ),
  (
    "seeds=5",
    "--set seeds=5: stage 'model': axis 'seed': expected a list, a map of labels or a group such as ${stage}, found '5'"
  ),
  (
    "epochs=ten",
    "--set epochs=ten: stage 'model': epochs: expected a whole number, found 'ten' (all 4 instances)"
  ),
  (
    "seeds=",
    "--set seeds=: stage 'model': axis 'seed': expected a list, a map of labels or a group such as ${stage}, found nothing"
  ),
])
func aWrongSetIsExplained(set: String, message: String) throws {
  let found = try complaint(example, sets: [set])
  #expect(found == message)
}

@Test(arguments: [
  (
    "epochs: ten\n",
    "params.yaml:1:9: stage 'model': epochs: expected a whole number, found 'ten' (all 4 instances)"
  ),
  ("seed: 1\n", "params.yaml:1:1: there is no parameter 'seed'. Did you mean 'seeds'?"),
  ("- a\n", "params.yaml:1:1: expected a map of parameters, found a list"),
  ("", "params.yaml:1:1: expected a map of parameters, found nothing"),
])
func aWrongParametersFileIsExplained(file: String, message: String) throws {
  let found = try complaint(example, params: file)
  #expect(found == message)
}

@Test(arguments: [
  ("{ a: \"${params.b}\", b: \"${params.a}\" }", "2:32: params refer to each other in a cycle: a → b → a"),
  ("{ a: \"${params.a}\" }", "2:14: params refer to each other in a cycle: a → a"),
  ("{ a: \"${params.x}\" }", "2:14: ${params.x}: there is no parameter 'x'. Did you mean 'a'?"),
  ("{ a: \"${model}\" }", "2:14: params can refer to other params only, not to ${model}"),
  (
    "{ a: [1], b: \"x${params.a}\" }",
    "2:22: only a single value can stand inside a text; ${params.a} is a list"
  ),
  ("{ a: \"${params}\" }", "2:14: 'params' needs a name: ${params.name}"),
  (
    "{ a: \"${params.s[params.c].n}\", c: smal, s: { small: { n: 1 } } }",
    "2:14: ${params.s.smal.n}: there is no parameter 's.smal'. Did you mean 'small'?"
  ),
  (
    "{ a: \"${params.s[params.c]}\", c: [1], s: { small: 1 } }",
    "2:14: ${params.s[params.c]}: ${params.c} is not a name"
  ),
  (
    "{ a: \"${params.s[small]}\", s: { small: 1 } }",
    "2:14: a parameter chooses a member by another one, as in params.sizes[params.scale], in '${params.s[small]}'"
  ),
  (
    "{ a: \"${params.s[params.a]}\", s: { small: 1 } }", "2:14: params refer to each other in a cycle: a → a"
  ),
])
func wrongParametersAreExplained(params: String, message: String) throws {
  let found = try complaint(pipeline(params: params, "s: { uses: dataset/cifar10, with: { path: d } }"))
  #expect(found == "p.yaml:" + message)
}

@Test func parametersThatMultiplyAreBounded() throws {
  let lists = (1...12).map { i in
    let copies = repeatElement("\"${params.a\(i - 1)}\"", count: 10).joined(separator: ", ")
    return "a\(i): [\(copies)]"
  }
  let params = "{ a0: 1, \(lists.joined(separator: ", ")) }"
  let message = try complaint(pipeline(params: params, "s: { uses: dataset/cifar10, with: { path: d } }"))
  #expect(message?.hasSuffix("params expand to over a million values") == true)
}

/// H16: what is looked up in a list takes an hour for so many. The limit leaves room for whatever else runs meanwhile.
@Test(.timeLimit(.minutes(10))) func manyParametersTakeTheirTimeOnce() throws {
  let names = (0..<300_000).map { "p\($0)" }
  let params = "{ \(names.map { "\($0): 1" }.joined(separator: ", ")) }"
  let file = names.map { "\($0): d2\n" }.joined()
  let text = pipeline(params: params, "s: { uses: dataset/cifar10, with: { path: \"${params.p299999}\" } }")
  let loaded = try load(text, params: file)
  #expect(loaded.graph.instances[0].externals[0].url.lastPathComponent == "d2")
}

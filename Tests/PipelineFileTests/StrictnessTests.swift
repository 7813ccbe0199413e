import ContentStore
import Foundation
import PipelineFile
import Testing
import Workflow

/// Stage bodies for stage `s` in line 3 and what is said about them.
@Test(arguments: [
  ("{ use: train }", "3:8: stage 's': unknown key 'use'. Did you mean 'uses'?"),
  ("{ uses: trian }", "3:14: stage 's': there is no stage kind 'trian'. Did you mean 'train'?"),
  ("{ uses: command }", "3:14: stage 's': a command is written as 'run: …' instead of 'uses: command'"),
  ("{ uses: train, run: ls }", "3:26: stage 's': a stage has either 'uses' or 'run', not both"),
  ("{ matrix: { a: [1] } }", "3:3: stage 's': has neither 'uses: KIND' nor 'run: COMMAND'"),
  ("train", "3:6: stage 's': expected a map with uses or run, found 'train'"),
  ("{ uses: train, with: [1] }", "3:27: stage 's': with: expected a map, found a list"),
  (
    "{ uses: dataset/cifar10, with: { path: data, trian: 5 } }",
    "3:51: stage 's': unknown parameter 'trian'. Did you mean 'train'?"
  ),
  (
    "{ uses: dataset/cifar10, with: { path: data, train: many } }",
    "3:58: stage 's': train: expected a whole number, found 'many'"
  ),
  (
    "{ uses: dataset/cifar10, with: { path: data, train: '5' } }",
    "3:58: stage 's': train: expected a whole number, found '5', which its quotes make a text; take them away"
  ),
  (
    "{ uses: dataset/cifar10, with: { path: data, train: 0 } }",
    "3:58: stage 's': train: expected a number at least 1, found 0"
  ),
  ("{ uses: dataset/cifar10 }", "3:3: stage 's': 'path' is missing: folder with the batches (a path)"),
  ("{ uses: dataset/cifar10, with: { path: [a] } }", "3:45: stage 's': path: expected a path, found a list"),
  ("{ uses: train }", "3:3: stage 's': 'data' is missing: what to train on (one dataset)"),
  (
    "{ uses: dataset/cifar10, outputs: { a: b } }",
    "3:31: stage 's': 'outputs' goes with 'run'; this stage uses 'dataset/cifar10'"
  ),
  ("{ uses: dataset/cifar10, matrix: {} }", "3:31: stage 's': 'matrix' is empty: a matrix over nothing"),
  (
    "{ uses: dataset/cifar10, matrix: { a: [] } }",
    "3:44: stage 's': axis 'a' is empty: a matrix over nothing"
  ),
  (
    "{ uses: dataset/cifar10, matrix: { a: {} } }",
    "3:44: stage 's': axis 'a' is empty: a matrix over nothing"
  ),
  (
    "{ uses: dataset/cifar10, matrix: { a: 5 } }",
    "3:44: stage 's': axis 'a': expected a list, a map of labels or a group such as ${stage}, found '5'"
  ),
  ("{ uses: dataset/cifar10, matrix: { a: [1, 2, 1] } }", "3:51: stage 's': axis 'a' has 1 twice"),
  ("{ uses: dataset/cifar10, matrix: { a: [1, '1'] } }", "3:48: stage 's': axis 'a' has 1 twice"),
  (
    "{ uses: dataset/cifar10, matrix: { a.b: [1] } }",
    "3:41: stage 's': 'a.b' is not a name for an axis: letters, digits, _ and -"
  ),
  (
    "{ uses: dataset/cifar10, matrix: { a: [1] }, where: [\"${matrix.a == 2}\"] }",
    "3:59: stage 's': where: none of the 1 points holds: a matrix over nothing"
  ),
  (
    "{ uses: dataset/cifar10, matrix: { a: [1] }, where: \"${matrix.a == 2}\" }",
    "3:58: stage 's': where: expected a list, found '${matrix.a == 2}'"
  ),
  (
    "{ uses: dataset/cifar10, matrix: { a: [1] }, where: [\"${matrix.a}\"] }",
    "3:59: stage 's': expected a comparison such as ${matrix.a != matrix.b}, found '${matrix.a}'"
  ),
  (
    "{ uses: dataset/cifar10, matrix: { a: [x] }, where: [\"${matrix.a < 2}\"] }",
    "3:59: stage 's': 'x' < '2': these have no order. Numbers have one, instances of one stage, and members of one axis "
      + "or of axes that list the same: list them in their order under 'params' and let both axes be that list"
  ),
  (
    "{ uses: dataset/cifar10, matrix: { seed: [x] }, where: [\"${matrix.sed == 2}\"] }",
    "3:62: stage 's': ${matrix.sed}: the matrix has no axis 'sed'. Did you mean 'seed'?"
  ),
  (
    "{ uses: dataset/cifar10, where: [\"${matrix.a == 2}\"] }",
    "3:31: stage 's': 'where' has no matrix to choose from"
  ),
  (
    "{ uses: dataset/cifar10, environment: [A-B] }",
    "3:45: stage 's': environment: expected the name of a variable (its value comes from outside), found 'A-B'"
  ),
  (
    "{ uses: dataset/cifar10, environment: [{ A: hidden }] }",
    "3:45: stage 's': environment: expected the name of a variable, or { NAME: secret }, found a map"
  ),
  (
    "{ uses: dataset/cifar10, environment: [A, { A: secret }] }",
    "3:50: stage 's': environment: 'A' is written twice"
  ),
  ("{ uses: dataset/cifar10, environment: [A, A] }", "3:48: stage 's': environment: 'A' is written twice"),
  (
    "{ uses: dataset/cifar10, resources: { cpu: 1 } }",
    "3:44: stage 's': unknown key 'cpu'. Did you mean 'cpus'?"
  ),
  (
    "{ uses: dataset/cifar10, resources: { cpus: 0 } }",
    "3:50: stage 's': resources: cpus: expected a whole number from 1 to 4096, found '0'"
  ),
  (
    "{ uses: dataset/cifar10, retry: many }",
    "3:38: stage 's': retry: expected a whole number from 0 to 100, found 'many'"
  ),
  (
    "{ uses: dataset/cifar10, retry: { on: [memory] } }",
    "3:38: stage 's': retry: 'times' is missing: how often it is tried again"
  ),
  (
    "{ uses: dataset/cifar10, retry: { times: 1, on: [momery] } }",
    "3:55: stage 's': retry: there is no sort of failure 'momery'. Did you mean 'memory'?"
  ),
  (
    "{ uses: dataset/cifar10, retry: { times: 1, wait: 2 } }",
    "3:56: stage 's': retry: wait: expected a time up to 1h such as 10s, found '2'"
  ),
  (
    "{ uses: dataset/cifar10, resources: { memory: 2 } }",
    "3:52: stage 's': resources: memory: expected a size such as 500M or 2G, found '2'"
  ),
  (
    "{ uses: dataset/cifar10, resources: { time: 10x } }",
    "3:50: stage 's': resources: time: expected a time such as 90s, 10m or 1h30m, found '10x'"
  ),
  ("{ run: ls }", "3:3: stage 's': 'outputs' is missing: what the command writes, { name: file }"),
  ("{ run: ls, outputs: {} }", "3:26: stage 's': outputs: a command without outputs does nothing"),
  (
    "{ run: ls, outputs: { a: ../b } }",
    "3:31: stage 's': outputs: expected the name of a file for 'a', found '../b'"
  ),
  (
    "{ run: ls, outputs: { a: /b } }",
    "3:31: stage 's': outputs: expected the name of a file for 'a', found '/b'"
  ),
  ("{ run: ls, outputs: { a: x, b: x } }", "3:37: stage 's': outputs: two outputs are written to 'x'"),
  (
    "{ run: ls, outputs: { a: x }, code: [/etc/*] }",
    "3:43: stage 's': code: expected a path or pattern below the project's root, found '/etc/*'"
  ),
  (
    "{ run: ls, with: { a: 1 }, outputs: { a: x } }",
    "3:17: stage 's': 'with' goes with 'uses'; a command names what it reads in 'run'"
  ),
  (
    "{ run: \"ls ${out.b}\", outputs: { a: x } }",
    "3:13: stage 's': run: ${out.b} is not among 'outputs'. Did you mean 'a'?"
  ),
  ("{ run: [ls], outputs: { a: x } }", "3:13: stage 's': run: expected the text of a command, found a list"),
  ("{ run: \" \", outputs: { a: x } }", "3:13: stage 's': run: nothing to run"),
])
func aStageIsReadStrictly(stage: String, message: String) throws {
  let found = try complaint(pipeline("s: " + stage))
  #expect(found == "p.yaml:" + message)
}

@Test(arguments: [
  ("", "1:1: the file is empty"),
  ("# nothing\n", "1:1: the file is empty"),
  ("- a\n", "1:1: expected a map with version, params and stages, found a list"),
  ("stages: {}\n", "1:1: 'version: 1' is missing"),
  ("version: 2\nstages: {}\n", "1:10: version 2 is newer than this program, which reads version 1"),
  ("version: one\nstages: {}\n", "1:10: version: expected 1, found 'one'"),
  ("version: 1\nstages: {}\n", "1:1: the file has no stages"),
  ("version: 1\nstage: {}\n", "2:1: unknown key 'stage'. Did you mean 'stages'?"),
  ("version: 1\nparams: [1]\nstages: {}\n", "2:9: params: expected a map, found a list"),
  ("version: 1\nversion: 1\n", "1:1: 'version' is written twice in one map"),
  ("version: 1\n---\nversion: 1\n", "3:1: a second YAML document; a file holds one"),
  (
    "version: &a 1\nstages: *a\n",
    "1:10: anchors (&) and aliases (*) are not read; put the value under 'params' and write ${params.name}"
  ),
  ("version: !!int 1\n", "1:10: YAML tags (!) are not read; the parameter's type decides what a value means"),
  ("version: 1\n\tstages: {}\n", "2:1: a tab can't indent or begin a value; use spaces"),
  (
    "version: 1\nstages: [\n",
    "3:1: not valid YAML: did not find expected node content while parsing a flow node"
  ),
  ("version: 1\nx: *.py\n", "2:5: quote text that begins with '*'"),
  (
    "version: 1\nstages:\n  s: { uses: train, with: { data: ${images} } }\n",
    "3:35: quote \"${…}\" inside { } and [ ]"
  ),
  ("version: 1\nstages:\n  s:\n    where: [${a}]\n", "4:13: quote \"${…}\" inside { } and [ ]"),
  ("version: 1\nx: \u{1}\n", "2:4: not valid YAML: control characters are not allowed"),
  ("version: 1\n? [a]\n: b\n", "2:3: expected a name before ':'"),
  (
    "version: 1\nremote: [[a]]\nstages: {a: 1}\n",
    "2:10: remote: expected a folder, a URL or { name, url, access }, found a list"
  ),
  (
    "version: 1\nstages:\n  matrix: { run: ls }\n",
    "3:3: stage 'matrix': not a name for a stage: letters, digits, _ and -, a letter first; params, matrix, in, out are taken"
  ),
])
func aFileIsReadStrictly(text: String, message: String) throws {
  let found = try complaint(text)
  #expect(found == "p.yaml:" + message)
}

@Test func severalStagesTellTheirIssuesAtOnce() throws {
  let text = pipeline("a: { uses: x }\nb: { uses: y }\nc: { uses: train, with: { data: 1 } }\n")
  let found = try complaint(text)
  #expect(
    found == """
      p.yaml:3:14: stage 'a': there is no stage kind 'x'. Known: command, dataset/cifar10, stitch, table, train
      p.yaml:4:14: stage 'b': there is no stage kind 'y'. Known: command, dataset/cifar10, stitch, table, train
      p.yaml:5:35: stage 'c': 'data' takes one dataset: expected a reference such as ${stage}, found '1'
      """)
}

@Test func aStageTellsAllThatIsWrongWithIt() throws {
  let text = pipeline(
    params: "{ lerning: 0, epochs: ten }",
    """
    images: { uses: dataset/cifar10, with: { path: [a], trian: 1, train: 0 } }
    model: { uses: train, with: { dat: 1, epochs: "${params.epochs}", rate: "${params.lerning}" } }
    """)
  let found = try complaint(text)
  #expect(
    found == """
      p.yaml:2:20: stage 'model': rate: expected a number above 0, found 0
      p.yaml:2:31: stage 'model': epochs: expected a whole number, found 'ten'
      p.yaml:4:50: stage 'images': path: expected a path, found a list
      p.yaml:4:55: stage 'images': unknown parameter 'trian'. Did you mean 'train'?
      p.yaml:4:72: stage 'images': train: expected a number at least 1, found 0
      p.yaml:5:33: stage 'model': unknown parameter 'dat'. Did you mean 'data'?
      """)
}

@Test func aSlipThatManyInstancesShowIsToldOnce() throws {
  let text = pipeline(
    """
    images: { uses: dataset/cifar10, with: { path: data } }
    model:
      matrix: { epochs: [1, ten, 0], seed: [0, 1, 2, 3] }
      uses: train
      with: { data: "${images}", epochs: "${matrix.epochs}", seed: "${matrix.seed}" }
    """)
  let found = try complaint(text)
  #expect(
    found == """
      p.yaml:5:27: stage 'model': epochs: expected a whole number, found 'ten' (4 of 12 instances)
      p.yaml:5:32: stage 'model': epochs: expected a number at least 1, found 0 (4 of 12 instances)
      """)
}

@Test func parametersThatNothingUsesAreSuspicious() throws {
  let text = pipeline(
    params: "{ a: 1, b: { c: 2, d: 3 }, e: \"${params.f}\", f: 4, g: { h: 5 }, i: data }",
    """
    images: { uses: dataset/cifar10, with: { path: "${params.i}", train: "${params.b.c}" } }
    model: { uses: train, with: { data: "${images}", epochs: "${params.e}" } }
    """)
  let warnings = try load(text).warnings.map { "\($0.place.line):\($0.place.column): \($0.message)" }
  #expect(
    warnings == [
      "2:11: nothing uses the parameter 'a': write ${params.a} where it is meant, or take it out",
      "2:28: nothing uses the parameter 'b.d': write ${params.b.d} where it is meant, or take it out",
      "2:60: nothing uses the parameter 'g': write ${params.g} where it is meant, or take it out",
    ])
}

@Test func anAxisThatTheWorkDoesNotUseIsSuspicious() throws {
  let text = pipeline(
    """
    images: { uses: dataset/cifar10, with: { path: data } }
    model:
      matrix: { seed: [0, 1], epochs: [1, 2], one: [1] }
      where: ["${matrix.seed != 7}"]
      uses: train
      with: { data: "${images}", epochs: "${matrix.epochs}" }
    """)
  let warnings = try load(text).warnings.map(\.message)
  #expect(
    warnings == [
      "stage 'model': its work doesn't use the axis 'seed', so instances that differ in it alone are one result: "
        + "write ${matrix.seed} where it is meant, or take it out"
    ])
}

@Test func filesThatAreNoTextAreRefused() throws {
  let project = try TemporaryProject()
  func complaint(_ name: String, _ bytes: Data) throws -> String {
    let path = try project.write(bytes, to: name)
    let error = #expect(throws: PipelineFileError.self) {
      try Pipeline.load(path: path, catalogue: toyCatalogue)
    }
    return (error?.description ?? "").replacing(project.root.path + "/", with: "")
  }
  let binary = try complaint("a.yaml", Data([0x76, 0x0A, 0x61, 0xFF, 0xFE]))
  #expect(binary == "a.yaml:2:2: not UTF-8 text")
  let large = try complaint("b.yaml", Data(repeating: UInt8(ascii: "["), count: 50 << 20))
  #expect(large == "b.yaml: larger than 8 MB, which no pipeline file is")
  let brackets = Data("version: 1\nstages: ".utf8) + Data(repeating: UInt8(ascii: "["), count: 5 << 20)
  let nested = try complaint("c.yaml", brackets)
  #expect(nested == "c.yaml:2:10: nested too deep")
  let steps = (0..<900).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
  let block = try complaint("d.yaml", Data(steps.utf8))
  #expect(block == "d.yaml:101:101: nested more than 100 deep")
  let maps = try complaint("e.yaml", Data(String(repeating: "{a: ", count: 200_000).utf8))
  #expect(maps.hasSuffix("nested too deep"))
  let folder = #expect(throws: PipelineFileError.self) {
    try Pipeline.load(path: project.root.path, catalogue: toyCatalogue)
  }
  #expect(folder?.description == project.root.path + ": expected a YAML file, found a directory")
  let missing = #expect(throws: PipelineFileError.self) {
    try Pipeline.load(path: "/nowhere/p.yaml", catalogue: toyCatalogue)
  }
  #expect(missing?.description == "/nowhere/p.yaml: there is no such file")
}

@Test func aByteOrderMarkIsSkipped() throws {
  #expect(try load("\u{FEFF}" + example).graph.instances.count == 31)
}

@Test func theRootIsTheNearestAncestorWithAMark() throws {
  let project = try TemporaryProject()
  let deep = project.root.appendingPathComponent("pipelines/a/b")
  try FileManager.default.createDirectory(at: deep, withIntermediateDirectories: true)
  let path = try project.write(Data(example.utf8), to: "pipelines/a/b/p.yaml")
  let pipeline = try Pipeline.load(path: path, catalogue: toyCatalogue)
  #expect(pipeline.root.path == project.root.path)
  #expect(pipeline.file == "pipelines/a/b/p.yaml")
  try FileManager.default.createDirectory(
    at: project.root.appendingPathComponent("pipelines/.git"), withIntermediateDirectories: true)
  #expect(try Pipeline.load(path: path, catalogue: toyCatalogue).file == "a/b/p.yaml")
}

@Test func theRemoteIsAsWritten() throws {
  #expect(try load("remote: ../shared\n" + example).remotes == [RemoteSetting(url: "../shared")])
  #expect(try load(example).remotes == [])
}

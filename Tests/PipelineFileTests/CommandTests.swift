import Canonical
import ContentStore
import PipelineFile
import Testing
import Workflow

private func command(_ run: String, matrix: String? = nil, params: String? = nil) throws -> [Instance] {
  let text = pipeline(
    params: params,
    """
    images: { uses: dataset/cifar10, with: { path: data } }
    model:
      matrix: { seed: [0, 1] }
      uses: train
      with: { data: "${images}", seed: "${matrix.seed}" }
    first: { run: "ls > ${out.list}", outputs: { list: list.txt } }
    s:
      \(matrix.map { "matrix: \($0)" } ?? "environment: []")
      run: |
        \(run)
      outputs: { probe: probe.json }
    """)
  return Array(try load(text).graph.instances.dropFirst(4))
}

@Test func referencesInCommandsBecomeOrdinals() throws {
  let s = try command(
    "cat ${model[seed=1].scores} ${first} ${model[seed=1].scores} ${model.model} > ${out.probe}")[0]
  #expect(s.parameters["run"] == "cat ${in.1} ${in.2} ${in.1} ${in.3} > ${out.probe}\n")
  #expect(s.parameters["outputs"]?.canonical == #"{"probe":"probe.json"}"#)
  #expect(s.parameters["extensions"]?.canonical == #"{"1":"json","2":"txt"}"#)
  #expect(s.inputs.map(\.name) == ["1", "2", "3"])
  #expect(s.inputs.map(\.isList) == [false, false, true])
  // Which member of a group is which is told to the command, so it is in the key.
  #expect(s.inputs.map(\.labelled) == [false, false, true])
  #expect(
    s.inputs.map(\.sources) == [
      [Source(instance: 2, output: "scores")], [Source(instance: 3, output: "list")],
      [Source(instance: 1, output: "model"), Source(instance: 2, output: "model")],
    ])
}

@Test("F7: a reference that leaves an axis free tells it, however many it means now")
func openReferencesAreLabelled() throws {
  for (reference, labelled) in [("model.model", true), ("model[seed=0].model", false), ("images", false)] {
    let text = pipeline(
      """
      images: { uses: dataset/cifar10, with: { path: data } }
      model: { matrix: { seed: [0] }, uses: train, with: { data: "${images}", seed: "${matrix.seed}" } }
      s: { run: "cat ${\(reference)}", outputs: { x: x.txt } }
      """)
    let input = try #require(try load(text).graph.instances.last?.inputs.first)
    #expect(input.labelled == labelled && !input.isList, "\(reference)")
  }
}

@Test func valuesInCommandsAreQuotedForTheShell() throws {
  let made = try command(
    "fit --rate ${matrix.rate} --note ${params.note} --what ${matrix.what} $${HOME} $HOME",
    matrix: "{ rate: [1e-3], what: { plain: null } }", params: "{ note: \"it's $${x}\" }")
  #expect(
    made[0].parameters["run"] == "fit --rate 1e-3 --note 'it'\\''s $${x}' --what plain $${HOME} $HOME\n")
  let text = CommandText(parsing: made[0].parameters["run"]!.stringValue!)
  #expect(
    text.pieces == [.literal("fit --rate 1e-3 --note 'it'\\''s ${x}' --what plain ${HOME} $HOME\n")])
}

@Test func commandTextReadsBackWhatItWrote() {
  var text = CommandText()
  text.append(.literal("a $${ ${ $"))
  text.append(.literal("{b} }"))
  text.append(.input("3"))
  text.append(.literal("\u{301}${in.1}"))
  text.append(.output("x"))
  text.append(.input("brain"))
  #expect(CommandText(parsing: text.text) == text)
  #expect(
    text.words(input: { ["<\($0)>"] }, output: { "[\($0)]" }) == [
      "a $${ ${ ${b} }<3>\u{301}${in.1}[x]<brain>"
    ])
  #expect(CommandText(parsing: "${inx} ${").pieces == [.literal("${inx} ${")])
}

@Test func aCommandsProgramsAreThoseOfItsBoundText() throws {
  let code = try #require(
    try command("cd ${params.folder} && python x.py | ${first}", params: "{ folder: a b }")[0].commandCode)
  #expect(code.programs == [.init("/bin/sh", isCertain: true), .init("python", directory: "a b")])
  #expect(code.patterns == [] && code.unknown == [])
}

@Test(arguments: [
  ("cat ${HOME}", "p.yaml:9:10: stage 's': there is no stage 'HOME'; the shell's own is written $${HOME}"),
  ("cat ${modle}", "p.yaml:9:10: stage 's': there is no stage 'modle'. Did you mean 'model'?"),
  (
    "cat ${model}",
    "p.yaml:9:10: stage 's': ${model} could mean several outputs: name one, of ${model.model}, ${model.scores}"
  ),
  (
    "cat '${params.l}'",
    "p.yaml:9:10: stage 's': run: ${params.l} is a list, which inside quotes would be one word. Take it out of the quotes"
  ),
])
func wrongReferencesInCommandsAreExplained(run: String, message: String) throws {
  let text = pipeline(
    params: "{ l: [1] }",
    """
    images: { uses: dataset/cifar10, with: { path: data } }
    model: { matrix: { seed: [0, 1] }, uses: train, with: { data: "${images}" } }
    first: { run: "ls > ${out.list}", outputs: { list: list.txt } }
    s:
      outputs: { probe: probe.json }
      run: \(run)
    """)
  let found = try complaint(text)
  #expect(found == message)
}

private func outputs(_ written: String, _ more: String = "") throws -> String {
  pipeline(
    """
    images: { uses: dataset/cifar10, with: { path: data } }
    s: { run: "fit ${out.net}", outputs: \(written) }
    \(more)
    """)
}

@Test("F1: a typed output of a command is taken where one of its type is wanted")
func typedOutputs() throws {
  let stitch = """
    t: { uses: stitch, with: { front: "${s}", end: "${s.net}", data: "${images}", from: a, to: b } }
    """
  let text = try outputs("{ net: { file: net.pt, type: model }, notes: { file: notes.txt } }", stitch)
  let instances = try load(text).graph.instances
  #expect(instances[1].outputs.map(\.type) == [.model, .file])
  #expect(instances[1].outputs.map(\.fileName) == ["net.pt", "notes.txt"])
  #expect(instances[1].parameters["types"]?.canonical == #"{"net":"model"}"#)
  #expect(instances[1].commandCode?.reception.files == ["receiver": .of("1".utf8)])
  #expect(instances[2].inputs[1].sources == [Source(instance: 1, output: "net")])
  let plain = try load(try outputs("{ net: net.pt }")).graph.instances
  #expect(plain[1].commandCode?.reception.files == [:])
  #expect(
    try complaint(try outputs("{ net: net.pt }", stitch))?.contains(
      "'front' takes one model; 's' has no such")
      == true)
}

@Test(arguments: [
  (
    "{ net: { file: n, type: modle } }",
    "outputs: there is no type of artifact 'modle' that a command can make. Did you mean 'model'?"
  ),
  (
    "{ net: { file: n, type: sound } }",
    "outputs: there is no type of artifact 'sound' that a command can make. Known: file, model"
  ),
  (
    "{ net: { type: model } }",
    "outputs: 'net' has no file: what the command writes, { file: acts.npy, type: … }"
  ),
  ("{ net: { file: n, typ: model } }", "unknown key 'typ'. Did you mean 'type'?"),
  ("{ net: { file: /n } }", "outputs: expected the name of a file for 'net', found '/n'"),
])
func wrongTypedOutputsAreExplained(written: String, message: String) throws {
  let found = try #require(try complaint(try outputs(written)))
  #expect(found.hasSuffix(": stage 's': " + message) && found.hasPrefix("p.yaml:4:"), "\(found)")
}

private func resuming(_ written: String) -> String {
  pipeline(
    """
    s: { run: "go ${out.state}", outputs: { state: state.pt, log: log.txt }, resume: "\(written)" }
    """)
}

@Test func whatACommandResumesFromIsOneOfItsOutputs() throws {
  let instances = try load(resuming("${out.state}")).graph.instances
  #expect(instances[0].parameters["resume"] == "state")
}

@Test(arguments: [
  ("${out.stat}", "resume: ${out.stat} is not among 'outputs'. Did you mean 'state'?"),
  ("state", "resume: expected an output of this command such as ${out.state}, found 'state'"),
  ("${in.state}", "resume: expected an output of this command such as ${out.state}, found '${in.state}'"),
  ("${out.state}2", "resume: expected an output of this command such as ${out.state}, found '${out.state}2'"),
])
func wrongStatesAreExplained(written: String, message: String) throws {
  let found = try #require(try complaint(resuming(written)))
  #expect(found.hasSuffix(": stage 's': " + message) && found.hasPrefix("p.yaml:3:"), "\(found)")
}

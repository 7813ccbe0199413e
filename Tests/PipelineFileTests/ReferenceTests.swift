import Canonical
import ContentStore
import Foundation
import PipelineFile
import Testing
import Workflow

private let models = """
  images:
    uses: dataset/cifar10
    with: { path: data }
  model:
    matrix: { regime: { standard: null, robust: { epsilon: 8/255 } }, seed: [0, 1] }
    uses: train
    with: { data: "${images}", seed: "${matrix.seed}", adversary: "${matrix.regime}" }

  """

/// What is wrong with stage `s` beside the four models; the stage's `with` is in line 13 of the file.
private func complaintAbout(_ stage: String) throws -> String? {
  try complaint(pipeline(params: "{ cut: stem, pair: [a, b] }", models + "s:\n" + indented(stage)))
}

private func indented(_ text: String) -> String {
  text.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
}

@Test(arguments: [
  (
    "${model}",
    "13:20: stage 's': 'front' takes one model; ${model} is a group of 4 (regime, seed). Bind both, or make it an axis."
  ),
  (
    "${model[seed=1]}",
    "13:20: stage 's': 'front' takes one model; ${model[seed=1]} is a group of 2 (regime). Bind it, or make it an axis."
  ),
  ("${model[seed=7]}", "13:20: stage 's': no instance of 'model' has seed=7; it has 0, 1"),
  ("${model[sed=0]}", "13:20: stage 's': 'model' has no axis 'sed'. Did you mean 'seed'?"),
  ("${images[seed=0]}", "13:20: stage 's': 'images' has no matrix to select from by 'seed'"),
  ("${modle}", "13:20: stage 's': there is no stage 'modle'. Did you mean 'model'?"),
  (
    "${model[regime=standard, seed=0].modle}",
    "13:20: stage 's': 'model' has no output 'modle'. Did you mean 'model'?"
  ),
  (
    "${model[regime=standard, seed=0].scores}",
    "13:20: stage 's': 'front' takes one model; ${model[regime=standard, seed=0].scores} is a table"
  ),
  (
    "${images}",
    "13:20: stage 's': 'front' takes one model; 'images' has no such output; it has data (dataset)"
  ),
  (
    "model", "13:20: stage 's': 'front' takes one model: expected a reference such as ${model}, found 'model'"
  ),
  (
    "${params.cut}",
    "13:20: stage 's': 'front' takes one model: expected a reference such as ${stage}, found 'stem'"
  ),
  ("${params.cat}", "13:20: stage 's': ${params.cat}: there is no parameter 'cat'. Did you mean 'cut'?"),
  ("${matrix.cut}", "13:20: stage 's': ${matrix.cut}: there is no axis 'cut'; this stage has no matrix"),
  ("${model[seed=0}", "13:20: stage 's': expected ',' or ']', found '}' in '${model[seed=0}'"),
  ("${model", "13:20: stage 's': expected '}', found the end in '${model'"),
  ("${}", "13:20: stage 's': expected a name, found '}' in '${}'"),
  ("${model[seed='0]}", "13:20: stage 's': the quote ' is not closed in '${model[seed='0]}'"),
  (
    "${out.x}",
    "13:20: stage 's': ${out.x}: only 'run' and 'arguments' can name what a command reads and writes"
  ),
  ("${model == model}", "13:20: stage 's': comparisons (==) stand in 'where' only"),
  ("${model.a.b}", "13:20: stage 's': ${model.a.b}: after a stage stands one name, of an output"),
  ("${s}", "13:20: stage 's': stages refer to each other in a cycle: s → s"),
  (
    "{ a: b }",
    "13:20: stage 's': 'front' takes one model: expected a reference such as ${stage}, found a map"
  ),
])
func aWrongReferenceIsExplained(reference: String, message: String) throws {
  let value = reference.hasPrefix("{") ? reference : "\"\(reference)\""
  let stage = """
    uses: stitch
    with: { front: \(value), end: "${model[seed=0, regime=standard]}", data: "${images}", from: stem, to: stem }
    """
  let found = try complaintAbout(stage)
  #expect(found == "p.yaml:" + message)
}

@Test func aSelectionThatNoInstanceMeetsNamesItself() throws {
  let text = pipeline(
    models + """
      picked:
        matrix: { front: "${model}", end: "${model}" }
        where: ["${matrix.front.seed != matrix.end.seed}"]
        uses: stitch
        with: { front: "${matrix.front}", end: "${matrix.end}", data: "${images}", from: a, to: a }
      t:
        uses: table
        with: { rows: "${picked[front.seed=0, end.seed=0]}" }
      """)
  let found = try complaint(text)
  #expect(
    found
      == "p.yaml:17:19: stage 't': no instance of 'picked' has all of ${picked[front.seed=0, end.seed=0]} together"
  )
}

@Test func membersOfGroupAxesAreSelectedByTheirAxes() throws {
  let pipeline = try load(
    pipeline(
      models + """
        s:
          matrix: { front: "${model}", cut: [stem, stage1.0] }
          uses: stitch
          with: { front: "${matrix.front}", end: "${model[regime=standard,seed=0]}", data: "${images}", from: "${matrix.cut}", to: "${matrix.cut}" }
        t:
          uses: table
          with: { rows: "${s[front.seed = 1, front.regime = standard|robust, cut=stage1.0]}" }
        u:
          uses: table
          with: { rows: ["${s[front=model[regime=robust,seed=0],cut=stem]}", "${model.scores}"] }
        """))
  let names = { (stage: String) in
    pipeline.graph.instances.first { $0.name == stage }!.inputs[0].sources.map {
      "\(pipeline.graph.instances[$0.instance].name).\($0.output)"
    }
  }
  #expect(
    names("t") == [
      "s[front=model[regime=standard,seed=1],cut=stage1.0].scores",
      "s[front=model[regime=robust,seed=1],cut=stage1.0].scores",
    ])
  #expect(
    names("u") == [
      "s[front=model[regime=robust,seed=0],cut=stem].scores", "model[regime=standard,seed=0].scores",
      "model[regime=standard,seed=1].scores", "model[regime=robust,seed=0].scores",
      "model[regime=robust,seed=1].scores",
    ])
}

@Test func referencesMayPointDownTheFile() throws {
  let graph = try load(
    pipeline(
      """
      t:
        uses: table
        with: { rows: "${model}" }
      model:
        matrix: { seed: [2, 1] }
        uses: train
        with: { data: "${images}", seed: "${matrix.seed}" }
      images:
        uses: dataset/cifar10
        with: { path: data }
      """)
  ).graph
  #expect(graph.instances.map(\.name) == ["t", "model[seed=2]", "model[seed=1]", "images"])
  #expect(graph.instances[0].inputs[0].sources.map(\.instance) == [1, 2])
  #expect(graph.order == [3, 1, 2, 0])
}

@Test func aSelectorMayTakeItsValueFromTheMatrix() throws {
  let graph = try load(
    pipeline(
      models + """
        s:
          matrix: { seed: [0, 1] }
          uses: train
          with: { data: "${images}", start: "${model[regime=standard, seed=matrix.seed]}" }
        """)
  ).graph
  #expect(
    graph.instances.suffix(2).map { $0.inputs[1].sources } == [
      [Source(instance: 1, output: "model")], [Source(instance: 2, output: "model")],
    ])
}

@Test func aReferenceTravelsThroughALabelledAxis() throws {
  let graph = try load(
    pipeline(
      models + """
        s:
          matrix:
            net: { plain: "${model[regime=standard, seed=0]}", tuned: { start: "${model[regime=robust, seed=1]}", rate: 1e-3 } }
          where: ["${matrix.net == tuned}"]
          uses: train
          with: { data: "${images}", start: "${matrix.net.start}", rate: "${matrix.net.rate}" }
        t:
          matrix: { net: { plain: "${model[regime=standard, seed=0]}", other: "${s}" } }
          uses: train
          with: { data: "${images}", start: "${matrix.net}" }
        """)
  ).graph
  let s = graph.instances[5]
  #expect(s.name == "s[net=tuned]")
  #expect(s.parameters["rate"] == .number(1e-3))
  #expect(s.inputs[1].sources == [Source(instance: 4, output: "model")])
  #expect(graph.instances[6...].map(\.name) == ["t[net=plain]", "t[net=other]"])
  #expect(graph.instances[6...].map { $0.inputs[1].sources[0].instance } == [1, 5])
  #expect(graph.instances[6].labels == [Label(axis: "net", value: "plain")])
}

@Test func nullOnALabelledAxisIsNotWritten() throws {
  let graph = try load(
    pipeline(
      """
      images: { uses: dataset/cifar10, with: { path: data } }
      model:
        matrix: { how: { short: { epochs: 2 }, plain: null } }
        uses: train
        with: { data: "${images}", epochs: "${matrix.how.epochs}" }
      """)
  ).graph
  #expect(graph.instances.dropFirst().map { $0.parameters["epochs"] } == [.integer(2), .integer(10)])
}

@Test func anAxisOverTwoStagesSaysWhichOne() throws {
  let graph = try load(
    pipeline(
      models + """
        short: { uses: train, with: { data: "${images}", epochs: 1 } }
        s:
          matrix: { net: ["${short}", "${model[seed=0]}"] }
          uses: train
          with: { data: "${images}", start: "${matrix.net}" }
        """)
  ).graph
  #expect(
    graph.instances.suffix(3).map { $0.labels.map { "\($0.axis)=\($0.value)" }.joined(separator: " ") } == [
      "net=short", "net=model net.regime=standard net.seed=0", "net=model net.regime=robust net.seed=0",
    ])
}

@Test func cyclesOfStagesAreNamed() throws {
  let text = pipeline(
    """
    a: { uses: table, with: { rows: "${b.scores}" } }
    b: { uses: train, with: { data: "${c}" } }
    c: { uses: train, with: { data: "${b}" } }
    """)
  let found = try complaint(text)
  #expect(found == "p.yaml:4:35: stage 'b': stages refer to each other in a cycle: b → c → b")
}

@Test func aReferenceMayStandWhereAPathStands() throws {  // own outputs join the graph
  func stages(_ path: String) -> String {
    pipeline(
      """
      made:
        matrix: { seed: [0, 1] }
        run: make ${matrix.seed} ${out.bins} ${out.net}
        outputs: { bins: bins, net: { file: net.bin, type: model } }
      images:
        uses: dataset/cifar10
        with:
          path: \(path)
      """)
  }
  let instance = try #require(load(stages("${made[seed=1].bins}")).graph.instances.last)
  #expect(instance.externals.isEmpty)
  let binding = try #require(instance.inputs.first)
  #expect(instance.inputs.count == 1 && binding.name == "path" && !binding.isList && !binding.labelled)
  #expect(binding.sources == [Source(instance: 1, output: "bins")])
  // The only output that fits needn't be named.
  #expect(try load(stages("${made[seed=1]}")).graph.instances.last?.inputs[0].sources == binding.sources)
  // A path is still one.
  #expect(try load(stages("made")).graph.instances.last?.externals.map(\.name) == ["path"])

  for (path, expected) in [
    (
      "${made.bins}",
      "'path' takes one file; ${made.bins} is a group of 2 (seed). Bind it, or make it an axis."
    ),
    ("${made[seed=1].net}", "'path' takes one file; ${made[seed=1].net} is a model"),
    ("[a]", "path: expected a path, found a list"),
  ] {
    #expect(try complaint(stages(path))?.hasSuffix(expected) == true, "\(path)")
  }
}

@Test(arguments: [
  ("${cut}", "there is no stage 'cut'. Did you mean '${matrix.cut}' or '${params.cut}'?"),
  ("${pair}", "there is no stage 'pair'. Did you mean '${params.pair}'?"),
  ("${depth}", "there is no stage 'depth'. Did you mean '${matrix.depth}'?"),
  ("${dept}", "there is no stage 'dept'. Did you mean '${matrix.depth}'?"),
  ("${image}", "there is no stage 'image'. Did you mean 'images'?"),
  ("${zzz}", "there is no stage 'zzz'. Known: images, model, s"),
])
func aNameWithoutItsRootIsToldTheRoot(_ reference: String, _ message: String) throws {
  let found = try complaintAbout(
    """
    matrix: { cut: [stem], depth: [1, 2] }
    uses: train
    with: { data: "${images}", note: "\(reference)" }
    """)
  #expect(found == "p.yaml:14:38: stage 's': \(message)")
}

@Test func inACommandANameMayBeTheShellsOwn() throws {
  let command = { (word: String) in "run: echo ${\(word)} > ${out.o}\noutputs: { o: { file: o } }" }
  #expect(
    try complaintAbout(command("HOME"))
      == "p.yaml:12:10: stage 's': there is no stage 'HOME'; the shell's own is written $${HOME}")
  #expect(
    try complaintAbout(command("cut"))
      == "p.yaml:12:10: stage 's': there is no stage 'cut'. Did you mean '${params.cut}'?")
}

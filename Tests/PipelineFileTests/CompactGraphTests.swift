import Canonical
import PipelineFile
import Testing
import Workflow

/// The graph keeps stages in columns, and makes of a row what is asked of it.
@Suite struct CompactGraphTests {
  private static let text = """
    version: 1
    stages:
      images:
        matrix: { kind: [plain, "a, b", "it's [x=1]"] }
        run: echo ${matrix.kind} > ${out.x}
        outputs: { x: x }
      model:
        matrix: { seed: [0, 1, 2], data: "${images}", mode: { short: { n: 1 }, long: { n: 2 } } }
        where: ["${matrix.seed != 1}"]
        run: cat ${matrix.data} ${images[kind=plain]} > ${out.x}; echo ${matrix.seed} ${matrix.mode.n}
        inputs: { other: "${images[kind=plain]}" }
        outputs: { x: x, y: y }
      all:
        run: cat ${model.y} > ${out.x}
        outputs: { x: x }
    """

  @Test func everyInstanceIsFoundByItsName() throws {
    let graph = try load(CompactGraphTests.text).graph
    #expect(graph.instances.count == 3 + 12 + 1)
    #expect(Set(graph.instances.map(\.name)).count == graph.instances.count)
    for (i, instance) in graph.instances.enumerated() { #expect(graph.index(of: instance.name) == i) }
    #expect(graph.instances[2].name == "images[kind='it''s [x=1]']")
    #expect(graph.instances[14].name == "model[seed=2,data=images[kind='it''s [x=1]'],mode=long]")
    for name in [
      "", "model", "model[]", "model[seed=0]", "model[seed=1,data=images[kind=plain],mode=long]",
      "model[seed=0,data=images[kind=none],mode=long]", "images[kind=plain", "images[kind=plain]x", "all[]",
      "images[kind='it''s [x=1]']]",
    ] { #expect(graph.index(of: name) == nil, "\(name)") }
  }

  @Test func everyRowSaysWhatItsPointMeans() throws {
    let graph = try load(CompactGraphTests.text).graph
    for (i, instance) in graph.instances.enumerated() where instance.stage == "model" {
      let labels = Dictionary(uniqueKeysWithValues: instance.labels.map { ($0.axis, $0.value) })
      let data = graph.instances[graph.dependencies[i].last!]
      #expect(labels["data.kind"] == data.labels[0].value)
      // What is declared and read by a reference too is one input.
      let isDeclared = labels["data.kind"] == "plain"
      #expect(instance.inputs.map(\.name).sorted() == (isDeclared ? ["other"] : ["1", "other"]))
      let n = labels["mode"] == "short" ? 1 : 2
      let run = instance.parameters["run"]?.stringValue
      #expect(run?.hasSuffix("echo \(labels["seed"]!) \(n)") == true)
      #expect(instance.outputs.map(\.name) == ["x", "y"])
    }
    let all = graph.instances[15]
    #expect(all.inputs[0].sources.map(\.instance) == Array(3..<15))
    #expect(all.inputs[0].sources.allSatisfy { $0.output == "y" })
  }

  @Test func edgesAreTheSameFromBothEnds() throws {
    let graph = try load(CompactGraphTests.text).graph
    for i in graph.instances.indices {
      let sources = Set(graph.instances[i].inputs.flatMap { $0.sources.map(\.instance) })
      #expect(Array(graph.dependencies[i]) == sources.sorted())
      #expect(
        Array(graph.consumers[i]) == graph.instances.indices.filter { graph.dependencies[$0].contains(i) })
    }
    let places = Dictionary(uniqueKeysWithValues: graph.order.enumerated().map { ($1, $0) })
    #expect(places.count == graph.instances.count)
    for i in graph.instances.indices {
      #expect(graph.dependencies[i].allSatisfy { places[$0]! < places[i]! })
    }
  }

  /// Optional inputs that some points leave out keep their places among the others.
  @Test func anInputThatSomeLeaveOutIsNotAnothers() throws {
    let graph = try load(
      """
      version: 1
      stages:
        a: { matrix: { n: [1, 2] }, run: "echo ${matrix.n} > ${out.x}", outputs: { x: x } }
        b:
          matrix: { first: { none: null, one: "${a[n=1]}" }, second: "${a}" }
          run: cat ${in.second}
          inputs: { first: "${matrix.first}", second: "${matrix.second}" }
          outputs: { x: x }
      """
    ).graph
    let read = graph.instances.dropFirst(2).map { instance in
      instance.inputs.map { "\($0.name) \($0.sources.map(\.instance))" }
    }
    #expect(
      read == [["second [0]"], ["second [1]"], ["first [0]", "second [0]"], ["first [0]", "second [1]"]])
  }
}

import Canonical
import ContentStore
import Foundation
import Reporting
import Testing
import Workflow

@Test func dotGroupsInstancesByStage() {
  let dot = GraphText(exampleGraph(seeds: 1)).dot
  #expect(
    dot == """
      digraph pipeline {
        rankdir=LR;
        node [shape=box, style=rounded, fontname="sans-serif"];
        graph [fontname="sans-serif", style="rounded", color=gray];
        n0 [label="data\\nsource", tooltip="data"];
        subgraph cluster_1 {
          label="stitched (fit)";
          n1 [label="standard, direct", tooltip="stitched[front=standard,cut=stem,method=direct,twin=direct,seed=0]"];
          n2 [label="standard, fula", tooltip="stitched[front=standard,cut=stem,method=fula,twin=fula,seed=0]"];
          n3 [label="robust, direct", tooltip="stitched[front=robust,cut=stem,method=direct,twin=direct,seed=0]"];
          n4 [label="robust, fula", tooltip="stitched[front=robust,cut=stem,method=fula,twin=fula,seed=0]"];
        }
        n0 -> n1;
        n0 -> n2;
        n0 -> n3;
        n0 -> n4;
      }

      """)
}

@Test func dotOfManyInstancesHasANodeForEachStage() {
  let dot = GraphText(exampleGraph(seeds: 50)).dot
  #expect(dot.contains("s1 [label=\"stitched × 200\\nfit\"];"))
  #expect(dot.contains("  s0 -> s1;"))
  #expect(!dot.contains("n1"))
}

@Test func dotQuotesWhatNamesMayHold() {
  let instance = Instance(
    name: #"a[x='say "no\"']"#, stage: #"say "no\""#, kind: source, parameters: [:], outputs: source.outputs)
  let dot = GraphText(Graph(instances: [instance], project: "/", file: "p.yaml")).dot
  #expect(dot.contains(#"[label="say \"no\\\"\nsource", tooltip="a[x='say \"no\\\"']"];"#))
}

@Test func graphvizReadsTheDot() throws {
  guard FileManager.default.isExecutableFile(atPath: "/usr/bin/dot") else { return }
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/dot")
  process.arguments = ["-Tsvg"]
  let input = Pipe()
  let output = Pipe()
  process.standardInput = input
  process.standardOutput = output
  try process.run()
  input.fileHandleForWriting.write(Data(GraphText(exampleGraph()).dot.utf8))
  try input.fileHandleForWriting.close()
  let svg = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  #expect(process.terminationStatus == 0)
  #expect(svg.contains("stitched (fit)"))
}

@Test func graphJSONHasEveryInstanceWithItsEdges() throws {
  let json = try JSON(parsing: GraphText(exampleGraph(seeds: 1)).json.canonical)
  let instances = try #require(json["instances"]?.arrayValue)
  #expect(instances.count == 5)
  #expect(
    instances[0] == [
      "name": "data", "stage": "data", "kind": "source", "labels": [], "parameters": [:], "inputs": [:],
      "files": [:], "outputs": [["name": "data", "type": "model"]],
    ])
  #expect(instances[1]["inputs"] == ["front": [["instance": "data", "output": "data"]]])
  #expect(instances[1]["labels"]?.arrayValue?.first == ["front", "standard"])
}

@Test func kindsAreListedWithTheirSummaries() {
  #expect(KindsText.list(KindCatalogue([fit, source])) == "fit     fits a map\nsource  makes \"data\"\n")
}

@Test func whatACommandMayWriteAndMakeIsToldInItsOwnWords() {
  let none = CodeManifest(files: [:])
  #expect(
    KindsText.details(
      KindDescription(Line.self, code: none), receivers: [ReceiverDescription(FitReceiver.self, code: none)])
        == """
        line: a command

        run: a line.

        Types of outputs
          fit  a JSON object
               becomes a .json file

        """)
}

@Test func aKindTellsAllThatCanBeWritten() {
  #expect(
    KindsText.details(fit) == """
      fit: fits a map

      Least squares (Gauss 1809).

      Inputs
        front      what to start from
                   model or dataset
        reference  what to compare with
                   any artifact; may be left out
        rows       all the rest
                   scores; a list or a group, whose axes it sees

      Files outside the pipeline
        path  folder with files
              a path, or a reference to what another stage made (a file); the content is in the key; of a
              folder, files called *.bin, *.gz

      Parameters
        method              how
                            one of direct, fula; must be written
        epochs              passes over the data
                            a whole number; at least 1; default 20
        ridge               ridge
                            a number (1e-3 and fractions such as 8/255 are fine); from 0 to 1; in nats;
                            default 0.0001
        optimiser           how to descend; null: not at all
                            a map with rate, schedule, or null; default null
        optimiser.rate      step size
                            above 0; default 0.1
        optimiser.schedule  how it changes
                            default steps
        sizes               sizes
                            a list, each a whole number; default [1, 2]

      Outputs
        map  the map
             stitch

      """)
}

@Test func theSchemaKnowsEveryKindsParameters() throws {
  let schema = try JSON(parsing: pipelineSchema(KindCatalogue([fit, source])).canonical)
  let stage = try #require(schema["$defs"]?["stage"])
  #expect(stage["properties"]?["uses"]?["enum"] == ["fit", "source"])
  let condition = try #require(stage["allOf"]?.arrayValue?.first)
  #expect(condition["if"]?["properties"]?["uses"]?["const"] == "fit")
  let with = try #require(condition["then"]?["properties"]?["with"])
  #expect(with["additionalProperties"] == false)
  #expect(Set(with["required"]?.arrayValue ?? []) == ["method", "front", "path"])
  let epochs = try #require(with["properties"]?["epochs"])
  #expect(epochs["default"] == 20)
  #expect(epochs["description"] == "passes over the data")
  #expect(
    epochs["anyOf"] == [
      ["type": "integer", "minimum": 1], ["$ref": "#/$defs/reference"], ["type": "null"],
    ])
  #expect(with["properties"]?["ridge"]?["anyOf"]?.arrayValue?.first?["maximum"] == 1)
  #expect(condition["then"]?["required"] == ["with"])
  #expect(stage["allOf"]?.arrayValue?.last?["then"]?["required"] == [])
}

private struct Newer: StageKind {
  static let name = "newer"
  static let summary = "has news"
  @Parameter("what is dropped", .between(0, 1), since: "0.3", before: 0) var dropout = 0.1
  @Parameter("how to descend") var options = Options()
  func run(in context: StageContext) throws {}

  struct Options: ParameterGroup {
    @Parameter("a word", since: "0.4", before: "none") var word = "none"
  }
}

@Test func theHelpOfAParameterSaysSinceWhenAKindHasIt() {
  #expect(
    KindsText.details(KindDescription(Newer.self, code: noCode)) == """
      newer: has news

      Parameters
        dropout       what is dropped
                      a number (1e-3 and fractions such as 8/255 are fine); from 0 to 1; default 0.1;
                      since 0.3, before as with 0
        options       how to descend
                      a map with word; default {}
        options.word  a word
                      default none; since 0.4, before as with "none"

      """)
}

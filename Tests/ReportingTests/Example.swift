// A small graph for tests, with the kinds it is made of.

import Canonical
import ContentStore
import Foundation
import Workflow

enum Algorithm: String, ParameterChoice { case direct, fula }

struct Optimiser: ParameterGroup {
  @Parameter("step size", .above(0)) var rate = 0.1
  @Parameter("how it changes") var schedule = "steps"
}

struct Fit: StageKind {
  static let name = "fit"
  static let summary = "fits a map"
  static let discussion = "Least squares (Gauss 1809)."
  @Input("what to start from", .init("model"), .init("dataset")) var front: InputArtifact
  @Input("what to compare with", .file) var reference: InputArtifact?
  @Input("all the rest", .init("scores"), labelled: true) var rows: [InputArtifact]
  @ExternalInput("folder with files", matching: "*.bin", "*.gz") var path: URL
  @Parameter("how") var method: Algorithm
  @Parameter("passes over the data", .atLeast(1)) var epochs = 20
  @Parameter("ridge", .between(0, 1), unit: "nats") var ridge = 1e-4
  @Parameter("how to descend; null: not at all") var optimiser: Optimiser? = nil
  @Parameter("sizes") var sizes: [Int] = [1, 2]
  @Output("the map", .init("stitch")) var map: OutputArtifact
  init() {}
  func run(in context: StageContext) throws {}
}

struct Line: StageKind {
  static let name = "line"
  static let summary = "a command"
  static let discussion = "run: a line."
  static let takesCommands = true
  @Parameter("its canonical text") var run = ""
  init() {}
  func run(in context: StageContext) throws {}
}

struct FitReceiver: ArtifactReceiver {
  static let type = ArtifactType("fit", fileExtension: "json")
  static let help = "a JSON object"
  init() {}
  func receive(_ written: URL, as output: OutputArtifact) throws {}
}

struct Source: StageKind {
  static let name = "source"
  static let summary = "makes \"data\""
  @Output("data", .init("model")) var data: OutputArtifact
  init() {}
  func run(in context: StageContext) throws {}
}

let noCode = CodeManifest(files: [:])
let fit = KindDescription(Fit.self, code: noCode)
let source = KindDescription(Source.self, code: noCode)

/// One source and a stage over fronts × methods × (seed), with an axis that says nothing new.
func exampleGraph(seeds: Int = 2, file: String = "p.yaml") -> Graph {
  var instances = [
    Instance(name: "data", stage: "data", kind: source, parameters: [:], outputs: source.outputs)
  ]
  for front in ["standard", "robust"] {
    for method in ["direct", "fula"] {
      for seed in 0..<seeds {
        let labels = [
          ("front", front), ("cut", "stem"), ("method", method), ("twin", method), ("seed", "\(seed)"),
        ]
        instances.append(
          Instance(
            name: "stitched[" + labels.map { "\($0)=\($1)" }.joined(separator: ",") + "]", stage: "stitched",
            labels: labels.map { Label(axis: $0, value: $1) }, kind: fit, parameters: ["epochs": 20],
            inputs: [
              InputBinding(
                name: "front", isList: false, labelled: false, sources: [.init(instance: 0, output: "data")])
            ], outputs: fit.outputs))
      }
    }
  }
  return Graph(instances: instances, project: "/project", file: file)
}

func report(
  _ graph: Graph, _ instance: Int, _ state: InstanceReport.State, message: String? = nil, seconds: Double = 0,
  sharedWith: String? = nil
) -> InstanceReport {
  InstanceReport(
    instance: instance, name: graph.instances[instance].name, state: state, key: nil, reason: nil,
    message: message, seconds: seconds, artifacts: [:], sharedWith: sharedWith)
}

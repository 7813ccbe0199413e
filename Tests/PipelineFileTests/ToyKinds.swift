// Owns kinds with the interfaces that pipeline files need to be tested with; none of them does anything.

import Canonical
import ContentStore
import Foundation
import PipelineFile
import Testing
import Workflow

extension ArtifactType {
  static let dataset = ArtifactType("dataset")
  static let model = ArtifactType("model")
  static let map = ArtifactType("map")
  static let table = ArtifactType("table", fileExtension: "json")
}

struct ToyDataset: StageKind {
  static let name = "dataset/cifar10"
  static let summary = "images"
  @ExternalInput("folder with the batches", matching: "*.bin") var path: URL
  @Parameter("training images", .atLeast(1)) var train = 50000
  @Output("the images", .dataset) var data: OutputArtifact
  init() {}
  func run(in context: StageContext) throws {}
}

struct ToyAdversary: ParameterGroup {
  @Parameter("radius", .above(0)) var epsilon: Double
  @Parameter("steps", .atLeast(1)) var steps = 7
  init() {}
}

struct ToyTrain: StageKind {
  static let name = "train"
  static let summary = "trains"
  @Input("what to train on", .dataset) var data: InputArtifact
  @Input("where to start", .model) var start: InputArtifact?
  @Parameter("which network") var architecture = "cnn"
  @Parameter("passes over the data", .atLeast(1)) var epochs = 10
  @Parameter("seed") var seed = 0
  @Parameter("step size", .above(0)) var rate = 0.1
  @Parameter("adversary") var adversary: ToyAdversary? = nil
  @Parameter("note") var note = ""
  @Output("the network", .model) var model: OutputArtifact
  @Output("scores", .table) var scores: OutputArtifact
  init() {}
  func run(in context: StageContext) throws {}
}

struct ToyStitch: StageKind {
  static let name = "stitch"
  static let summary = "stitches"
  @Input("the network before the cut", .model) var front: InputArtifact
  @Input("the network after the cut", .model) var end: InputArtifact
  @Input("what to fit on", .dataset) var data: InputArtifact
  @Parameter("cut of the front") var from: String
  @Parameter("cut of the end") var to: String
  @Parameter("the loss") var method = "direct"
  @Output("the map", .map) var map: OutputArtifact
  @Output("scores", .table) var scores: OutputArtifact
  init() {}
  func run(in context: StageContext) throws {}
}

struct ToyTable: StageKind {
  static let name = "table"
  static let summary = "tabulates"
  @Input("what to tabulate", .table, labelled: true) var rows: [InputArtifact]
  @Output("comma-separated values", .file) var csv: OutputArtifact
  @Output("JSON", .file) var json: OutputArtifact
  init() {}
  func run(in context: StageContext) throws {}
}

struct ToyCommand: StageKind {
  static let name = "command"
  static let summary = "runs a command"
  static let takesCommands = true
  @Parameter("the command") var run: String
  @Parameter("shell") var shell: [String] = []
  @Parameter("arguments") var arguments: [String] = []
  @Parameter("where") var workdir = "private"
  @Parameter("places") var inputs: [String: String] = [:]
  @Parameter("files") var outputs: [String: String] = [:]
  @Parameter("types") var types: [String: String] = [:]
  @Parameter("extensions") var extensions: [String: String] = [:]
  @Parameter("state") var resume: String? = nil
  init() {}
  func run(in context: StageContext) throws {}
}

struct ToyModelReceiver: ArtifactReceiver {
  static let type = ArtifactType.model
  static let help = "any file"
  init() {}
  func receive(_ written: URL, as output: OutputArtifact) throws {}
}

let toyCatalogue = KindCatalogue(
  [ToyDataset.self, ToyTrain.self, ToyStitch.self, ToyTable.self, ToyCommand.self].map {
    KindDescription($0, code: CodeManifest(files: [:]))
  },
  receivers: [
    ReceiverDescription(ToyModelReceiver.self, code: CodeManifest(files: ["receiver": .of("1".utf8)]))
  ])

/// The example of the design.
let example = """
  version: 1
  params: { seeds: [0, 1], epochs: 20 }

  stages:
    images:
      uses: dataset/cifar10
      with: { path: data/cifar-10-batches-bin, train: 10000 }

    model:
      matrix:
        regime: { standard: null, adversarial: { epsilon: 8/255, steps: 10 } }   # a labelled axis
        seed: ${params.seeds}
      uses: train
      with: { data: "${images}", architecture: resnet20, epochs: "${params.epochs}", seed: "${matrix.seed}", adversary: "${matrix.regime}" }

    stitched:
      matrix:
        front: ${model}                            # a group as an axis: every instance of it
        end: ${model[regime=standard, seed=0]}     # part of a group
        cut: [stem, stage1.0, stage2.0, stage3.2]
        method: [direct, task_loss, fula]
      where: ["${matrix.front.seed != matrix.end.seed}"]
      uses: stitch
      with: { front: "${matrix.front}", from: "${matrix.cut}", end: "${matrix.end}", to: "${matrix.cut}", method: "${matrix.method}", data: "${images}" }

    scores:
      uses: table
      with: { rows: "${stitched}" }                # the whole group; its axes become columns

    probe:
      run: python scripts/probe.py ${scores.csv} --out ${out.probe}
      code: [scripts/**/*.py]
      outputs: { probe: probe.json }
      environment: [PYTHONHASHSEED, { HF_TOKEN: secret }]
      resources: { cpus: 1, memory: 2G, gpus: 0, time: 10m }

  """

/// A project's folder that goes away after the test.
final class TemporaryProject {
  let root: URL

  init() throws {
    root = FileManager.default.temporaryDirectory.appendingPathComponent("bobbin-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: root.appendingPathComponent("pipelines"), withIntermediateDirectories: true)
    try Data().write(to: root.appendingPathComponent("bobbin.yaml"))
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  func write(_ data: Data, to name: String) throws -> String {
    let url = root.appendingPathComponent(name)
    try data.write(to: url)
    return url.path
  }

  /// Writes and loads `text`.
  func load(_ text: String, sets: [String] = [], params: String? = nil) throws -> Pipeline {
    let path = try write(Data(text.utf8), to: "pipelines/p.yaml")
    let paramsFile = try params.map { URL(fileURLWithPath: try write(Data($0.utf8), to: "params.yaml")) }
    return try Pipeline.load(path: path, catalogue: toyCatalogue, sets: sets, paramsFile: paramsFile)
  }
}

func load(_ text: String, sets: [String] = [], params: String? = nil) throws -> Pipeline {
  try TemporaryProject().load(text, sets: sets, params: params)
}

/// The stages of `stages` (indented by nothing) in a file.
func pipeline(params: String? = nil, _ stages: String) -> String {
  let indented = stages.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }
  return "version: 1\n" + (params.map { "params: \($0)\n" } ?? "") + "stages:\n"
    + indented.joined(separator: "\n")
    + "\n"
}

/// What loading `text` complains about, the file being called `p.yaml`; nil if it loads.
func complaint(_ text: String, sets: [String] = [], params: String? = nil) throws -> String? {
  let project = try TemporaryProject()
  do {
    _ = try project.load(text, sets: sets, params: params)
    return nil
  } catch let error as PipelineFileError {
    return error.description.replacing(project.root.path + "/pipelines/", with: "")
      .replacing(project.root.path + "/", with: "")
  }
}

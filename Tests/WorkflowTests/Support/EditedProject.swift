// Owns a project with a pipeline file, data, scripts and settings, to be edited: its kinds are quick, and give other
// bytes whenever what they read or are told is other.

import Canonical
import ContentStore
import Foundation
import PipelineFile
import Workflow

final class EditedProject {
  let project: Project
  /// Values for `--set`.
  var sets: [String] = []
  var jobs = 2
  var platform = Platform(instructionSet: "avx2", libraries: ["oneDNN": "2.6.3"])
  /// The sources of the kinds, each with its content.
  var sources: [String: String] = [
    "Stages/Kinds/Train.swift": "", "Stages/Kinds/Stitch.swift": "", "Tensor/Matrix.swift": "",
    "build: compiler": "6.2",
  ]
  /// Whether the pipeline lies in another folder now.
  private var place: URL?

  static let file = """
    version: 1
    params: { epochs: 1, cuts: [stem, head] }
    stages:
      images: { uses: images, with: { path: data, test: 20 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", seed: "${matrix.seed}", epochs: "${params.epochs}" }
      stitched:
        matrix: { cut: "${params.cuts}", method: [direct, fula] }
        uses: stitch
        with:
          front: ${model[seed=1]}
          end: ${model[seed=0]}
          data: ${images}
          cut: ${matrix.cut}
          method: ${matrix.method}
      scores:
        matrix: { network: "${stitched}" }
        uses: evaluate
        with: { model: "${matrix.network}", data: "${images}" }
      table: { uses: table, with: { rows: "${scores}" } }
      mean: { uses: mean, with: { of: "${scores}" } }
      verdict: { uses: threshold, with: { of: "${mean}" } }
      report: { uses: hand_over, with: { of: "${verdict}" } }
      probe:
        run: interpret scripts/probe.py ${in.brain} ${table} --out ${out.acts}
        code: [scripts/**/*.py, requirements.lock]
        inputs: { brain: data/brain.npy }
        outputs: { acts: acts.txt }
        environment: [PROBE_LEVEL]
      after: { uses: hand_over, with: { of: "${probe}" } }

    """

  /// The same file with its stages the other way round.
  static var reordered: String {
    let parts = file.components(separatedBy: "stages:\n")
    var stages: [String] = []
    for line in parts[1].split(separator: "\n") {
      if line.hasPrefix("    ") {
        stages[stages.count - 1] += line + "\n"
      } else {
        stages.append(line + "\n")
      }
    }
    return parts[0] + "stages:\n" + stages.reversed().joined()
  }

  init(file: String = EditedProject.file) throws {
    project = try Project()
    project.environment["PATH"] = project.root.path + "/bin:/usr/bin:/bin"
    project.environment["PROBE_LEVEL"] = "1"
    project.environment["XDG_CONFIG_HOME"] = project.root.path + "/config"
    for (path, text) in [
      ("p.yaml", file), ("bobbin.yaml", ""), ("data/a.bin", "a"), ("data/b.bin", "b"),
      ("data/notes.md", "notes"), ("data/brain.npy", "brain"), ("scripts/probe.py", "import helper"),
      ("scripts/helper.py", "help"), ("requirements.lock", "numpy==1"), ("bin/interpret", "interpreter 1"),
      (".venv/pyvenv.cfg", "version = 3.11.7\ninclude-system-site-packages = false\n"),
      (".venv/bin/python", "python"),
      (".venv/lib/python3.11/site-packages/numpy-1.26.4.dist-info/METADATA", ""),
    ] { try write(path, text) }
    for program in ["bin/interpret", ".venv/bin/python"] {
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: project.root.path + "/" + program)
    }
  }

  func write(_ path: String, _ text: String) throws { _ = try project.write(text, path) }

  func remove(_ path: String) throws {
    try FileManager.default.removeItem(at: project.root.appendingPathComponent(path))
  }

  /// Edits the pipeline file; the text must stand there.
  func replace(_ old: String, _ new: String) throws {
    let url = project.root.appendingPathComponent("p.yaml")
    let text = try String(contentsOf: url, encoding: .utf8)
    guard text.contains(old) else { throw InvalidParameter("p.yaml", "there is no '\(old)' in it") }
    try write("p.yaml", text.replacingOccurrences(of: old, with: new))
  }

  /// Another copy of all files but the store; the pipeline is read there from now on.
  func move() throws {
    let place = project.root.appendingPathComponent("elsewhere")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    for name in ["p.yaml", "bobbin.yaml", "data", "scripts", "requirements.lock", "bin"] {
      try FileManager.default.copyItem(
        at: project.root.appendingPathComponent(name), to: place.appendingPathComponent(name))
    }
    project.environment["PATH"] = place.path + "/bin:/usr/bin:/bin"
    self.place = place
  }

  private var kinds: KindCatalogue {
    func code(_ files: String...) -> CodeManifest {
      let compiler = ["build: compiler"]
      // All of a module that there are.
      let chosen = sources.keys.filter { source in
        files.contains { source == $0 || $0.hasSuffix("/") && source.hasPrefix($0) }
          || compiler.contains(source)
      }
      return CodeManifest(
        files: Dictionary(uniqueKeysWithValues: chosen.map { ($0, Digest.of(sources[$0]!.utf8)) }))
    }
    let (train, stitch, other) = (
      code("Stages/Kinds/Train.swift", "Tensor/"), code("Stages/Kinds/Stitch.swift", "Tensor/"), code()
    )
    return KindCatalogue([
      KindDescription(Images.self, code: other), KindDescription(Train.self, code: train),
      KindDescription(Stitch.self, code: stitch), KindDescription(Evaluate.self, code: other),
      KindDescription(Table.self, code: other), KindDescription(Mean.self, code: other),
      KindDescription(Threshold.self, code: other), KindDescription(HandOver.self, code: other),
      KindDescription(Script.self, code: other),
    ])
  }

  func pipeline() throws -> Pipeline {
    try Pipeline.load(
      path: (place ?? project.root).appendingPathComponent("p.yaml").path, catalogue: kinds, sets: sets)
  }

  /// Runs everything, or what the selectors mean and need.
  @discardableResult
  func run(_ selectors: String...) throws -> RunReport {
    let pipeline = try pipeline()
    let executor = InProcessExecutor(
      kinds: kinds, scratch: project.root.appendingPathComponent("scratch-\(UUID().uuidString)"))
    executor.facts = ["host": "here", "instructionSet": "avx2", "versions": ["oneDNN": "2.6.3"]]
    let targets = try selectors.isEmpty ? nil : selectors.flatMap { try pipeline.select($0).map(\.instance) }
    let options = RunOptions(
      targets: targets, jobs: jobs, environment: project.environment, platform: platform,
      now: { Date(timeIntervalSince1970: 1_800_000_000) })
    let report = try Run(
      pipeline.graph, store: project.store, executor: executor, options: options,
      surroundings: executor.world, observe: { _ in }
    ).run()
    precondition(!executor.world.isStuck, "the loop waited for nothing")
    return report
  }

  /// How everything stands, with all that is to be said of what the selectors mean.
  func plan(explaining selectors: [String] = []) throws -> (Plan, Graph) {
    let pipeline = try pipeline()
    let explained = try selectors.flatMap { try pipeline.select($0).map(\.instance) }
    return (
      try Plan(
        pipeline.graph, store: project.store, environment: project.environment, platform: platform,
        explaining: explained), pipeline.graph
    )
  }
}

// Kinds, whose results are digests of all that they read and are told.

private func text(_ input: InputArtifact) throws -> String {
  try String(contentsOf: input.url, encoding: .utf8)
}

private func write(_ parts: [String], _ output: URL) throws {
  try Digest.of(parts.joined(separator: "\n").utf8).hex.write(to: output, atomically: false, encoding: .utf8)
}

extension ArtifactType {
  fileprivate static let images = ArtifactType("dataset")
  fileprivate static let model = ArtifactType("model")
  fileprivate static let map = ArtifactType("map")
  fileprivate static let scores = ArtifactType("scores")
  fileprivate static let table = ArtifactType("table")
}

private struct Images: StageKind {
  static let name = "images"
  static let summary = "files under two names"
  @ExternalInput("a folder", matching: "*.bin") var path: URL
  @Parameter("training images") var train = 40
  @Parameter("test images") var test = 20
  @Output("both halves", .images) var images: OutputArtifact
  func run(in context: StageContext) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: path.path).filter { $0.hasSuffix(".bin") }
    let contents = try names.sorted().map {
      try String(contentsOfFile: path.path + "/" + $0, encoding: .utf8)
    }
    try write(contents + ["\(train)"], try images.file("train"))
    try write(contents + ["\(test)"], try images.file("test"))
  }
}

private struct Adversary: ParameterGroup {
  @Parameter("radius") var epsilon: Double
  @Parameter("steps") var steps = 7
}

private struct Train: StageKind {
  static let name = "train"
  static let summary = "a network"
  @Input("images", .images, part: .named("train")) var data: InputArtifact
  @Parameter("seed") var seed = 0
  @Parameter("passes") var epochs = 1
  @Parameter("step size") var rate = 0.1
  @Parameter("adversary") var adversary: Adversary? = nil
  @Output("the network", .model) var model: OutputArtifact
  func run(in context: StageContext) throws {
    let attack = adversary.map { "\($0.epsilon) \($0.steps)" } ?? ""
    try write([try text(data), "\(seed) \(epochs) \(rate)", attack], model.url)
  }
}

private struct Stitch: StageKind {
  static let name = "stitch"
  static let summary = "a map"
  static let varying: Set<String> = ["cut"]
  @Input("front", .model) var front: InputArtifact
  @Input("end", .model) var end: InputArtifact
  @Input("images", .images, part: .named("train")) var data: InputArtifact
  @Parameter("cut") var cut: String
  @Parameter("method") var method = "direct"
  @Parameter("rank") var rcond = 1e-6
  @Output("the map", .map) var map: OutputArtifact
  func run(in context: StageContext) throws {
    try write(try [front, end, data].map(text) + [cut, method, "\(rcond)"], map.url)
  }
}

private struct Evaluate: StageKind {
  static let name = "evaluate"
  static let summary = "scores"
  @Input("map", .map) var model: InputArtifact
  @Input("images", .images, part: .named("test")) var data: InputArtifact
  @Output("scores", .scores) var scores: OutputArtifact
  func run(in context: StageContext) throws { try write(try [model, data].map(text), scores.url) }
}

private struct Table: StageKind {
  static let name = "table"
  static let summary = "a table"
  @Input("rows", .scores, labelled: true) var rows: [InputArtifact]
  @Output("the table", .table) var table: OutputArtifact
  func run(in context: StageContext) throws {
    try write(try rows.map { try "\($0.stage) \($0.labels) \(text($0))" }, table.url)
  }
}

private struct Mean: StageKind {
  static let name = "mean"
  static let summary = "one of many"
  @Input("scores", .scores) var of: [InputArtifact]
  @Output("one", .scores) var mean: OutputArtifact
  func run(in context: StageContext) throws { try write(try of.map(text), mean.url) }
}

/// Always the same.
private struct Threshold: StageKind {
  static let name = "threshold"
  static let summary = "whether it is enough"
  @Input("scores", .scores) var of: InputArtifact
  @Output("yes", .scores) var verdict: OutputArtifact
  func run(in context: StageContext) throws { try write(["yes"], verdict.url) }
}

private struct HandOver: StageKind {
  static let name = "hand_over"
  static let summary = "what it was given"
  @Input("anything", .file, .scores) var of: InputArtifact
  @Output("the same", .scores) var same: OutputArtifact
  func run(in context: StageContext) throws { try write([try text(of)], same.url) }
}

/// Stands for commands: its result is made of the first script that it names, its inputs and its variables.
private struct Script: StageKind {
  static let name = "command"
  static let takesCommands = true
  static let summary = "a command"
  enum Folder: String, ParameterChoice { case `private`, project }
  @Parameter("text") var run: String
  @Parameter("shell") var shell = ["/bin/sh"]
  @Parameter("arguments") var arguments: [String] = []
  @Parameter("folder") var workdir = Folder.private
  @Parameter("places") var inputs: [String: String] = [:]
  @Parameter("files") var outputs: [String: String] = [:]
  @Parameter("types") var types: [String: String] = [:]
  @Parameter("extensions") var extensions: [String: String] = [:]
  @Parameter("state") var resume: String? = nil
  func run(in context: StageContext) throws {
    let script = run.split(separator: " ").dropFirst().first.map(String.init) ?? ""
    let file = context.projectRoot.appendingPathComponent(script)
    let variables = context.environment.filter { $0.key != "PATH" }.sorted { $0.key < $1.key }
    let inputs = try context.inputs.sorted { $0.key < $1.key }.flatMap { try $0.value.map(text) }
    let brain = try String(
      contentsOf: context.projectRoot.appendingPathComponent("data/brain.npy"), encoding: .utf8)
    for output in context.outputs.values {
      try write(
        [try String(contentsOf: file, encoding: .utf8), brain] + inputs
          + variables.map { "\($0.key)=\($0.value)" }, output.url)
    }
  }
}

import Canonical
import PipelineFile
import Testing
import Workflow

private struct ToyMany: StageKind {
  static let name = "many"
  static let summary = "whatever may be null"
  @Parameter("null is a value") var limit: Int? = 100
  @Parameter("null is not written") var count = 3
  @Parameter("a group") var attack: ToyAdversary? = nil
  @Input("one or none", .dataset) var start: InputArtifact?
  @Input("any number", .dataset) var rows: [InputArtifact]
  @Output("made", .dataset) var made: OutputArtifact
  init() {}
  func run(in context: StageContext) throws {}
}

private let catalogue = KindCatalogue(
  toyCatalogue.all + [KindDescription(ToyMany.self, code: CodeManifest(files: [:]))])

private func made(_ stage: String, params: String = "{}", sets: [String] = []) throws -> [Instance] {
  let project = try TemporaryProject()
  let text = pipeline(
    params: params,
    "images: { uses: dataset/cifar10, with: { path: data } }\ns: \(stage)")
  let path = try project.write(.init(text.utf8), to: "pipelines/p.yaml")
  return try Pipeline.load(path: path, catalogue: catalogue, sets: sets).graph.instances.filter {
    $0.stage == "s"
  }
}

/// `null` says "not written" to what it is no value of, wherever it comes from.
@Suite struct NullTests {
  @Test(arguments: [
    "{ limit: null, count: null, attack: null, start: null, rows: null }",
    "{ limit: ~, count: , attack: , start: ~, rows: ~ }",
    "{ limit: \"${params.none}\", count: \"${params.none}\", attack: \"${params.none}\" }",
    "{ limit: \"${params.no.limit}\", attack: \"${params.no.attack}\" }",
  ])
  func nullLeavesOutWhatMayBeLeftOut(_ with: String) throws {
    let instance = try #require(
      made("{ uses: many, with: \(with) }", params: "{ none: null, no: { limit: null, attack: null } }").first
    )
    #expect(instance.parameters == ["limit": .null, "count": 3, "attack": .null])
    #expect(instance.inputs.isEmpty)
  }

  @Test func nullOverridesAParam() throws {
    let stage = "{ uses: many, with: { limit: \"${params.limit}\", attack: \"${params.attack}\" } }"
    let params = "{ limit: 7, attack: { epsilon: 1, steps: 2 } }"
    let written = try made(stage, params: params)[0].parameters
    #expect(written["limit"] == 7 && written["attack"]?["steps"] == 2)
    let none = try made(stage, params: params, sets: ["limit=null", "attack="])[0].parameters
    #expect(none["limit"] == .null && none["attack"] == .null)
    let steps = try made(stage, params: params, sets: ["attack.steps=null"])[0].parameters
    #expect(steps["attack"]?["steps"] == 7)  // the group's default
  }

  @Test func nullOnAnAxisIsNotWrittenThere() throws {
    let instances = try made(
      "{ matrix: { n: [null, 5], from: { none: null, one: \"${images}\" } }, uses: many, "
        + "with: { count: \"${matrix.n}\", limit: \"${matrix.n}\", start: \"${matrix.from}\" } }")
    #expect(instances.map { $0.parameters["count"] } == [3, 3, 5, 5])
    #expect(instances.map { $0.parameters["limit"] } == [.null, .null, 5, 5])
    #expect(instances.map(\.inputs.count) == [0, 1, 0, 1])
  }

  @Test(arguments: [
    "resources: null", "resources: { cpus: null, memory: null, gpus: null, time: null }", "matrix: null",
    "where: null", "environment: null",
  ])
  func nullLeavesOutAPartOfAStage(_ part: String) throws {
    let instances = try made("{ uses: many, \(part) }")
    #expect(instances.count == 1)
    #expect(instances[0].resources == Resources() && instances[0].environment.isEmpty)
  }

  @Test func whatMustBeWrittenIsMissingWhenItIsNull() throws {
    for (stage, message) in [
      (
        "{ uses: dataset/cifar10, with: { path: null } }",
        "'path' is missing: folder with the batches (a path)"
      ),
      ("{ uses: train, with: { data: null } }", "'data' is missing: what to train on (one dataset)"),
      (
        "{ uses: many, with: { attack: { epsilon: null } } }",
        "attack: 'epsilon' is missing: radius (a number (1e-3 and fractions such as 8/255 are fine))"
      ),
    ] {
      let error = #expect(throws: PipelineFileError.self) { try made(stage) }
      #expect(error?.issues.map(\.message) == ["stage 's': \(message)"])
    }
  }
}

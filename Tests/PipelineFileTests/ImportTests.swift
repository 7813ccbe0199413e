import Canonical
import Foundation
import PipelineFile
import Testing
import Workflow

/// A project with some files under `pipelines/`, of which `p.yaml` is loaded.
private final class Study {
  let project: TemporaryProject

  init(_ files: [String: String]) throws {
    project = try TemporaryProject()
    for (name, text) in files {
      let url = project.root.appendingPathComponent("pipelines/\(name)").standardizedFileURL
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data((text + "\n").utf8).write(to: url)
    }
  }

  func load(sets: [String] = []) throws -> Pipeline {
    try Pipeline.load(
      path: project.root.path + "/pipelines/p.yaml", catalogue: toyCatalogue, sets: sets)
  }

  func complaint() throws -> String? {
    do {
      _ = try load()
      return nil
    } catch let error as PipelineFileError {
      return error.description.replacing(project.root.path + "/", with: "")
    }
  }
}

private let common = """
  params: { epochs: 20, seeds: [0, 1], train: { rate: 0.1, note: base } }
  stages:
    images: { uses: dataset/cifar10, with: { path: data/cifar } }
    model:
      matrix: { seed: "${params.seeds}" }
      uses: train
      with: { data: "${images}", epochs: "${params.epochs}", seed: "${matrix.seed}", rate: "${params.train.rate}", note: "${params.train.note}" }
  """

private let table = "stages: { scores: { uses: table, with: { rows: \"${model}\" } } }"

@Test func aFileTakesOverStagesAndParamsOfTheFilesItImports() throws {
  let study = try Study(["common.yaml": common, "p.yaml": "version: 1\nimport: [common.yaml]\n" + table])
  let graph = try study.load().graph
  #expect(graph.instances.map(\.name) == ["images", "model[seed=0]", "model[seed=1]", "scores"])
  #expect(graph.instances[1].parameters["epochs"] == 20)
  #expect(graph.instances[1].place.file.hasSuffix("/pipelines/common.yaml"))
  #expect(try study.load(sets: ["epochs=3"]).graph.instances[1].parameters["epochs"] == 3)
}

@Test func ownParamsLieOverImportedOnes() throws {
  let graph = try Study([
    "common.yaml": common,
    "p.yaml": """
    version: 1
    import: [common.yaml]
    params: { epochs: 5, seeds: ["${params.first}"], first: 7, train: { note: null } }
    """,
  ]).load().graph
  #expect(graph.instances.map(\.name) == ["images", "model[seed=7]"])
  let parameters = graph.instances[1].parameters
  #expect(parameters["epochs"] == 5)
  #expect(parameters["rate"] == .number(0.1))  // of a map what isn't written stays
  #expect(parameters["note"] == "")  // and null is not written
}

@Test func pathsOfImportsCountFromTheImportingFileAndThoseOfDataFromTheRoot() throws {
  let study = try Study([
    "shared/images.yaml":
      "version: 1\nstages: { images: { uses: dataset/cifar10, with: { path: data/cifar } } }",
    "shared/all.yaml": "import: [images.yaml, ../params.yaml]",
    "params.yaml": "params: { rows: 3 }",
    "p.yaml": "version: 1\nimport: [./shared/all.yaml]",
  ])
  let pipeline = try study.load()
  #expect(pipeline.root.path == study.project.root.path)
  #expect(pipeline.file == "pipelines/p.yaml")
  #expect(
    pipeline.graph.instances[0].externals[0].url.path == study.project.root.path + "/data/cifar")
}

@Test(
  arguments: [
    (
      ["a.yaml": "stages: { a: { uses: nothing } }", "p.yaml": "version: 1\nimport: [a.yaml]"],
      "pipelines/a.yaml:1:22: stage 'a': there is no stage kind 'nothing'"
    ),
    (
      ["p.yaml": "version: 1\nimport: [no.yaml]"],
      "pipelines/p.yaml:2:10: import: there is no file 'no.yaml'. Its path counts from the folder of pipelines/p.yaml"
    ),
    (
      ["p.yaml": "version: 1\nimport: common.yaml"],
      "pipelines/p.yaml:2:9: import: expected a list, found 'common.yaml'"
    ),
    (
      ["p.yaml": "version: 1\nimport: [[a]]"],
      "pipelines/p.yaml:2:10: import: expected the path of a file, found a list"
    ),
    (
      ["p.yaml": "version: 1\nimport: ['${params.x}']"],
      "pipelines/p.yaml:2:10: import: expected the path of a file, found '${params.x}'"
    ),
    (
      [
        "a.yaml": "import: [sub/b.yaml]", "sub/b.yaml": "import: [../a.yaml]",
        "p.yaml": "version: 1\nimport: [a.yaml]",
      ],
      "pipelines/sub/b.yaml:1:10: files import each other in a cycle: pipelines/a.yaml → pipelines/sub/b.yaml → pipelines/a.yaml"
    ),
    (
      ["p.yaml": "version: 1\nimport: [p.yaml]"],
      "pipelines/p.yaml:2:10: files import each other in a cycle: pipelines/p.yaml → pipelines/p.yaml"
    ),
    (
      [
        "a.yaml": "import: [b.yaml]", "b.yaml": "params: { x: 1 }",
        "p.yaml": "version: 1\nimport: [b.yaml, a.yaml]",
      ],
      "pipelines/a.yaml:1:10: import: pipelines/b.yaml is imported already, at pipelines/p.yaml:2:10. Import it once"
    ),
    (["a.yaml": "", "p.yaml": "version: 1\nimport: [a.yaml]"], "pipelines/a.yaml:1:1: the file is empty"),
    (
      ["a.yaml": "version: 2", "p.yaml": "version: 1\nimport: [a.yaml]"],
      "pipelines/a.yaml:1:10: version 2 is newer than this program, which reads version 1"
    ),
    (
      ["a.yaml": "remote: /x", "p.yaml": "version: 1\nimport: [a.yaml]"],
      "pipelines/a.yaml:1:1: 'remote' stands in the file that is run, not in one that is imported"
    ),
    (
      ["a.yaml": "stage: {}", "p.yaml": "version: 1\nimport: [a.yaml]"],
      "pipelines/a.yaml:1:1: unknown key 'stage'. Did you mean 'stages'?"
    ),
    (
      ["a.yaml": "params: { x: [ }", "p.yaml": "version: 1\nimport: [a.yaml]"],
      "pipelines/a.yaml:1:16: not valid YAML: did not find expected node content while parsing a flow node"
    ),
    (["p.yaml": "import: []"], "pipelines/p.yaml:1:1: 'version: 1' is missing"),
    (
      ["a.yaml": "params: { x: 1 }", "p.yaml": "version: 1\nimport: [a.yaml]"],
      "pipelines/p.yaml:1:1: the file has no stages"
    ),
    (
      [
        "a.yaml": "params: { x: 1 }\n" + table, "b.yaml": "params: { x: 2, y: 3 }\n" + table,
        "p.yaml": "version: 1\nimport: [a.yaml, b.yaml]\n" + table,
      ],
      """
      pipelines/b.yaml:1:11: param 'x' is defined in two imported files, here and at pipelines/a.yaml:1:11. \
      Say in the file that imports both which one counts
      pipelines/b.yaml:2:11: stage 'scores' is defined already, at pipelines/a.yaml:2:11. Give one of them another name
      pipelines/p.yaml:3:11: stage 'scores' is defined already, at pipelines/b.yaml:2:11. Give one of them another name
      """
    ),
  ] as [([String: String], String)])
func aWrongImportIsExplained(_ files: [String: String], _ message: String) throws {
  let found = try Study(files).complaint()
  #expect(found?.hasPrefix(message) == true, "\(found ?? "none")")
}

@Test func theImportingFileSaysWhichOfTwoParamsCounts() throws {
  let graph = try Study([
    "a.yaml": "params: { path: a }", "b.yaml": "params: { path: b }",
    "p.yaml": """
    version: 1
    import: [a.yaml, b.yaml]
    params: { path: c }
    stages: { images: { uses: dataset/cifar10, with: { path: "${params.path}" } } }
    """,
  ]).load().graph
  #expect(graph.instances[0].externals[0].url.lastPathComponent == "c")
}

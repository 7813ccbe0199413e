// Owns the table of edits of a project: after each exactly these instances run again, and what `explain` says of them
// beforehand is the cause.

import Foundation
import PipelineFile
import Reporting
import Testing
import Workflow

/// One edit of a project that was up to date.
struct Edit: Sendable, CustomTestStringConvertible {
  let what: String
  /// The stages, or instances, that run again: no others do.
  let reruns: [String]
  /// What is so, and ran, before the edit.
  let given: @Sendable (EditedProject) throws -> Void
  /// What `explain` says of what isn't up to date, without the counts at the end.
  let says: String
  let edit: @Sendable (EditedProject) throws -> Void

  var testDescription: String { what }

  init(
    _ what: String, reruns: [String], given: @escaping @Sendable (EditedProject) throws -> Void = { _ in },
    says: String, edit: @escaping @Sendable (EditedProject) throws -> Void
  ) {
    (self.what, self.reruns, self.given, self.says, self.edit) = (what, reruns, given, says, edit)
  }
}

private let everything = [
  "images", "model", "stitched", "scores", "table", "mean", "verdict", "report", "probe", "after",
]
/// What gives other bytes when what it reads is other; `verdict` runs, and gives the same.
private let behindScores = ["scores", "table", "mean", "verdict", "probe", "after"]
private let behindMaps = ["stitched"] + behindScores
private let behindModels = ["model"] + behindMaps

private let edits: [Edit] = [
  // What changes nothing.
  Edit("nothing", reruns: [], says: "") { _ = $0 },
  Edit("a comment", reruns: [], says: "") {
    try $0.replace("stages:", "# What follows is a comment.\nstages:")
  },
  Edit("stages in another order", reruns: [], says: "") {
    try $0.replace(EditedProject.file, EditedProject.reordered)
  },
  Edit("keys of a stage in another order", reruns: [], says: "") {
    try $0.replace(
      "{ data: \"${images}\", seed: \"${matrix.seed}\", epochs: \"${params.epochs}\" }",
      "{ epochs: \"${params.epochs}\", data: \"${images}\", seed: \"${matrix.seed}\" }")
  },
  Edit("a default written out", reruns: [], says: "") {
    try $0.replace("seed: \"${matrix.seed}\",", "seed: \"${matrix.seed}\", rate: 0.1,")
  },
  Edit("a number spelled otherwise", reruns: [], says: "") {
    try $0.replace("cut: ${matrix.cut}", "cut: ${matrix.cut}\n      rcond: 0.0000010")
  },
  Edit("null for what isn't written anyway", reruns: [], says: "") {
    try $0.replace("seed: \"${matrix.seed}\",", "seed: \"${matrix.seed}\", adversary: null,")
  },
  Edit("a value in place of a parameter", reruns: [], says: "") {
    try $0.replace("epochs: \"${params.epochs}\"", "epochs: 1")
  },
  Edit("a parameter that nobody uses", reruns: [], says: "") {
    try $0.replace("epochs: 1,", "epochs: 1, unused: 7,")
  },
  Edit("an axis in another order", reruns: [], says: "") { try $0.replace("seed: [0, 1]", "seed: [1, 0]") },
  Edit("times of files alone", reruns: [], says: "") {
    for path in ["data/a.bin", "scripts/probe.py", "p.yaml"] {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1_600_000_000)],
        ofItemAtPath: $0.project.root.path + "/" + path)
    }
  },
  Edit("a file written again with the same bytes", reruns: [], says: "") { try $0.write("data/a.bin", "a") },
  Edit("a file that doesn't count", reruns: [], says: "") { try $0.write("data/notes.md", "other notes") },
  Edit("a file of the project that nobody declares", reruns: [], says: "") {
    try $0.write("scripts/readme.txt", "new")
  },
  Edit("a stage by another name", reruns: [], says: "") {
    try $0.replace("images", "pictures")
    try $0.replace("uses: pictures", "uses: images")
  },
  Edit("another number of jobs", reruns: [], says: "") { $0.jobs = 7 },
  Edit("resources", reruns: [], says: "") {
    try $0.replace(
      "environment: [PROBE_LEVEL]",
      "environment: [PROBE_LEVEL]\n    resources: { cpus: 2, memory: 1G, time: 10m }")
  },
  Edit("a variable that nobody declares", reruns: [], says: "") {
    $0.project.environment["PROBE_DEPTH"] = "3"
  },
  Edit("another platform, which is in no key", reruns: [], says: "") {
    $0.platform.instructionSet = "avx512_core"
  },
  Edit("the project in another place", reruns: [], says: "") { try $0.move() },
  Edit(
    "back to what was before", reruns: [],
    given: {
      $0.sets = ["epochs=2"]
      try $0.run()
    }, says: ""
  ) { $0.sets = [] },
  // Parameters.
  Edit(
    "a parameter, by --set", reruns: behindModels,
    says: """
      stale        model (2), such as model[seed=0]: epochs 1 → 2
      pending      stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as stitched[cut=stem,method=direct]: wait for model (2)
      """
  ) { $0.sets = ["epochs=2"] },
  Edit(
    "a parameter for the second time", reruns: behindModels,
    given: {
      $0.sets = ["epochs=2"]
      try $0.run()
    },
    says: """
      stale        model (2), such as model[seed=0]: epochs 2 → 3
      pending      stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as stitched[cut=stem,method=direct]: wait for model (2)
      """
  ) { $0.sets = ["epochs=3"] },
  Edit(
    "a parameter of one stage", reruns: behindMaps,
    says: """
      stale        stitched (4), such as stitched[cut=stem,method=direct]: rcond 1e-06 → 0.5
      pending      scores (4), table, mean, verdict, report, probe, after,
                   such as scores[network=stitched[cut=stem,method=direct]]: wait for stitched (4)
      """
  ) {
    try $0.replace("cut: ${matrix.cut}", "cut: ${matrix.cut}\n      rcond: 0.5")
  },
  Edit(
    "what a label of an axis means",
    reruns: [
      "stitched[cut=stem,method=fula]", "stitched[cut=head,method=fula]",
      "scores[network=stitched[cut=stem,method=fula]]", "scores[network=stitched[cut=head,method=fula]]",
      "table", "mean", "verdict", "probe", "after",
    ],
    given: {
      try $0.replace("method: [direct, fula]", "method: { direct: direct, fula: fula }")
      try $0.run()
    },
    says: """
      stale        stitched[method=fula] (2), such as stitched[cut=stem,method=fula]: method fula → fulla
      pending      scores[network.method=fula] (2), table, mean, verdict, report, probe, after,
                   such as scores[network=stitched[cut=stem,method=fula]]: wait for stitched[method=fula] (2)
      """
  ) { try $0.replace("fula: fula", "fula: fulla") },
  Edit(
    "a group of parameters", reruns: behindModels,
    says: """
      stale        model (2), such as model[seed=0]: adversary none → { epsilon: 0.5, steps: 7 }
      pending      stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as stitched[cut=stem,method=direct]: wait for model (2)
      """
  ) {
    try $0.replace("seed: \"${matrix.seed}\",", "seed: \"${matrix.seed}\", adversary: { epsilon: 0.5 },")
  },
  Edit(
    "a member of a group of parameters", reruns: behindModels,
    given: {
      try $0.replace("seed: \"${matrix.seed}\",", "seed: \"${matrix.seed}\", adversary: { epsilon: 0.5 },")
      try $0.run()
    },
    says: """
      stale        model (2), such as model[seed=0]: adversary.steps 7 → 9
      pending      stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as stitched[cut=stem,method=direct]: wait for model (2)
      """
  ) { try $0.replace("epsilon: 0.5", "epsilon: 0.5, steps: 9") },
  Edit(
    "two parameters at once", reruns: behindModels,
    says: """
      stale        model (2), such as model[seed=0]: epochs 1 → 5; rate 0.1 → 0.5
      pending      stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as stitched[cut=stem,method=direct]: wait for model (2)
      """
  ) {
    try $0.replace(
      "seed: \"${matrix.seed}\", epochs: \"${params.epochs}\"",
      "seed: \"${matrix.seed}\", epochs: 5, rate: 0.5")
  },
  Edit(
    "another kind", reruns: ["verdict", "report"],
    says: """
      stale        verdict: kind threshold → hand_over
      pending      report: waits for verdict
      """
  ) {
    try $0.replace("uses: threshold", "uses: hand_over")
  },
  // Inputs.
  Edit(
    "inputs the other way round", reruns: behindMaps,
    says: """
      stale        stitched (4), such as stitched[cut=stem,method=direct]: input end: model[seed=0] → model[seed=1]; input front: model[seed=1] → model[seed=0]
      pending      scores (4), table, mean, verdict, report, probe, after,
                   such as scores[network=stitched[cut=stem,method=direct]]: wait for stitched (4)
      """
  ) {
    try $0.replace(
      "front: ${model[seed=1]}\n      end: ${model[seed=0]}",
      "front: ${model[seed=0]}\n      end: ${model[seed=1]}")
  },
  Edit(
    "one input from elsewhere", reruns: behindMaps,
    says: """
      stale        stitched (4), such as stitched[cut=stem,method=direct]: input end: model[seed=0] → model[seed=1]
      pending      scores (4), table, mean, verdict, report, probe, after,
                   such as scores[network=stitched[cut=stem,method=direct]]: wait for stitched (4)
      """
  ) {
    try $0.replace("end: ${model[seed=0]}", "end: ${model[seed=1]}")
  },
  Edit(
    "an axis of a group in another order", reruns: ["table", "mean", "verdict", "probe", "after"],
    says: """
      stale        table: input rows: order changed
      stale        mean: input of: order changed
      pending      verdict, report: wait for mean
      pending      probe, after: wait for table
      """
  ) { try $0.replace("cuts: [stem, head]", "cuts: [head, stem]") },
  Edit(
    "a stage whose name is in a table", reruns: ["table", "probe", "after"],
    says: """
      stale        table: input rows: names changed, scores[network.cut=stem,network.method=direct] → marks[network.cut=stem,network.method=direct] and 3 more
      pending      probe, after: wait for table
      """
  ) {
    try $0.replace("scores", "marks")
  },
  Edit(
    "an axis whose name is in a table", reruns: ["table", "probe", "after"],
    says: """
      stale        table: input rows: names changed, scores[network.cut=stem,network.method=direct] → scores[subject.cut=stem,subject.method=direct] and 3 more
      pending      probe, after: wait for table
      """
  ) {
    try $0.replace("matrix: { network: \"${stitched}\" }", "matrix: { subject: \"${stitched}\" }")
    try $0.replace("matrix.network", "matrix.subject")
  },
  Edit(
    "a condition", reruns: ["table", "mean", "verdict", "probe", "after"],
    says: """
      stale        table: input rows: removed scores[network.cut=stem,network.method=fula], scores[network.cut=head,network.method=fula]
      stale        mean: input of: removed scores[network=stitched[cut=stem,method=fula]], scores[network=stitched[cut=head,method=fula]]
      pending      verdict, report: wait for mean
      pending      probe, after: wait for table
      """
  ) {
    try $0.replace("  scores:\n", "  scores:\n    where: [\"${matrix.network.method == direct}\"]\n")
  },
  Edit(
    "a member of a list less", reruns: ["mean", "verdict"],
    says: """
      stale        mean: input of: removed scores[network=stitched[cut=head,method=direct]], scores[network=stitched[cut=head,method=fula]]
      pending      verdict, report: wait for mean
      """
  ) {
    try $0.replace("of: \"${scores}\"", "of: \"${scores[network.cut=stem]}\"")
  },
  Edit(
    "a half of what one reads", reruns: ["images"] + behindScores,
    says: """
      stale        images: test 20 → 30
      pending      model (2), stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as model[seed=0]: wait for images
      """
  ) {
    try $0.replace("test: 20", "test: 30")
  },
  Edit(
    "the other half", reruns: ["images"] + behindModels,
    says: """
      stale        images: train 40 → 50
      pending      model (2), stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as model[seed=0]: wait for images
      """
  ) {
    try $0.replace("test: 20", "test: 20, train: 50")
  },
  // Growth.
  Edit(
    "a further value of an axis", reruns: ["model[seed=2]"],
    says: """
      missing      model[seed=2]
      """
  ) {
    try $0.replace("seed: [0, 1]", "seed: [0, 1, 2]")
  },
  Edit(
    "a further value that others follow",
    reruns: [
      "stitched[cut=tail,method=direct]", "stitched[cut=tail,method=fula]",
      "scores[network=stitched[cut=tail,method=direct]]", "scores[network=stitched[cut=tail,method=fula]]",
      "table", "mean", "verdict", "probe", "after",
    ],
    says: """
      missing      stitched[cut=tail] (2), such as stitched[cut=tail,method=direct]
      pending      scores[network.cut=tail] (2), table, mean, verdict, report, probe, after,
                   such as scores[network=stitched[cut=tail,method=direct]]: wait for stitched[cut=tail] (2)
      """
  ) { try $0.replace("cuts: [stem, head]", "cuts: [stem, head, tail]") },
  Edit(
    "a further stage", reruns: ["again"],
    says: """
      missing      again
      """
  ) {
    try $0.replace("  table:", "  again: { uses: hand_over, with: { of: \"${mean}\" } }\n  table:")
  },
  Edit(
    "a stage by another name and with another text", reruns: ["inquiry"],
    says: """
      stale        inquiry: known as probe before; run …} ${in.1} --out ${out.acts} → …} ${in.1} --verbose --out ${out.acts}
      pending      after: waits for inquiry
      """
  ) {
    try $0.replace("probe:", "inquiry:")
    try $0.replace("${probe}", "${inquiry}")
    try $0.replace("--out", "--verbose --out")
  },
  // Data.
  Edit(
    "a byte of the data", reruns: ["images"] + behindModels,
    says: """
      stale        images: input path: content changed (data)
      pending      model (2), stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as model[seed=0]: wait for images
      """
  ) {
    try $0.write("data/b.bin", "c")
  },
  Edit(
    "a further file", reruns: ["images"] + behindModels,
    says: """
      stale        images: input path: content changed (data)
      pending      model (2), stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as model[seed=0]: wait for images
      """
  ) { try $0.write("data/c.bin", "c") },
  Edit(
    "a file less", reruns: ["images"] + behindModels,
    says: """
      stale        images: input path: content changed (data)
      pending      model (2), stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as model[seed=0]: wait for images
      """
  ) { try $0.remove("data/b.bin") },
  Edit(
    "a declared input of a command", reruns: ["probe", "after"],
    says: """
      stale        probe: input brain: content changed (data/brain.npy)
      pending      after: waits for probe
      """
  ) {
    try $0.write("data/brain.npy", "other")
  },
  Edit("data in another folder, the same", reruns: [], says: "") {
    try FileManager.default.moveItem(
      atPath: $0.project.root.path + "/data", toPath: $0.project.root.path + "/moved")
    try $0.write("data/brain.npy", "brain")
    try $0.replace("path: data", "path: moved")
  },
  // Commands.
  Edit(
    "a script", reruns: ["probe", "after"],
    says: """
      stale        probe: source scripts/probe.py changed
      pending      after: waits for probe
      """
  ) {
    try $0.write("scripts/probe.py", "import helper, os")
  },
  Edit(
    "a helper that a script imports", reruns: ["probe"],
    says: """
      stale        probe: source scripts/helper.py changed
      pending      after: waits for probe
      """
  ) {
    try $0.write("scripts/helper.py", "better help")
  },
  Edit(
    "a further script", reruns: ["probe"],
    says: """
      stale        probe: source scripts/deep/other.py added
      pending      after: waits for probe
      """
  ) { try $0.write("scripts/deep/other.py", "") },
  Edit(
    "a lock file", reruns: ["probe"],
    says: """
      stale        probe: source requirements.lock changed
      pending      after: waits for probe
      """
  ) { try $0.write("requirements.lock", "numpy==2") },
  Edit(
    "an interpreter", reruns: ["probe"],
    says: """
      stale        probe: program interpret changed
      pending      after: waits for probe
      """
  ) { try $0.write("bin/interpret", "interpreter 2") },
  Edit(
    "a distribution in a virtual environment", reruns: ["probe"],
    given: {
      try $0.replace("run: interpret", "run: .venv/bin/python")
      try $0.run()
    },
    says: """
      stale        probe: package numpy 1.26.4 → 2.0.0
      pending      after: waits for probe
      """
  ) {
    try FileManager.default.moveItem(
      atPath: $0.project.root.path + "/.venv/lib/python3.11/site-packages/numpy-1.26.4.dist-info",
      toPath: $0.project.root.path + "/.venv/lib/python3.11/site-packages/numpy-2.0.0.dist-info")
  },
  Edit(
    "the text of a command", reruns: ["probe"],
    says: """
      stale        probe: run …} ${in.1} --out ${out.acts} → …} ${in.1} --verbose --out ${out.acts}
      pending      after: waits for probe
      """
  ) {
    try $0.replace("--out ${out.acts}", "--verbose --out ${out.acts}")
  },
  Edit(
    "where a command runs", reruns: ["probe"],
    says: """
      stale        probe: workdir private → project
      pending      after: waits for probe
      """
  ) {
    try $0.replace("environment: [PROBE_LEVEL]", "environment: [PROBE_LEVEL]\n    workdir: project")
  },
  Edit(
    "a declared variable", reruns: ["probe", "after"],
    says: """
      stale        probe: environment PROBE_LEVEL 1 → 2
      pending      after: waits for probe
      """
  ) {
    $0.project.environment["PROBE_LEVEL"] = "2"
  },
  Edit(
    "a declared variable that isn't set any more", reruns: ["probe", "after"],
    says: """
      stale        probe: environment PROBE_LEVEL 1 → not set
      pending      after: waits for probe
      """
  ) {
    $0.project.environment["PROBE_LEVEL"] = nil
  },
  Edit(
    "a further declared variable", reruns: ["probe"],
    says: """
      stale        probe: environment PROBE_DEPTH is declared now, and not set
      pending      after: waits for probe
      """
  ) {
    try $0.replace("[PROBE_LEVEL]", "[PROBE_LEVEL, PROBE_DEPTH]")
  },
  Edit(
    "a secret", reruns: ["probe", "after"],
    given: {
      try $0.replace("[PROBE_LEVEL]", "[{ PROBE_LEVEL: secret }]")
      try $0.run()
    },
    says: """
      stale        probe: environment PROBE_LEVEL is another secret
      pending      after: waits for probe
      """
  ) { $0.project.environment["PROBE_LEVEL"] = "2" },
  // The sources of kinds, and what a project has in its keys.
  Edit(
    "a source of a kind", reruns: ["model"],
    says: """
      stale        model (2), such as model[seed=0]: source Stages/Kinds/Train.swift changed
      pending      stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as stitched[cut=stem,method=direct]: wait for model (2)
      """
  ) {
    $0.sources["Stages/Kinds/Train.swift"] = "edited"
  },
  Edit(
    "a source of a module", reruns: ["model", "stitched"],
    says: """
      stale        model (2), such as model[seed=0]: source Tensor/Matrix.swift changed
      pending      stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as stitched[cut=stem,method=direct]: wait for model (2)
      """
  ) {
    $0.sources["Tensor/Matrix.swift"] = "edited"
  },
  Edit(
    "many sources of a module", reruns: ["model", "stitched"],
    says: """
      stale        model (2), such as model[seed=0]: 4 sources of Tensor changed: Tensor/A.swift, Tensor/B.swift, Tensor/C.swift, Tensor/D.swift
      pending      stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as stitched[cut=stem,method=direct]: wait for model (2)
      """
  ) {
    for name in ["A", "B", "C", "D"] { $0.sources["Tensor/\(name).swift"] = "" }
  },
  Edit(
    "a source less", reruns: ["stitched"],
    says: """
      stale        stitched (4), such as stitched[cut=stem,method=direct]: source Stages/Kinds/Stitch.swift removed
      pending      scores (4), table, mean, verdict, report, probe, after,
                   such as scores[network=stitched[cut=stem,method=direct]]: wait for stitched (4)
      """
  ) { $0.sources["Stages/Kinds/Stitch.swift"] = nil },
  Edit(
    "the compiler", reruns: everything.filter { $0 != "probe" },
    says: """
      stale        images: build: compiler changed
      pending      model (2), stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as model[seed=0]: wait for images
      """
  ) {
    $0.sources["build: compiler"] = "6.3"
  },
  Edit(
    "the salt", reruns: everything,
    says: """
      stale        images: salt none → after the broken disk
      pending      model (2), stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as model[seed=0]: wait for images
      """
  ) {
    try $0.write("bobbin.yaml", "salt: after the broken disk")
  },
  Edit(
    "a fact of the platform, from now on", reruns: everything,
    says: """
      stale        images: platform.instruction_set none → avx2
      pending      model (2), stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as model[seed=0]: wait for images
      """
  ) {
    try $0.write("bobbin.yaml", "platform: [instruction_set]")
  },
  Edit(
    "another platform, which is in every key", reruns: everything,
    given: {
      try $0.write("bobbin.yaml", "platform: [instruction_set, libraries]")
      try $0.run()
    },
    says: """
      stale        images: platform.libraries.oneDNN 2.6.3 → 3.1.1
      pending      model (2), stitched (4), scores (4), table, mean, verdict, report, probe, after,
                   such as model[seed=0]: wait for images
      """
  ) { $0.platform.libraries["oneDNN"] = "3.1.1" },
  // What ran in part.
  Edit(
    "a parameter, where the models ran already", reruns: behindMaps,
    says: """
      stale        stitched (4), such as stitched[cut=stem,method=direct]: input end: content changed (model 'model': epochs 1 → 2); input front: content changed (model 'model': epochs 1 → 2)
      pending      scores (4), table, mean, verdict, report, probe, after,
                   such as scores[network=stitched[cut=stem,method=direct]]: wait for stitched (4)
      """
  ) {
    $0.sets = ["epochs=2"]
    try $0.run("model")
  },
  Edit(
    "a parameter, where the scores ran already", reruns: ["table", "mean", "verdict", "probe", "after"],
    says: """
      stale        table: input rows: content of scores[network.cut=stem,network.method=direct], scores[network.cut=stem,network.method=fula] and 2 more changed (← scores ← stitched ← model: epochs 1 → 2)
      stale        mean: input of: content of scores 'scores[network=stitched[cut=stem,method=direct]]' and 3 more changed (← scores ← stitched ← model: epochs 1 → 2)
      pending      verdict, report: wait for mean
      pending      probe, after: wait for table
      """
  ) {
    $0.sets = ["epochs=2"]
    try $0.run("scores")
  },
  Edit(
    "a source, where the maps ran already", reruns: behindScores,
    says: """
      stale        scores (4), such as scores[network=stitched[cut=stem,method=direct]]: input data: content changed (dataset 'images': input path: content changed (data)); input model: content changed (map 'stitched' ← images: input path: content changed (data))
      pending      table, mean, verdict, report, probe, after: wait for scores (4)
      """
  ) {
    try $0.write("data/b.bin", "c")
    try $0.run("stitched")
  },
]

@Suite struct EditedPipelineTests {
  @Test("exactly what an edit concerns runs again, and the cause is named", arguments: edits)
  func edit(_ edit: Edit) throws {
    let project = try EditedProject()
    #expect(try project.run().exitStatus == 0)
    try edit.given(project)
    try edit.edit(project)
    let names = try project.pipeline().graph.instances.map(\.name)
    let expected = Set(
      names.filter { name in edit.reruns.contains { $0 == name || name.hasPrefix($0 + "[") } })

    let (plan, graph) = try project.plan(explaining: names)
    let text = StatusText(plan, graph: graph, onlyStale: true, examples: true).text
    let said = text.split(separator: "\n").dropLast().joined(separator: "\n")
    #expect(said == edit.says, "\(said)")
    for explanation in plan.explanations where expected.contains(explanation.name) {
      switch explanation.state {
      case .stale(let reason): #expect(!reason.changes.isEmpty, "\(explanation.name)")
      case .missing:
        #expect(explanation.earlier == nil || !explanation.changes.isEmpty, "\(explanation.name)")
      case .pending:
        // Each way leads to something that runs.
        #expect(!explanation.waits.isEmpty, "\(explanation.name)")
        for wait in explanation.waits { #expect(expected.contains(wait.path.last!), "\(explanation.name)") }
      default: Issue.record("\(explanation.name) is \(explanation.state)")
      }
    }

    let report = try project.run()
    #expect(report.exitStatus == 0)
    #expect(Set(report.names(.executed)) == expected)
    // What ran has its reason, and once it has run nothing is left to do.
    for instance in report.instances where instance.state == .executed {
      #expect(instance.reason != nil, "\(instance.name)")
    }
    #expect(try project.run().executed == 0)
  }

  @Test func thereAreFortyEditsAndEachIsAnother() {
    #expect(edits.count >= 40)
    #expect(Set(edits.map(\.what)).count == edits.count)
  }
}

// Owns the table of edits: each with the kinds that must rerun after it and those that must not.

import Fingerprinting
import Foundation
import Testing

/// One change of the sources.
struct Edit: Sendable, CustomTestStringConvertible {
  enum Change: Sendable {
    /// A line at the end of the file.
    case append(String)
    /// The first place where `text` stands.
    case replace(_ text: String, with: String)
    /// A new file.
    case create(String)
  }

  let what: String
  let path: String
  let change: Change
  /// Kinds (by the names of their types) that must change.
  let reruns: Set<String>
  /// Kinds that must not; nil for all the others.
  let spares: Set<String>?

  var testDescription: String { what }

  init(
    _ what: String, _ path: String, _ change: Change, reruns: Set<String>, spares: Set<String>? = nil
  ) {
    self.what = what
    self.path = path
    self.change = change
    self.reruns = reruns
    self.spares = spares
  }

  func apply(at root: URL) throws {
    let url = root.appending(path: path)
    switch change {
    case .append(let line):
      let text = try String(contentsOf: url, encoding: .utf8)
      try Data((text + "\n" + line + "\n").utf8).write(to: url)
    case .replace(let anchor, let replacement):
      let text = try String(contentsOf: url, encoding: .utf8)
      guard let range = text.range(of: anchor) else {
        throw FingerprintError(
          description: "\(path) has no '\(anchor)' any more: give the row '\(what)' another anchor")
      }
      try Data(text.replacingCharacters(in: range, with: replacement).utf8).write(to: url)
    case .create(let text):
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
  }
}

private let code = "private let added = 1"
private let datasets: Set = [
  "DatasetMNIST", "DatasetCIFAR10", "DatasetSynthetic", "DatasetShortcut", "DatasetArrays",
]
private let computing: Set = ["Train", "Stitch", "Evaluate", "Confusion", "Activations"]
private let drawing: Set = ["Table", "Compare", "Heatmap", "Lines", "Scatter", "Curves"]
private let all = datasets.union(computing).union(drawing).union(["ModelImport", "SimilarityKind", "Command"])

private let edits: [Edit] = [
  // What reruns nothing.
  Edit(
    "a new artifact type", "Sources/Stages/ArtifactTypes/ProbeType.swift",
    .create("import Workflow\n\nextension ArtifactType {\n  static let probe = ArtifactType(\"probe\")\n}\n"),
    reruns: []),
  Edit(
    "a new kind", "Sources/Stages/Kinds/Probe.swift",
    .create(
      "import Workflow\n\nstruct Probe: StageKind {\n  static let name = \"probe\"\n  static let summary = \"\"\n"
        + "  func run(in context: StageContext) throws {}\n}\n"), reruns: []),
  Edit(
    "a new kind's line in the list", "Sources/Stages/Kinds.swift",
    .replace("Train.self,", with: "Train.self,\n    Probe.self,"), reruns: []),
  Edit(
    "a new measure's file", "Sources/Similarity/Bhattacharyya.swift",
    .create("extension Measure {\n  static let bhattacharyya = Measure.linearCKA\n}\n"), reruns: []),
  Edit(
    "a new measure's line in the list", "Sources/Similarity/Measures.swift",
    .replace(".linearCKA,", with: ".linearCKA,\n    .procrustes,"), reruns: []),
  Edit(
    "a new attack's line in the list", "Sources/NeuralNetworks/Training/Attacks.swift",
    .replace(".apgdCE,", with: ".apgdCE,\n    .pgd,"), reruns: []),
  Edit(
    "a parameter's help", "Sources/Stages/Kinds/Train.swift",
    .replace("\"passes over the training data\"", with: "\"how often\""), reruns: []),
  Edit(
    "an input's help", "Sources/Stages/Kinds/Stitch.swift",
    .replace("@Input(\"the images to fit on\"", with: "@Input(\"pictures\""), reruns: []),
  Edit(
    "an output's help", "Sources/Stages/Kinds/Evaluate.swift",
    .replace("@Output(\"the scores\"", with: "@Output(\"numbers\""), reruns: []),
  Edit(
    "a kind's summary", "Sources/Stages/Kinds/Train.swift",
    .replace("static let summary = \"", with: "static let summary = \"really "), reruns: []),
  Edit(
    "a kind's discussion", "Sources/Stages/Kinds/Stitch.swift",
    .replace("static let discussion = \"\"\"\n", with: "static let discussion = \"\"\"\n    Really. "),
    reruns: []),
  Edit("a comment", "Sources/NeuralNetworks/Training/Trainer.swift", .append("// a remark"), reruns: []),
  Edit("white space", "Sources/Tensor/Tensor.swift", .append("\n\n   \n"), reruns: []),
  Edit("the engine", "Sources/Workflow/Graph/Graph.swift", .append(code), reruns: []),
  Edit("how artifacts are compared", "Sources/Stages/TensorDifferences.swift", .append(code), reruns: []),
  Edit("the facts of libraries", "Sources/Stages/LibraryVersions.swift", .append(code), reruns: []),
  Edit("the store", "Sources/ContentStore/Store.swift", .append(code), reruns: []),
  Edit(
    "a target for tests", "Package.swift",
    .replace("tests(\"Tensor\", []", with: "tests(\"Tensor\", [\"Formats\"]"), reruns: []),
  Edit(
    "what a program is called", "Package.swift",
    .replace("products: [", with: "products: [.executable(name: \"again\", targets: [\"bobbin\"]),"),
    reruns: []),

  // What is only asked before anything runs.
  Edit(
    "what a kind foresees", "Sources/Stages/Kinds/Train.swift",
    .replace("foresight.know(\"model\", model)", with: "if epochs > 0 { foresight.know(\"model\", model) }"),
    reruns: []),
  Edit(
    "what is known of models before they are trained", "Sources/Stages/ArtifactTypes/ModelFacts.swift",
    .append(code), reruns: []),
  Edit(
    "what is said of images before they are read", "Sources/Stages/ForeseenImages.swift",
    .replace("fewer than", with: "less than"), reruns: []),
  Edit(
    "what stands beside a kind's foreseeing and may be used by its work", "Sources/Stages/Kinds/Train.swift",
    .replace(
      "extension Train: ForeseeingKind {", with: "extension Train: ForeseeingKind {\n  var besides: Int { 1 }"
    ),
    reruns: ["Train"]),

  // Kinds and what they share.
  Edit("how tables read rows", "Sources/Stages/ScoreRows.swift", .append(code), reruns: drawing),
  Edit(
    "a function for tables that has a common name", "Sources/Stages/ScoreRows.swift",
    .append("func spread(_ x: Double) -> Double { x }"), reruns: drawing),
  Edit(
    "how heatmaps look", "Sources/Stages/Drawing/HeatmapDrawing.swift", .append(code),
    reruns: ["Heatmap", "Confusion"]),
  Edit(
    "how intervals of means are made", "Sources/Statistics/StudentInterval.swift", .append(code),
    reruns: ["Table", "Compare", "Heatmap", "Lines", "Curves"], spares: ["Confusion", "Command"]),
  Edit(
    "how lines look", "Sources/Stages/Drawing/LinesDrawing.swift", .append(code), reruns: ["Curves", "Lines"]),
  Edit(
    "how figures are written", "Sources/Stages/Drawing/SVGPage.swift", .append(code),
    reruns: ["Heatmap", "Confusion", "Compare", "Curves", "Lines", "Scatter"]),
  Edit("a kind's own file", "Sources/Stages/Kinds/Train.swift", .append(code), reruns: ["Train"]),
  Edit("another kind's own file", "Sources/Stages/Kinds/Table.swift", .append(code), reruns: ["Table"]),
  Edit(
    "a parameter's bound", "Sources/Stages/Kinds/Train.swift",
    .replace("var epochs = 20", with: "var epochs = 21"), reruns: ["Train"]),
  Edit(
    "how models lie on disk", "Sources/Stages/ModelArtifact.swift", .append(code),
    reruns: computing.union(["ModelImport"]),
    spares: datasets.union(drawing).union(["Command", "SimilarityKind"])),
  Edit(
    "how scores are written", "Sources/Stages/Scores.swift", .append(code),
    reruns: ["Train", "Stitch", "Evaluate", "SimilarityKind"],
    spares: datasets.union(["ModelImport", "Command"])),
  Edit(
    "the words for learning rate schedules", "Sources/Stages/Choices/ScheduleChoice.swift", .append(code),
    reruns: ["Train", "Stitch"], spares: datasets.union(drawing).union(["SimilarityKind", "Command"])),

  // Numerics.
  Edit("MNIST's reader", "Sources/Datasets/MNIST.swift", .append(code), reruns: ["DatasetMNIST"]),
  Edit("CIFAR-10's reader", "Sources/Datasets/CIFAR10.swift", .append(code), reruns: ["DatasetCIFAR10"]),
  Edit(
    "how synthetic images are drawn", "Sources/Datasets/SyntheticImages.swift", .append(code),
    reruns: ["DatasetSynthetic"]),
  Edit(
    "how batches are made", "Sources/Datasets/BatchLoader.swift", .append(code), reruns: ["Train", "Stitch"],
    spares: drawing.union(["ModelImport", "Command", "DatasetMNIST", "DatasetSynthetic"])),
  Edit(
    "the training loop", "Sources/NeuralNetworks/Training/Trainer.swift", .append(code), reruns: ["Train"]),
  Edit(
    "convolutions", "Sources/NeuralNetworks/Layers/Convolution.swift", .append(code), reruns: computing,
    spares: datasets.union(drawing).union(["SimilarityKind", "Command"])),
  Edit(
    "how stitches are fitted", "Sources/Stitching/Fit.swift", .append(code), reruns: ["Stitch"],
    spares: all.subtracting(["Stitch", "Evaluate", "Confusion"])),
  Edit(
    "a measure of outputs", "Sources/Stitching/Outputs/Disagreement.swift", .append(code),
    reruns: ["Evaluate"]),
  Edit(
    "how detectors are trained", "Sources/Stitching/OutOfDistribution/EnergyDetector.swift", .append(code),
    reruns: ["OODScore"]),
  Edit(
    "how images are moved to be represented as others",
    "Sources/NeuralNetworks/Training/IdenticalRepresentation.swift", .append(code), reruns: ["DatasetIRI"]),
  Edit(
    "what a probe reads", "Sources/Similarity/RankTruncation.swift", .append(code), reruns: ["Sensitivity"]),
  Edit(
    "tensors", "Sources/Tensor/Tensor.swift", .append(code),
    reruns: computing.union(["ModelImport", "SimilarityKind"]), spares: ["Command"]),
  Edit(
    "random numbers", "Sources/Tensor/Philox.swift", .append(code),
    reruns: ["Train", "Stitch", "DatasetSynthetic", "Table", "Compare"], spares: ["Command"]),
  Edit(
    "eigenvalues", "Sources/Tensor/MatrixDecompositions.swift", .append(code), reruns: ["Stitch"],
    spares: datasets.union(drawing).union(["Train", "Command"])),
  Edit(
    "NumPy files", "Sources/Formats/NumPy.swift", .append(code), reruns: ["DatasetArrays"],
    spares: drawing.union(["ModelImport", "Command"])),
  Edit(
    "a number's spelling in canonical JSON", "Sources/Canonical/JSON.swift",
    .replace("out += value.description.utf8", with: "out += \"\\(value) \".utf8"),
    reruns: ["Train", "Stitch", "Evaluate", "SimilarityKind", "Table"], spares: []),
  Edit(
    "an operator", "Sources/Tensor/Tensor.swift", .append("infix operator **"),
    reruns: computing.union(["SimilarityKind"]), spares: ["Command"]),
  Edit(
    "a conformance of a type from outside", "Sources/Datasets/Added.swift",
    .create("extension Double: Marked {}\n"), reruns: datasets.union(["Train"]),
    spares: drawing.union(["ModelImport", "Command"])),

  // What isn't Swift, and how it is compiled.
  Edit(
    "a header beside a C shim", "Sources/COneDNN/added.h", .create("#define ADDED\n"), reruns: computing,
    spares: drawing.union(["Command", "SimilarityKind", "DatasetMNIST"])),
  Edit(
    "assembly beside a C shim", "Sources/COneDNN/kernels.S", .create("nop\n"), reruns: computing,
    spares: drawing),
  Edit(
    "a loop of our own in C", "Sources/CKernels/normalisation.c", .append("static int added;"),
    reruns: computing,
    spares: drawing.union(["Command", "DatasetMNIST"])),
  Edit(
    "a header of such loops", "Sources/CKernels/vectors.h", .append("#define ADDED"), reruns: computing,
    spares: drawing.union(["Command", "DatasetMNIST"])),
  Edit(
    "how such loops are compiled", "Package.swift",
    .replace("name: \"CKernels\"", with: "name: \"CKernels\", cSettings: [.define(\"A\")]"),
    reruns: computing,
    spares: drawing.union(["Command"])),
  Edit("a resource", "Sources/Similarity/weights.json", .create("{}\n"), reruns: ["SimilarityKind"]),
  Edit(
    "the settings of numerics", "Package.swift",
    .replace(
      "let numericsSettings: [SwiftSetting] = [",
      with: "let numericsSettings: [SwiftSetting] = [.define(\"A\"),"),
    reruns: all.subtracting(["Command"]), spares: ["Command"]),
  Edit(
    "the settings of one module", "Package.swift",
    .replace("numerics(\"Similarity\", [", with: "numerics(\"Similarity\", [\"Formats\", "),
    reruns: ["SimilarityKind"]),
]

@Suite struct EditTests {
  private let before: [String: KindCode]

  init() throws { before = try Unedited.code.get() }

  /// The same for every row.
  private enum Unedited {
    static let code = Result { try Copy().codeOfKinds() }
  }

  @Test(arguments: edits) func anEditRerunsWhatItReaches(_ edit: Edit) throws {
    let copy = try Copy()
    try edit.apply(at: copy.root)
    let after = try copy.codeOfKinds()
    let changed = Set(before.keys.filter { before[$0] != after[$0] && !isListedAlone($0, after) })
    let missing = edit.reruns.subtracting(changed)
    #expect(missing.isEmpty, "must rerun as well")
    let tooMany = (edit.spares ?? all.subtracting(edit.reruns)).intersection(changed)
    #expect(tooMany.isEmpty, "must not rerun")
    #expect(edit.reruns.union(edit.spares ?? []).isSubset(of: before.keys), "kinds that there are")
  }

  /// Whether all that has changed of a kind's code is what it looks up by name and didn't have before.
  private func isListedAlone(_ kind: String, _ after: [String: KindCode]) -> Bool {
    guard let old = before[kind], let new = after[kind], old.files == new.files else { return false }
    return old.listed.allSatisfy { new.listed[$0.key] == $0.value }
  }

  @Test func editingAMeasureRerunsOnlyWhatAsksForIt() throws {
    let copy = try Copy()
    try Edit("", "Sources/Similarity/LinearCKA.swift", .append(code), reruns: []).apply(at: copy.root)
    let (old, new) = (
      try #require(before["SimilarityKind"]), try #require(try copy.codeOfKinds()["SimilarityKind"])
    )
    #expect(old.files == new.files)
    #expect(old.listed["Similarity/LinearCKA.swift"] != new.listed["Similarity/LinearCKA.swift"])
    #expect(old.listed["Similarity/Procrustes.swift"] == new.listed["Similarity/Procrustes.swift"])
    #expect(old.listed.count > 1)
  }

  @Test func editingWhatMeasuresShareRerunsOnlyWhatAsksForOneOfThem() throws {
    let copy = try Copy()
    try Edit("", "Sources/Similarity/Bases.swift", .append(code), reruns: []).apply(at: copy.root)
    let (old, new) = (
      try #require(before["SimilarityKind"]), try #require(try copy.codeOfKinds()["SimilarityKind"])
    )
    #expect(old.files == new.files)
    func changes(_ file: String) -> Bool {
      old.listed["Similarity/\(file)"] != new.listed["Similarity/\(file)"]
    }
    #expect(changes("CanonicalCorrelations.swift") && changes("GULP.swift"))
    #expect(!changes("LinearCKA.swift") && !changes("RSA.swift") && !changes("Procrustes.swift"))
  }

  @Test func anotherCompilerRerunsEverything() throws {
    let after = try Copy().codeOfKinds(compiler: "Swift version 6.3")
    for (kind, code) in before { #expect(after[kind] != code, "\(kind)") }
  }

  @Test func theEngineIsInNoKindsCode() {
    for (kind, code) in before {
      let files = code.files.keys.filter { path in
        ["ContentStore/", "Workflow/"].contains { path.hasPrefix($0) }
      }
      #expect(files.isEmpty, "\(kind)")
    }
  }
}

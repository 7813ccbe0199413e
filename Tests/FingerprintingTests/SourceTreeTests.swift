import Fingerprinting
import Foundation
import Testing

@Suite struct SourceTreeTests {
  /// A copy of this package's own sources, to be edited.
  private final class Copy {
    let root = FileManager.default.temporaryDirectory.appending(path: "bobbin-sources-\(UUID().uuidString)")

    init() throws {
      let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
      for name in ["Sources", "Package.swift"] {
        try FileManager.default.copyItem(at: package.appending(path: name), to: root.appending(path: name))
      }
    }

    deinit { try? FileManager.default.removeItem(at: root) }

    var code: [String: [String: String]] {
      get throws {
        func module(_ name: String, _ dependencies: [String]) -> Module {
          Module(name: name, directory: root.appending(path: "Sources/\(name)"), dependencies: dependencies)
        }
        let modules = [
          module("COneDNN", []), module("COpenBLAS", []), module("CZlib", []),
          module("Tensor", ["COpenBLAS"]), module("Formats", ["Tensor", "CZlib"]),
          module("Datasets", ["Tensor", "Formats", "CZlib"]),
          module("NeuralNetworks", ["Tensor", "COneDNN"]),
          module("Similarity", ["Tensor"]), module("Stitching", ["Tensor", "NeuralNetworks"]),
        ]
        return try SourceTree(
          manifest: root.appending(path: "Package.swift"), stages: module("Stages", []), modules: modules
        ).codeOfKinds()
      }
    }

    /// Which kinds change when `edit` is made to a source.
    func kindsChanged(in path: String, _ edit: (String) -> String) throws -> Set<String> {
      let before = try code
      let url = root.appending(path: path)
      let text = try String(contentsOf: url, encoding: .utf8)
      let edited = edit(text)
      #expect(edited != text)
      try Data(edited.utf8).write(to: url)
      let after = try code
      return Set(before.keys.filter { before[$0] != after[$0] })
    }
  }

  private func appending(_ code: String) -> (String) -> String { { $0 + "\n\(code)\n" } }

  @Test func editingStitchingRerunsStitchesAndNoTraining() throws {
    let directory = try Copy()
    let file = try #require(
      FileManager.default.contentsOfDirectory(
        atPath: directory.root.appending(path: "Sources/Stitching").path
      ).sorted().first)
    let changed = try directory.kindsChanged(in: "Sources/Stitching/\(file)", appending("let added = 1"))
    #expect(changed.contains("Stitch"))
    #expect(
      changed.isDisjoint(with: [
        "Train", "ModelImport", "DatasetCIFAR10", "Activations", "Table", "SimilarityKind",
      ]))
  }

  @Test func editingACommentRerunsNothing() throws {
    for path in ["NeuralNetworks/Training/Trainer.swift", "Stages/Kinds/Train.swift", "Tensor/Tensor.swift"] {
      #expect(try Copy().kindsChanged(in: "Sources/\(path)", appending("// a remark")) == [])
    }
  }

  @Test func editingTensorsRerunsEverythingThatComputes() throws {
    let changed = try Copy().kindsChanged(in: "Sources/Tensor/Tensor.swift", appending("let added = 1"))
    #expect(changed.isSuperset(of: ["Train", "Stitch", "SimilarityKind", "DatasetMNIST"]))
    #expect(changed.isDisjoint(with: ["Table", "Heatmap", "Command"]))
  }

  @Test func editingAKindChangesThatKindAlone() throws {
    let changed = try Copy().kindsChanged(in: "Sources/Stages/Kinds/Train.swift", appending("let added = 1"))
    #expect(changed == ["Train"])
  }

  @Test func editingNetworksRerunsNoDataset() throws {
    let changed = try Copy().kindsChanged(
      in: "Sources/NeuralNetworks/Training/Trainer.swift", appending("let added = 1"))
    #expect(changed.isSuperset(of: ["Train", "Stitch", "Evaluate"]))
    #expect(changed.isDisjoint(with: ["DatasetMNIST", "DatasetSynthetic", "DatasetShortcut"]))
  }

  @Test func theEngineIsInNoKindsCode() throws {
    let files = try Copy().code.values.flatMap(\.keys)
    for engine in ["ContentStore/", "Workflow/", "Executors/"] {
      #expect(!files.contains { $0.hasPrefix(engine) })
    }
  }

  @Test func cShimsAndCompileSettingsCount() throws {
    let shim = try Copy().kindsChanged(in: "Sources/COneDNN/shim.h", appending("#define ADDED"))
    #expect(shim.contains("Train") && !shim.contains("Table"))
    let settings = try Copy().kindsChanged(in: "Package.swift") {
      $0.replacing(
        "numericsSettings: [SwiftSetting] = [", with: "numericsSettings: [SwiftSetting] = [.define(\"A\"),")
    }
    #expect(settings.contains("Train"))
  }
}

// Owns copies of this package's own sources, to be edited and fingerprinted.

import Fingerprinting
import Foundation

/// The real sources in a temporary folder, which goes when the value does.
final class Copy {
  let root = FileManager.default.temporaryDirectory.appending(path: "bobbin-sources-\(UUID().uuidString)")

  /// The package that these tests stand in.
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  init() throws {
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    for name in ["Sources", "Package.swift"] {
      try FileManager.default.copyItem(at: Copy.package.appending(path: name), to: root.appending(path: name))
    }
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  func codeOfKinds(compiler: String = "Swift version 6.2") throws -> [String: KindCode] {
    try Copy.tree(at: root, compiler: compiler).codeOfKinds()
  }

  /// What the plugin finds for the module Stages of the package at `root`; modules depend on what they import.
  static func tree(at root: URL, compiler: String) throws -> SourceTree {
    let engine = ["Workflow", "ContentStore", "Processes", "CProcess"]
    let counted = [
      "Stages", "Canonical", "CCrypto", "CCurl", "CImages", "CKernels", "Downloads", "COneDNN", "COpenBLAS",
      "CZlib", "Tensor", "Formats",
      "Datasets",
      "NeuralNetworks", "Similarity", "Stitching", "Statistics",
    ]
    let names = Set(engine + counted)
    return SourceTree(
      modules: try (counted + engine).map { name in
        let directory = root.appending(path: "Sources/\(name)")
        var imports = Set<String>()
        for file in try FileManager.default.subpathsOfDirectory(atPath: directory.path)
        where file.hasSuffix(".swift") {
          let text = try String(contentsOf: directory.appending(path: file), encoding: .utf8)
          for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if let i = words.firstIndex(of: "import"), i < 2, i + 1 < words.count {
              imports.insert(String(words[i + 1]))
            }
          }
        }
        return Module(
          role: engine.contains(name) ? .engine : .counts, name: name, directory: directory,
          manifest: root.appending(path: "Package.swift"),
          dependencies: imports.intersection(names).subtracting([name]).sorted())
      }, compiler: compiler)
  }
}

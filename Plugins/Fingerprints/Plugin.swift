// Owns when fingerprints are computed: at build time, again whenever a source that counts has changed.

import Foundation
import PackagePlugin

/// Writes the code of the stage kinds into the module it is applied to, of whatever package: a value `fingerprints`
/// of Workflow's type `Fingerprints`.
@main
struct Fingerprints: BuildToolPlugin {
  /// The engine conveys bytes and is in no kind's code; its contract is the key's format version. What it is built
  /// on counts as little, except Canonical, which decides bytes.
  static let engine: Set<String> = [
    "ContentStore", "Workflow", "PipelineFile", "Executors", "Remotes", "Serving", "Reporting",
    "BobbinCommands",
    "Processes", "CProcess", "Stages",
  ]
  static let belowEngine: Set<String> = ["Canonical", "CCrypto"]

  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let output = context.pluginWorkDirectoryURL.appending(path: "Fingerprints.swift")
    let swiftc = try context.tool(named: "swiftc").url
    let packages = self.packages(from: context.package)
    var arguments = [output.path, swiftc.path]
    var inputs = Set([swiftc])
    var seen = Set<String>()
    var stack: [any Target] = [target]
    while let module = stack.popLast() {
      let counts = module.id == target.id || !Fingerprints.engine.contains(module.name)
      let isSource = module is any SourceModuleTarget || module is SystemLibraryTarget
      guard seen.insert(module.id).inserted, isSource, let package = packages[module.id] else { continue }
      let below = dependencies(of: module).filter { next in
        counts || Fingerprints.engine.contains(next.name) || Fingerprints.belowEngine.contains(next.name)
      }
      stack += below
      let manifest = package.directoryURL.appending(path: "Package.swift")
      arguments += [
        counts ? "counts" : "engine", module.name, module.directoryURL.path, manifest.path,
        below.map(\.name).joined(separator: ","),
      ]
      inputs.insert(manifest)
      inputs.formUnion(files(below: module.directoryURL))
    }
    return [
      .buildCommand(
        displayName: "Fingerprinting the stage kinds of \(target.name)",
        executable: try context.tool(named: "fingerprint").url, arguments: arguments,
        inputFiles: inputs.sorted { $0.path < $1.path }, outputFiles: [output])
    ]
  }

  /// The package that each target stands in.
  private func packages(from root: Package) -> [String: Package] {
    var found: [String: Package] = [:]
    var seen = Set<String>()
    var stack = [root]
    while let package = stack.popLast() {
      guard seen.insert(package.id).inserted else { continue }
      for target in package.targets { found[target.id] = package }
      stack += package.dependencies.map(\.package)
    }
    return found
  }

  private func dependencies(of module: any Target) -> [any Target] {
    module.dependencies.flatMap { dependency -> [any Target] in
      switch dependency {
      case .target(let target): [target]
      case .product(let product): product.targets
      @unknown default: []
      }
    }
  }

  private func files(below directory: URL) -> [URL] {
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: directory.path)) ?? []
    return names.filter { !$0.split(separator: "/").contains { $0.hasPrefix(".") } }
      .map { directory.appending(path: $0) }.filter { !$0.hasDirectoryPath }
  }
}

// Owns when fingerprints are computed: at build time, again whenever a source that counts has changed.

import Foundation
import PackagePlugin

/// Writes the code manifests of the stage kinds into the module it is applied to.
@main
struct Fingerprints: BuildToolPlugin {
  /// The engine conveys bytes and is not in any kind's code; its contract is the key's format version.
  static let engine: Set<String> = ["ContentStore", "Workflow", "CProcess", "CZstd", "CCrypto"]

  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let output = context.pluginWorkDirectoryURL.appending(path: "Fingerprints.swift")
    let manifest = context.package.directoryURL.appending(path: "Package.swift")
    let own = Set(context.package.targets.map(\.name))
    let modules = target.recursiveTargetDependencies.filter {
      own.contains($0.name) && !Fingerprints.engine.contains($0.name)
    }
    let arguments = modules.map { module in
      let dependencies = module.dependencies.compactMap { dependency -> String? in
        if case .target(let target) = dependency { target.name } else { nil }
      }
      return "\(module.name)=\(module.directoryURL.path)=\(dependencies.joined(separator: ","))"
    }
    let sources = ([target] + modules).flatMap { files(below: $0.directoryURL) }
    return [
      .buildCommand(
        displayName: "Fingerprinting the stage kinds",
        executable: try context.tool(named: "fingerprint").url,
        arguments: [output.path, manifest.path, target.directoryURL.path] + arguments.sorted(),
        inputFiles: [manifest] + sources, outputFiles: [output])
    ]
  }

  private func files(below directory: URL) -> [URL] {
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: directory.path)) ?? []
    return names.sorted().map { directory.appending(path: $0) }.filter { !$0.pathExtension.isEmpty }
  }
}

// Owns which sources decide what a stage kind computes: the kind's own file, the files of the stages' module that
// are no kinds and that it reaches, every module of numerics that these import, directly or not, and the
// numerics' compile settings.

import CCrypto
import Foundation

/// A module as the package declares it.
public struct Module: Sendable {
  public var name: String
  public var directory: URL
  public var dependencies: [String]

  public init(name: String, directory: URL, dependencies: [String]) {
    self.name = name
    self.directory = directory
    self.dependencies = dependencies
  }
}

/// The sources of a package, as far as they decide what stages compute.
public struct SourceTree: Sendable {
  /// `Package.swift`.
  public var manifest: URL
  /// The module with the stage kinds, one a file under `Kinds/`.
  public var stages: Module
  /// The modules of numerics and the C modules behind them. The engine isn't here: it conveys bytes.
  public var modules: [Module]

  public init(manifest: URL, stages: Module, modules: [Module]) {
    self.manifest = manifest
    self.stages = stages
    self.modules = modules
  }

  /// For each kind's file, by its name without extension: relative source paths → digests (hexadecimal).
  public func codeOfKinds() throws -> [String: [String: String]] {
    var texts: [String: [String: String]] = [:]
    for module in modules + [stages] { texts[module.name] = try significantFiles(of: module) }
    let ownFiles = texts[stages.name]!
    let kinds = ownFiles.keys.filter { $0.hasPrefix("\(stages.name)/Kinds/") }
    let shared = ownFiles.filter { !kinds.contains($0.key) }
    let settings = try numericsSettings()
    var result: [String: [String: String]] = [:]
    for kind in kinds {
      var files = reachedFiles(shared, from: ownFiles[kind]!)
      files[kind] = ownFiles[kind]
      let imported = Set(files.values.flatMap(imports(of:)))
      for name in reachable(from: imported) { files.merge(texts[name]!) { $1 } }
      var digests = files.mapValues { sha256($0) }
      digests["Package.swift: numericsSettings"] = sha256(settings)
      result[URL(fileURLWithPath: kind).deletingPathExtension().lastPathComponent] = digests
    }
    return result
  }

  private func reachable(from imported: Set<String>) -> Set<String> {
    let byName = Dictionary(uniqueKeysWithValues: modules.map { ($0.name, $0) })
    var seen = Set<String>()
    var stack = imported.filter { byName[$0] != nil }.sorted()
    while let name = stack.popLast() {
      if seen.insert(name).inserted { stack += byName[name]!.dependencies.filter { byName[$0] != nil } }
    }
    return seen
  }

  /// Relative path → the text that counts: of Swift files their tokens, of everything else all of it.
  private func significantFiles(of module: Module) throws -> [String: String] {
    let files = FileManager.default
    var result: [String: String] = [:]
    let root = module.directory.resolvingSymlinksInPath().path
    for relative in try files.subpathsOfDirectory(atPath: root).sorted() {
      let kind = URL(fileURLWithPath: relative).pathExtension
      guard ["swift", "h", "c", "modulemap"].contains(kind) else { continue }
      let text = try String(
        contentsOf: URL(fileURLWithPath: root).appendingPathComponent(relative), encoding: .utf8)
      result["\(module.name)/\(relative)"] = kind == "swift" ? significantText(ofSwift: text) : text
    }
    return result
  }

  /// The statement of the manifest that sets how numerics are compiled.
  private func numericsSettings() throws -> String {
    let text = significantText(ofSwift: try String(contentsOf: manifest, encoding: .utf8))
    let lines = text.split(separator: "\n")
    guard let start = lines.firstIndex(where: { $0.hasPrefix("let numericsSettings") }) else {
      throw FingerprintError(message: "\(manifest.path) has no 'let numericsSettings'")
    }
    let end =
      lines[(start + 1)...].firstIndex { $0.hasPrefix("let ") || $0.hasPrefix("func ") } ?? lines.endIndex
    return lines[start..<end].joined(separator: "\n")
  }
}

/// A source tree that isn't as it should be.
public struct FingerprintError: Error, CustomStringConvertible, Sendable {
  public let message: String
  public var description: String { message }
}

/// The modules that significant Swift text imports, plainly or with attributes, an access level or a kind.
private func imports(of text: String) -> [String] {
  text.split(separator: "\n").flatMap { line in
    line.split(separator: ";").compactMap { statement -> String? in
      let words = statement.split(separator: " ")
      guard let position = words.firstIndex(of: "import"), position + 1 < words.count else { return nil }
      let kinds: Set<Substring> = ["struct", "class", "enum", "func", "var", "let", "protocol", "typealias"]
      let named =
        kinds.contains(words[position + 1]) && position + 2 < words.count ? position + 2 : position + 1
      return words[named].split(separator: ".").first.map(String.init)
    }
  }
}

private func sha256(_ text: String) -> String {
  var digest = [UInt8](repeating: 0, count: 32)
  let bytes = Array(text.utf8)
  _ = SHA256(bytes, bytes.count, &digest)
  return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

// Owns which sources decide what each stage kind of a module computes, and their digests: the files that the kind
// reaches, C and resources of the modules in its sight, how the manifest has these modules compiled, and the compiler.

import CCrypto
import Foundation

/// A module as its package declares it.
public struct Module: Sendable {
  public enum Role: String, Sendable {
    case counts
    /// Conveys bytes; its sources lead to others without counting themselves.
    case engine
  }
  public var role: Role
  public var name: String
  public var directory: URL
  /// `Package.swift` of its package.
  public var manifest: URL
  public var dependencies: [String]

  public init(role: Role, name: String, directory: URL, manifest: URL, dependencies: [String]) {
    self.role = role
    self.name = name
    self.directory = directory
    self.manifest = manifest
    self.dependencies = dependencies
  }
}

/// What decides what a kind computes: by name, the digest (hexadecimal) of what counts.
public struct KindCode: Sendable, Hashable {
  public var files: [String: String]
  /// By the file (`#fileID`) of what the kind looks up in lists, what counts besides.
  public var listed: [String: [String: String]]
}

/// A source tree that isn't as it should be. Each line is a place with what is wrong there, as compilers write it.
public struct FingerprintError: Error, CustomStringConvertible, Sendable {
  public let description: String
  public init(description: String) { self.description = description }
}

/// The sources of a module with stage kinds and of all it depends on.
public struct SourceTree: Sendable {
  /// The first is the one with the stage kinds: types that conform to `StageKind`, in whatever file.
  public var modules: [Module]
  /// The version of the compiler.
  public var compiler: String

  public init(modules: [Module], compiler: String) {
    self.modules = modules
    self.compiler = compiler
  }

  /// The code of each kind, by the name of its type.
  public func codeOfKinds() throws -> [String: KindCode] { try Tree(self).codeOfKinds() }
}

/// A source tree that has been read.
private struct Tree {
  private let target: String
  private let compiler: String
  private let reach: Reach
  private let paths: [String: URL]
  /// Module → name → digest of what counts whole: C, resources, whatever else lies there.
  private var whole: [String: [String: String]] = [:]
  /// The same for files that run at the program's start.
  private var unasked: [String: String] = [:]
  private let swiftModules: Set<String>
  private var settings: [String: String] = [:]

  init(_ tree: SourceTree) throws {
    target = tree.modules[0].name
    compiler = tree.compiler
    let names = Set(tree.modules.map(\.name))
    var sources: [Module.Role: [SourceFile]] = [:]
    var paths: [String: URL] = [:]
    var strict = Set<String>()
    for module in tree.modules {
      for (relative, url) in try SourceFolder(module.directory).files {
        let path = "\(module.name)/\(relative)"
        let data = try Data(contentsOf: url)
        if url.pathExtension == "swift", let text = String(data: data, encoding: .utf8) {
          paths[path] = url
          sources[module.role, default: []].append(
            SourceFile(path: path, module: module.name, text: text, modules: names))
        } else if module.role == .counts {
          whole[module.name, default: [:]][path] = sha256(data)
          // `__attribute__((constructor))`
          if data.range(of: Data("constructor".utf8)) != nil { unasked[path] = sha256(data) }
        }
      }
      guard module.role == .counts else { continue }
      let text = ManifestSettings(try String(contentsOf: module.manifest, encoding: .utf8)).text(
        of: module.name)
      settings["Package.swift: \(module.name)"] = sha256(Data(text.utf8))
      if text.contains("MemberImportVisibility") { strict.insert(module.name) }
    }
    self.paths = paths
    swiftModules = Set((sources[.counts] ?? []).map(\.module))
    reach = Reach(
      counted: sources[.counts] ?? [], engine: sources[.engine] ?? [],
      dependencies: Dictionary(uniqueKeysWithValues: tree.modules.map { ($0.name, $0.dependencies) }),
      strictImports: strict)
  }

  func codeOfKinds() throws -> [String: KindCode] {
    let kinds = try kindFiles()
    let owners = kinds.reduce(into: [String: String]()) { owners, kind in
      for path in kind.value { owners[path] = kind.key }
    }
    var result: [String: KindCode] = [:]
    var problems = Set<String>()
    for (kind, roots) in kinds {
      let looksUp = roots.contains { reach.files[$0]!.bare.contains("listedCode") }
      let found = reach.reached(from: roots.sorted(), entersLists: !looksUp)
      for (path, step) in found.files where owners[path] != nil && !roots.contains(path) {
        problems.insert(trespass(of: kind, into: owners[path]!, at: path, by: step!))
      }
      var code = KindCode(files: digests(of: found, kindTypes: [kind], roots: roots), listed: [:])
      for list in found.lists {
        let entries = reach.entries(of: list).sorted()
        let sight = reach.reached(from: roots.sorted() + entries, entersLists: false).modules
        for entry in entries {
          let more = reach.reached(from: roots.sorted() + [entry], entersLists: false, inSight: sight)
          let name = "\(reach.files[entry]!.module)/\(URL(fileURLWithPath: entry).lastPathComponent)"
          code.listed[name] = digests(of: more, kindTypes: [kind], roots: roots).filter {
            code.files[$0.key] == nil
          }
        }
      }
      result[kind] = code
    }
    guard problems.isEmpty else {
      throw FingerprintError(description: problems.sorted().joined(separator: "\n"))
    }
    return result
  }

  /// The types of the target that conform to `StageKind`, `ResumableKind` (which is one) or `ArtifactReceiver`, directly
  /// or by a protocol of their module, with their files.
  private func kindFiles() throws -> [String: Set<String>] {
    let own = reach.files.values.filter { $0.module == target }
    var protocols: Set = ["StageKind", "ResumableKind", "ArtifactReceiver"]
    var grows = true
    while grows {
      grows = false
      for file in own {
        for (name, inherited) in file.types where !file.concrete.contains(name) {
          if !inherited.isDisjoint(with: protocols), protocols.insert(name).inserted { grows = true }
        }
      }
    }
    var kinds: [String: Set<String>] = [:]
    for file in own {
      for (name, conformances) in file.types where file.concrete.contains(name) {
        guard !conformances.isDisjoint(with: protocols) else { continue }
        guard kinds.updateValue([file.path], forKey: name) == nil else {
          throw FingerprintError(
            description:
              "\(paths[file.path]!.path):1: error: there are two stage kinds or receivers \(name) in \(target). They are "
              + "told apart by the names of their types: rename one")
        }
      }
    }
    for file in own {
      for one in file.extensions where !one.conformances.isDisjoint(with: protocols) {
        let declaring = own.filter { $0.concrete.contains(one.type.last!) }.map(\.path)
        kinds[one.type.last!, default: []].formUnion([file.path] + declaring)
      }
    }
    return kinds
  }

  /// Says that one kind uses another's file, where, and what to do.
  private func trespass(of kind: String, into other: String, at path: String, by step: Reach.Step) -> String {
    guard step.from != path else {
      return
        "\(paths[path]!.path):1: error: the file of the stage kind \(other) \(step.name), which works without being "
        + "named and would count for every kind. Move that to a file without a kind"
    }
    let line = reach.files[step.from]!.lines[step.name] ?? 1
    let through = step.from == path ? "" : " (in the code of \(kind))"
    return
      "\(paths[step.from]!.path):\(line): error: '\(step.name)'\(through) belongs to the stage kind \(other) in "
      + "\(path), and a kind's code can't be another's. Move it from there to a file without a kind, or make it "
      + "private there"
  }

  private func digests(of found: Reach.Found, kindTypes: Set<String>, roots: Set<String>) -> [String: String]
  {
    var digests = unasked
    var modules = Set([target])
    let help = HelpTexts(of: found.files.keys.map { reach.files[$0]! }, kinds: roots, types: kindTypes)
    for path in found.files.keys {
      let file = reach.files[path]!
      modules.insert(file.module)
      let text = file.tokens.significantText(without: help.tokens(of: file))
      digests[path] = sha256(Data(text.utf8))
    }
    modules.formUnion(found.modules.subtracting(swiftModules))
    for module in modules {
      digests.merge(whole[module] ?? [:]) { $1 }
      let name = "Package.swift: \(module)"
      if let text = settings[name] { digests[name] = text }
    }
    digests["build: compiler"] = sha256(Data(compiler.utf8))
    return digests
  }
}

/// The files below a folder that a build may read, links followed; those of editors and tools, which begin with a dot
/// or end with `~`, aren't among them. C files outside that are included by a relative path are.
private struct SourceFolder {
  private(set) var files: [String: URL] = [:]
  private let root: String

  init(_ directory: URL) throws {
    root = directory.resolvingSymlinksInPath().path
    try add(root, as: "", through: [])
    for (name, url) in files { try followIncludes(of: name, url) }
  }

  private mutating func add(_ folder: String, as prefix: String, through ancestors: Set<String>) throws {
    let real = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    if ancestors.contains(real) { return }
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      if name.hasPrefix(".") || name.hasSuffix("~") { continue }
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isDirectory) else {
        continue
      }
      if isDirectory.boolValue {
        try add(folder + "/" + name, as: prefix + name + "/", through: ancestors.union([real]))
      } else {
        files[prefix + name] = URL(fileURLWithPath: folder + "/" + name)
      }
    }
  }

  private mutating func followIncludes(of name: String, _ url: URL) throws {
    let extensions: Set<String> = [
      "c", "cc", "cpp", "cxx", "m", "mm", "h", "hh", "hpp", "inc", "S", "s", "modulemap",
    ]
    guard extensions.contains(url.pathExtension) else { return }
    for line in String(decoding: try Data(contentsOf: url), as: UTF8.self).split(whereSeparator: \.isNewline)
    {
      let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
      guard parts.count >= 3, parts[1].hasPrefix("../") || parts[1].contains("/../") else { continue }
      let place = url.deletingLastPathComponent().appendingPathComponent(String(parts[1])).standardizedFileURL
      guard !place.path.hasPrefix(root + "/"), FileManager.default.fileExists(atPath: place.path),
        files.updateValue(place, forKey: String(parts[1])) == nil
      else { continue }
      try followIncludes(of: String(parts[1]), place)
    }
  }
}

private func sha256(_ data: Data) -> String {
  var digest = [UInt8](repeating: 0, count: 32)
  let bytes = Array(data)
  _ = SHA256(bytes, bytes.count, &digest)
  return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

// Owns the build step that writes the stage kinds' code as Swift; the build-tool plugin calls it.

import Fingerprinting
import Foundation

/// Usage: fingerprint OUTPUT SWIFTC (counts|engine MODULE DIR PACKAGE.SWIFT DEPENDENCY,DEPENDENCY…)…
///
/// The first module is the one with the stage kinds.
@main
enum Main {
  static func main() {
    do {
      try run(CommandLine.arguments)
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(1)
    }
  }

  private static func run(_ arguments: [String]) throws {
    guard arguments.count >= 8, arguments.count % 5 == 3 else { throw FingerprintUsage() }
    var modules: [Module] = []
    for i in stride(from: 3, to: arguments.count, by: 5) {
      guard let role = Module.Role(rawValue: arguments[i]) else { throw FingerprintUsage() }
      modules.append(
        Module(
          role: role, name: arguments[i + 1], directory: URL(fileURLWithPath: arguments[i + 2]),
          manifest: URL(fileURLWithPath: arguments[i + 3]),
          dependencies: arguments[i + 4].split(separator: ",").map(String.init)))
    }
    let tree = SourceTree(modules: modules, compiler: try version(of: arguments[2]))
    let text = Data(swift(try tree.codeOfKinds()).utf8)
    let output = URL(fileURLWithPath: arguments[1])
    // What hasn't changed isn't written, so that nothing is compiled for it.
    if (try? Data(contentsOf: output)) != text { try text.write(to: output) }
  }

  /// The first line that the compiler says of itself: `Swift version 6.3.1 (swift-6.3.1-RELEASE)`.
  private static func version(of compiler: String) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: compiler)
    process.arguments = ["--version"]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let lines = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard let line = lines.split(separator: "\n").first(where: { $0.contains("Swift version") }) else {
      throw FingerprintError(description: "\(compiler):1: error: it doesn't say its version")
    }
    return String(line)
  }

  /// Files once, kinds as indices into them.
  private static func swift(_ kinds: [String: KindCode]) -> String {
    let all = kinds.values.flatMap { [$0.files] + $0.listed.values }
    let files = Dictionary(all.flatMap { $0 }) { first, _ in first }.sorted { $0.key < $1.key }
    let index = Dictionary(uniqueKeysWithValues: files.enumerated().map { ($1.key, $0) })
    func list(_ members: [String: String]) -> String {
      members.keys.map { index[$0]! }.sorted().map(String.init).joined(separator: ", ")
    }
    var out =
      "// Written by the build: which sources decide what each stage kind computes.\n\nimport Workflow\n\n"
    out += "let fingerprints = Fingerprints(\n  files: [\n"
    for (path, digest) in files { out += "    (\(quoted(path)), \"\(digest)\"),\n" }
    out += "  ],\n  kinds: [\n"
    if kinds.isEmpty { out += "    :\n" }
    for (kind, code) in kinds.sorted(by: { $0.key < $1.key }) {
      out += "    \"\(kind)\": [\(list(code.files))],\n"
    }
    out += "  ],\n  listed: [\n"
    let lookingUp = kinds.filter { !$0.value.listed.isEmpty }.sorted { $0.key < $1.key }
    if lookingUp.isEmpty { out += "    :\n" }
    for (kind, code) in lookingUp {
      out += "    \"\(kind)\": [\n"
      for (entry, members) in code.listed.sorted(by: { $0.key < $1.key }) {
        out += "      \(quoted(entry)): [\(list(members))],\n"
      }
      out += "    ],\n"
    }
    out += "  ],\n"
    out += "  isDebug: _isDebugAssertConfiguration(), isUnchecked: _isFastAssertConfiguration())\n"
    return out
  }

  /// A path as a Swift literal.
  private static func quoted(_ path: String) -> String {
    let escaped = path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
      "\n", with: "\\n")
    return "\"\(escaped)\""
  }
}

struct FingerprintUsage: Error, CustomStringConvertible {
  var description: String {
    "usage: fingerprint OUTPUT SWIFTC (counts|engine MODULE DIR MANIFEST DEPENDENCIES)…"
  }
}

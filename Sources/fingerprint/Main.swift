// Owns the build step that writes the stage kinds' code manifests as Swift; the build-tool plugin calls it.

import Fingerprinting
import Foundation

/// Usage: fingerprint OUTPUT SWIFTC (counts|engine MODULE DIR PACKAGE.SWIFT DEPENDENCY,DEPENDENCY…)…
///
/// The first module is the one with the stage kinds.
@main
enum Main {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 8, arguments.count % 5 == 3 else { throw FingerprintUsage() }
    var modules: [Module] = []
    for i in stride(from: 3, to: arguments.count, by: 5) where arguments[i] == "counts" {
      let directory = URL(fileURLWithPath: arguments[i + 2])
      let dependencies = arguments[i + 4].split(separator: ",").map(String.init)
      modules.append(Module(name: arguments[i + 1], directory: directory, dependencies: dependencies))
    }
    let tree = SourceTree(
      manifest: URL(fileURLWithPath: arguments[6]), stages: modules[0], modules: Array(modules.dropFirst()))
    try Data(swift(try tree.codeOfKinds()).utf8).write(to: URL(fileURLWithPath: arguments[1]))
  }

  /// Files once, kinds as indices into them.
  private static func swift(_ code: [String: [String: String]]) -> String {
    let files = Dictionary(code.values.flatMap { $0 }) { first, _ in first }.sorted { $0.key < $1.key }
    let index = Dictionary(uniqueKeysWithValues: files.enumerated().map { ($1.key, $0) })
    var out =
      "// Written by the build: which sources decide what each stage kind computes.\n\nimport Workflow\n\n"
    out += "let fingerprints = Fingerprints(\n  files: [\n"
    for (path, digest) in files { out += "    (\"\(path)\", \"\(digest)\"),\n" }
    out += "  ],\n  kinds: [\n"
    if code.isEmpty { out += "    :\n" }
    for (kind, members) in code.sorted(by: { $0.key < $1.key }) {
      let list = members.keys.map { index[$0]! }.sorted().map(String.init).joined(separator: ", ")
      out += "    \"\(kind)\": [\(list)],\n"
    }
    out += "  ],\n  listed: [:],\n"
    out += "  isDebug: _isDebugAssertConfiguration(), isUnchecked: _isFastAssertConfiguration())\n"
    return out
  }
}

struct FingerprintUsage: Error, CustomStringConvertible {
  var description: String {
    "usage: fingerprint OUTPUT SWIFTC (counts|engine MODULE DIR MANIFEST DEPENDENCIES)…"
  }
}

// Owns the build step that writes the stage kinds' code manifests as Swift; the build-tool plugin calls it.

import Fingerprinting
import Foundation

/// Usage: fingerprint OUTPUT PACKAGE.SWIFT STAGES-DIR [MODULE=DIR=DEPENDENCY,DEPENDENCY…]…
@main
enum Main {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.count >= 3 else { throw FingerprintUsage() }
    let fixed = arguments.prefix(3).map { URL(fileURLWithPath: $0) }
    let modules = try arguments.dropFirst(3).map { argument -> Module in
      let parts = argument.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 3 else { throw FingerprintUsage() }
      return Module(
        name: parts[0], directory: URL(fileURLWithPath: parts[1]),
        dependencies: parts[2].split(separator: ",").map(String.init))
    }
    let stages = Module(name: "Stages", directory: fixed[2], dependencies: modules.map(\.name))
    let tree = SourceTree(manifest: fixed[1], stages: stages, modules: modules)
    let code = try tree.codeOfKinds()
    try Data(swift(code).utf8).write(to: fixed[0])
  }

  /// Files once, kinds as indices into them.
  private static func swift(_ code: [String: [String: String]]) -> String {
    let files = Dictionary(code.values.flatMap { $0 }) { first, _ in first }.sorted { $0.key < $1.key }
    let index = Dictionary(uniqueKeysWithValues: files.enumerated().map { ($1.key, $0) })
    var out = "// Written by the build. Which sources decide what each stage kind computes.\n\n"
    out += "let fingerprintedFiles: [(path: String, digest: String)] = [\n"
    for (path, digest) in files { out += "  (\"\(path)\", \"\(digest)\"),\n" }
    out += "]\n\nlet fingerprintedKinds: [String: [Int]] = [\n"
    if code.isEmpty { out += "  :\n" }
    for (kind, members) in code.sorted(by: { $0.key < $1.key }) {
      let list = members.keys.map { index[$0]! }.sorted().map(String.init).joined(separator: ", ")
      out += "  \"\(kind)\": [\(list)],\n"
    }
    return out + "]\n"
  }
}

struct FingerprintUsage: Error, CustomStringConvertible {
  var description: String { "usage: fingerprint OUTPUT PACKAGE.SWIFT STAGES-DIR [MODULE=DIR=DEPENDENCIES]…" }
}

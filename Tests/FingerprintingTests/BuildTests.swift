// Owns that what this build says of itself is so.

import Canonical
import Fingerprinting
import Foundation
import Stages
import Testing
import Workflow

@Suite struct BuildTests {
  @Test("B9: the fingerprints in this build are those of the sources")
  func fingerprintsAreOfTheSources() throws {
    let code = try Copy.tree(at: Copy.package, compiler: "").codeOfKinds()
    func sources(_ files: some Sequence<(key: String, value: String)>) -> [String: String] {
      Dictionary(uniqueKeysWithValues: files.map { ($0.key, $0.value) }).filter {
        !$0.key.hasPrefix("build: ")
      }
    }
    let all =
      stageKinds().map { ($0.name, $0.code.files) }
      + artifactReceivers().map { ($0.type.name, $0.code.files) }
    #expect(all.count == code.count)
    for (name, files) in all {
      let built = sources(files.mapValues(\.hex))
      let match = code.filter { sources($0.value.files) == built }
      #expect(!match.isEmpty, "\(name): a source was edited while it was built, or since; build again")
      #expect(files["build: compiler"] != nil && files["build: configuration"] != nil)
    }
  }

  @Test func thePluginKnowsTheEngine() throws {
    func text(_ path: String) throws -> String {
      try String(contentsOf: Copy.package.appending(path: path), encoding: .utf8)
    }
    let manifest = try text("Package.swift")
    let declared = manifest.matches(of: /engine\("(\w+)"/).map { String($0.1) }
    #expect(!declared.isEmpty)
    let plugin = try text("Plugins/Fingerprints/Plugin.swift")
    for module in declared { #expect(plugin.contains("\"\(module)\""), "\(module)") }
  }
}

// Holds the version of what commands mean to the code that gives them that meaning: the engine is in no key.

import Canonical
import Fingerprinting
import Foundation
import Testing
import Workflow

/// B2.
@Test func whoChangesHowCommandsRunLooksAtTheirVersion() throws {
  let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Sources")
  let own = try FileManager.default.contentsOfDirectory(
    atPath: sources.appending(path: "Stages/Commands").path)
  let text = try
    (["Stages/Kinds/Command.swift"] + own.sorted().map { "Stages/Commands/" + $0 }
    + ["Text", "Shell"].map { "Workflow/Declarations/Command\($0).swift" }
    + ["Workflow/Declarations/ShellReading.swift"])
    .map { significantText(ofSwift: try String(contentsOf: sources.appending(path: $0), encoding: .utf8)) }
    .joined(separator: "\n")
  #expect(
    "\(CommandText.semanticsVersion) \(Digest.of(text.utf8).hex.prefix(16))" == "3 69d3dab2a8c1b176",
    """
    The code that runs commands has changed. If the same text of a command would do something else now, raise \
    CommandText.semanticsVersion, so that its results are computed anew. Then write what was found here.
    """)
}

import Canonical
import ContentStore
import Foundation
import Stages
import Testing
import Workflow

/// What adding a stage kind takes: this struct, …
private struct Shout: StageKind {
  static let name = "toy/shout"
  static let summary = "a text in capitals"

  @Parameter("what to say") var text: String
  @Parameter("exclamation marks", .between(0, 3)) var marks = 1
  @Output("the text", .file) var said: OutputArtifact

  func run(in context: StageContext) throws {
    try Data((text.uppercased() + String(repeating: "!", count: marks)).utf8).write(to: said.url)
  }
}

/// … and a place in the list.
private let kinds = KindCatalogue(
  stageKinds() + [KindDescription(Shout.self, code: CodeManifest(files: [:]))])

@Suite struct ToyKindTests {
  @Test func aKindIsOneStructAndOneLine() throws {
    let shout = try #require(kinds["toy/shout"])
    let place = Place(file: "p.yaml", line: 1, column: 1)
    let parameters = try shout.decode(
      [RawValue.Member(name: "text", place: place, value: .scalar("hello", quoted: false, place))], at: place)
    #expect(parameters.canonical == #"{"marks":1,"text":"hello"}"#)

    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let output = OutputArtifact(url: folder.appending(path: "said"))
    try shout.run(
      parameters: parameters, externals: [:],
      in: StageContext(
        scratch: folder, projectRoot: folder, environment: [:], inputs: [:], outputs: ["said": output],
        report: { _ in }))
    #expect(try String(contentsOf: output.url, encoding: .utf8) == "HELLO!")
  }
}

@Suite struct CatalogueTests {
  @Test func everyKindHasCodeAndHelp() {
    for kind in stageKinds() {
      #expect(!kind.code.files.isEmpty, "\(kind.name)")
      // Only a command's outputs are declared in the pipeline file.
      #expect(kind.outputs.isEmpty == kind.takesCommands, "\(kind.name)")
      #expect(!kind.summary.isEmpty && kind.parameters.allSatisfy { !$0.help.isEmpty }, "\(kind.name)")
    }
  }
}

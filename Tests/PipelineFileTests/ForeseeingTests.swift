import Canonical
import ContentStore
import Foundation
import PipelineFile
import Synchronization
import Testing
import Workflow

private struct Size: ArtifactFacts { var width: Int }

/// How often kinds were asked in this test's process.
private let asked = Mutex<[String: Int]>([:])

extension ArtifactType {
  fileprivate static let page = ArtifactType("page")
}

private struct Paper: StageKind {
  static let name = "paper"
  static let summary = "a page of some width"
  @Parameter("millimetres", .atLeast(1)) var width = 210
  @Parameter("whose it is") var owner: String
  @Parameter("a number") var number = 0
  @Output("the page", .page) var page: OutputArtifact
}
extension Paper: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    asked.withLock { $0[owner, default: 0] += 1 }
    foresight.know("page", Size(width: width))
  }
}

private struct Frame: StageKind {
  static let name = "frame"
  static let summary = "takes pages of its own width"
  @Input("the page", .page) var page: InputArtifact
  @Parameter("whose it is") var owner: String
  @Parameter("millimetres that fit") var widths = [210]
  @Parameter("a number") var number = 0
  @Output("the page", .page) var framed: OutputArtifact
}
extension Frame: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    asked.withLock { $0[owner, default: 0] += 1 }
    guard let size = foresight.facts(of: "page", Size.self) else { return }
    for (i, width) in widths.enumerated() where width < size.width {
      foresight.mistake(
        "widths.\(i)", "\(width) is too narrow for a page of \(size.width); write \(size.width)")
    }
    foresight.know("framed", size)
  }
}

/// Says nothing of what it makes.
private struct Printer: StageKind {
  static let name = "printer"
  static let summary = "a page of a width that shows later"
  @Output("the page", .page) var page: OutputArtifact
}

private func load(_ text: String) throws -> Pipeline {
  let project = try TemporaryProject()
  let path = try project.write(Data(text.utf8), to: "p.yaml")
  let kinds = [Paper.self, Frame.self, Printer.self] as [any StageKind.Type]
  return try Pipeline.load(
    path: path,
    catalogue: KindCatalogue(kinds.map { KindDescription($0, code: CodeManifest(files: [:])) }))
}

private func complaint(_ text: String) -> String? {
  let error = #expect(throws: PipelineFileError.self) { try load(text) }
  return error?.issues.map { "\($0.place.line):\($0.place.column): \($0.message) [\($0.instances)]" }
    .joined(separator: "\n")
}

/// The frames' numbers are nothing that they go by.
@Test func aKindIsAskedOnceForAllInstancesThatAgreeInWhatItGoesBy() throws {
  let numbers = (0..<50).map(String.init).joined(separator: ", ")
  let pipeline = try load(
    """
    version: 1
    stages:
      paper: { uses: paper, matrix: { width: [100, 200] }, with: { owner: ann, width: "${matrix.width}" } }
      frame:
        uses: frame
        matrix: { page: "${paper}", widths: [[200], [210, 220]], copy: [\(numbers)] }
        with: { owner: ben, page: "${matrix.page}", widths: "${matrix.widths}", number: "${matrix.copy}" }
    """)
  #expect(pipeline.graph.instances.count == 2 + 200)
  #expect(asked.withLock { $0["ann"] } == 2)
  #expect(asked.withLock { $0["ben"] } == 4)
}

@Test func factsReachThroughStagesAndMistakesStandWhereTheValueWasWritten() throws {
  let found = complaint(
    """
    version: 1
    params: { narrow: [300, 150] }
    stages:
      paper: { uses: paper, matrix: { width: [100, 200] }, with: { owner: cy, width: "${matrix.width}" } }
      inner: { uses: frame, matrix: { page: "${paper}" }, with: { owner: cy, page: "${matrix.page}" } }
      outer:
        uses: frame
        matrix: { page: "${inner}", number: [1, 2, 3] }
        with: { owner: cy, page: "${matrix.page}", widths: "${params.narrow}", number: "${matrix.number}" }
    """)
  #expect(
    found == "2:25: stage 'outer': widths: 150 is too narrow for a page of 200; write 200 [3]")
}

@Test func whatIsntKnownIsntChecked() throws {
  #expect(throws: Never.self) {
    try load(
      """
      version: 1
      stages:
        paper: { uses: printer }
        frame: { uses: frame, with: { owner: di, page: "${paper}", widths: [1] } }
      """)
  }
}

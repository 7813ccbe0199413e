import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// What is in keys besides code, parameters and inputs.
@Suite struct KeyTests {
  private func halves() throws -> Project {
    let project = try Project()
    try project.add("both", "halves", ["train": 10, "test": 20, "padding": 20_000])
    try project.add("h", "half", inputs: ["first": ["both"], "chosen": ["both"]])
    try project.add("f", "half", inputs: ["first": ["both"]])
    return project
  }

  @Test func anInputThatAsksForAPartReadsThatAlone() throws {
    let project = try halves()
    let executor = project.executor()
    let report = try project.run(executor)
    #expect(try project.text("h", report) == "30")
    #expect(try project.text("f", report) == "10")
    // Neither the manifest nor the other half is brought along.
    let job = try #require(executor.jobs.first { $0.members[0].name == "f" })
    #expect(job.files.count == 1)
  }

  @Test func anotherPartMayChangeWithoutARerun() throws {
    let project = try halves()
    try project.run()
    try project.change("both", ["train": 10, "test": 21, "padding": 20_000])
    let report = try project.run()
    #expect(report.names(.executed) == ["both", "h"])
    #expect(try project.text("h", report) == "31")
  }

  @Test func aParameterMaySayWhichPart() throws {
    let project = try halves()
    try project.change("h", ["split": "train"])
    #expect(try project.text("h", try project.run()) == "20")
  }

  @Test func aPartThatIsNotThereFailsTheInstanceThatWantsIt() throws {
    let project = try halves()
    try project.change("h", ["split": "validation"])
    let report = try project.run(keepGoing: true)
    #expect(
      report["h"].message
        == "input 'chosen' wants the part 'validation' of what it reads; that has test, train")
    #expect(report["h"].failure?.cause == .input)
    #expect(report["f"].state == .executed)
  }

  @Test func aManifestWhosePartIsWantedIsMadeAgainWhenItIsLost() throws {
    let project = try halves()
    let first = try project.run()
    try project.lose(try project.store.leaves(of: first["both"].artifacts["both"]!).last!.digest)
    try project.change("f", ["split": "train"])
    let report = try project.run()
    #expect(report.exitStatus == 0)
    #expect(report.names(.failed) == [])
  }

  /// A project's salt disowns everything before.
  @Test func anotherSaltChangesEveryKey() throws {
    let project = try halves()
    try project.run()
    project.settings.salt = "after the broken disk"
    #expect(try project.plan().reason("both") == "salt none → after the broken disk")
    #expect(try project.run().executed == 3)
    project.settings.salt = nil
    #expect(try project.run().cached == 3)
  }

  @Test func thePlatformIsInTheKeyWhereTheProjectAsksForIt() throws {
    let project = try halves()
    let old = Platform(instructionSet: "avx2", libraries: ["oneDNN": "2.6.3"])
    let new = Platform(instructionSet: "avx2", libraries: ["oneDNN": "3.1.1"])
    try project.run(platform: old)
    #expect(try project.run(platform: new).cached == 3)
    project.settings.platform = [.instructionSet]
    #expect(try project.run(platform: old).executed == 3)
    #expect(try project.run(platform: new).cached == 3)
    project.settings.platform = [.instructionSet, .libraries]
    #expect(try project.run(platform: old).executed == 3)
    #expect(
      try project.plan(platform: new).reason("both") == "platform.libraries.oneDNN 2.6.3 → 3.1.1")
  }

  /// A4: the list stands in the action by its digest, and explanations still read it.
  @Test func longListsStandByTheirDigests() throws {
    let project = try Project()
    for i in 0..<100 { try project.add("n\(i)", "number", ["value": .integer(i)]) }
    try project.add("s", "sum", inputs: ["add": (0..<100).map { "n\($0)" }])
    let report = try project.run()
    let record = try #require(try project.store.record(for: report["s"].key!))
    #expect(record.action["inputs"]?["add"]?["members"] == 100)
    #expect(record.text.utf8.count < 2_000)
    try project.change("n3", ["value": 500])
    let again = try project.run()
    #expect(again["s"].reason?.description == "input add: content of number 'n3' changed")
    #expect(try project.text("s", again) == "\(99 * 50 - 3 + 500)")
  }

  @Test func commandsHaveTheVersionOfTheirSemanticsInTheKey() throws {
    let project = try Project()
    try project.add("c", "number", code: CommandCode(patterns: [], line: "sh"))
    let report = try project.run()
    let record = try #require(try project.store.record(for: report["c"].key!))
    #expect(record.action["commands"] == .integer(CommandText.semanticsVersion))
  }

  /// A14: null is a value where the type has it, and else "not written".
  @Test func nullOverridesADefaultWhereTheTypeHasIt() throws {
    let kind = KindDescription(Defaults.self, code: plainCode)
    let place = Place(file: "p.yaml", line: 1, column: 1)
    let nulls = ["samples", "epochs"].map { RawValue.Member(name: $0, place: place, value: .null(place)) }
    #expect(try kind.decode(nulls, at: place) == ["samples": .null, "epochs": 20])
    #expect(try kind.decode([], at: place) == ["samples": 1000, "epochs": 20])
  }
}

private struct Defaults: StageKind {
  static let name = "defaults"
  static let summary = "has defaults"
  @Parameter("how many; null for all") var samples: Int? = 1000
  @Parameter("passes") var epochs = 20
  func run(in context: StageContext) throws {}
}

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// A kind as it was, as it is with a parameter more, and with that parameter's default or type changed.
private struct Former: StageKind {
  static let name = "drop"
  static let summary = "drops"
  @Parameter("how many") var count = 3
  @Output("a number", .number) var number: OutputArtifact
  func run(in context: StageContext) throws {
    try Data("\(count)".utf8).write(to: number.url)
  }
}

private struct Added: StageKind {
  static let name = "drop"
  static let summary = "drops"
  @Parameter("how many") var count = 3
  @Parameter("what of them is dropped", .atLeast(0), since: "0.3", before: 0) var dropped = 0
  @Output("a number", .number) var number: OutputArtifact
  func run(in context: StageContext) throws {
    try Data("\(count - dropped)".utf8).write(to: number.url)
  }
}

private struct OtherDefault: StageKind {
  static let name = "drop"
  static let summary = "drops"
  @Parameter("how many") var count = 3
  @Parameter("what of them is dropped", .atLeast(0), since: "0.3", before: 0) var dropped = 1
  @Output("a number", .number) var number: OutputArtifact
  func run(in context: StageContext) throws {
    try Data("\(count - dropped)".utf8).write(to: number.url)
  }
}

private struct OtherType: StageKind {
  static let name = "drop"
  static let summary = "drops"
  @Parameter("how many") var count = 3
  @Parameter("what of them is dropped", .atLeast(0), since: "0.3", before: 0) var dropped = 0.0
  @Output("a number", .number) var number: OutputArtifact
  func run(in context: StageContext) throws {}
}

private struct Rates: ParameterGroup {
  @Parameter("first") var first = 1
  @Parameter("later", since: "0.3", before: 2) var later = 2
  @Parameter("later, with another default", since: "0.3", before: 2) var other = 3
}

private struct Grouped: StageKind {
  static let name = "grouped"
  static let summary = "has a group"
  @Parameter("rates") var rates = Rates()
  func run(in context: StageContext) throws {}
}

/// Parameters that a kind hasn't always had.
@Suite struct SinceTests {
  private func description(_ type: any StageKind.Type) -> KindDescription {
    KindDescription(type, code: plainCode)
  }

  private func decoded(_ type: any StageKind.Type, _ parameters: JSON = [:]) throws -> JSON {
    guard case .map(let members, let place) = RawValue(parameters) else { fatalError() }
    return try description(type).decode(members, at: place)
  }

  private func project(_ type: any StageKind.Type, _ parameters: JSON = [:], in other: Project? = nil) throws
    -> Project
  {
    let project = try other ?? Project()
    project.kinds = KindCatalogue([description(type)])
    project.instances = []
    try project.add("x", "drop", parameters)
    return project
  }

  @Test(
    arguments: [
      (Former.self, [:], ["count": 3]),
      (Added.self, [:], ["count": 3]),
      (Added.self, ["dropped": 0], ["count": 3]),
      (Added.self, ["dropped": 2], ["count": 3, "dropped": 2]),
      (OtherDefault.self, [:], ["count": 3, "dropped": 1]),
      (OtherDefault.self, ["dropped": 0], ["count": 3]),
      (OtherType.self, ["dropped": 0], ["count": 3]),
    ] as [(any StageKind.Type, JSON, JSON)])
  func theKeyHasItUnlessItsValueMeansWhatWasBefore(
    _ type: any StageKind.Type, _ written: JSON, _ canonical: JSON
  ) throws {
    #expect(try decoded(type, written) == canonical)
  }

  @Test func addingItRerunsNothing() throws {
    let project = try project(Former.self)
    let first = try project.run()
    _ = try self.project(Added.self, in: project)
    #expect(try project.run().counts == [0, 1, 0, 0])
    _ = try self.project(Added.self, ["dropped": 1], in: project)
    let changed = try project.run()
    #expect(changed.counts == [1, 0, 0, 0])
    #expect(try project.text("x", changed) == "2")
    #expect(changed["x"].key != first["x"].key)
    #expect(
      changed["x"].reason?.description == "dropped none → 1; parameter dropped: Int added")
  }

  @Test func anotherDefaultRerunsWhoeverDoesNotWriteTheOldOne() throws {
    let project = try project(Added.self)
    try project.run()
    _ = try self.project(OtherDefault.self, in: project)
    let changed = try project.run()
    #expect(changed.counts == [1, 0, 0, 0])
    #expect(try project.text("x", changed) == "2")
    _ = try self.project(OtherDefault.self, ["dropped": 0], in: project)
    #expect(try project.run().counts == [0, 1, 0, 0])
  }

  /// What a worker reads back is what was written, whatever the default has become.
  @Test func theWorkGetsTheValueOfBeforeAndNotTheDefault() throws {
    let project = try project(OtherDefault.self, ["dropped": 0])
    #expect(try project.text("x", project.run()) == "3")
  }

  @Test func itsTypeIsInTheKeyOfThoseWhoUseIt() throws {
    let (one, other) = (description(Added.self), description(OtherType.self))
    #expect(one.code(parameters: ["count": 3]) == other.code(parameters: ["count": 3]))
    #expect(
      one.code(parameters: ["count": 3, "dropped": 1]) != other.code(parameters: ["count": 3, "dropped": 1]))
    #expect(one.code(parameters: ["count": 3]) == plainCode)
  }

  @Test func inAGroupItIsLeftOutWhereItsDefaultIsThatOfBefore() throws {
    #expect(try decoded(Grouped.self) == ["rates": ["first": 1, "other": 3]])
    #expect(
      try decoded(Grouped.self, ["rates": ["later": 5, "other": 2]])
        == ["rates": ["first": 1, "later": 5, "other": 2]])
  }
}

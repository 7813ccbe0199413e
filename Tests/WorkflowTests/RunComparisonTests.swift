import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// A number and its square, as scores.
private struct Scored: StageKind {
  static let name = "scored"
  static let summary = "scores of a number"
  @Input("the number", .number) var number: InputArtifact
  @Parameter("whether the square is left out") var short = false
  @Output("the scores", ArtifactType("scores", fileExtension: "json")) var scores: OutputArtifact
  func run(in context: StageContext) throws {
    let value = Double(
      try String(contentsOf: number.url, encoding: .utf8).trimmingCharacters(in: .whitespaces))!
    var scores: [String: JSON] = ["value": .number(value), "history": [1, 2], "constant": 1]
    if !short { scores["square"] = .number(value * value) }
    try JSON.object(scores).canonical.write(to: self.scores.url, atomically: false, encoding: .utf8)
  }
}

@Suite struct RunComparisonTests {
  private func project() throws -> Project {
    let project = try Project()
    project.kinds = KindCatalogue(toyKinds.all + [KindDescription(Scored.self, code: plainCode)])
    try project.add("a", "number", ["value": 1])
    try project.add("b", "number", ["value": 2])
    try project.add("total", "sum", inputs: ["add": ["a", "b"]])
    try project.add("odd", "parity", inputs: ["number": ["total"]])
    try project.add("end", "copy", inputs: ["source": ["odd"]])
    return project
  }

  private func compare(_ project: Project, _ from: String = "last~1", _ to: String = "last") throws
    -> RunComparison
  {
    let runs = try [from, to].map { text in
      let name = try #require(RunName(text))
      return try #require(try project.store.run(name, project: project.root.path, file: "toy.yaml"))
    }
    return try RunComparison(
      from: runs[0], to: runs[1], graph: project.graph, kinds: project.kinds, store: project.store)
  }

  @Test func whatChangedIsSaidOnceAndWhatFollowsFollows() throws {
    let project = try project()
    try project.run()
    try project.change("a", ["value": 4])
    try project.run()
    let diff = try compare(project)
    #expect(diff.from.executed == ["a", "b", "total", "odd", "end"])
    #expect(diff.to.executed == ["a", "total", "odd", "end"])
    #expect(diff.instances.map(\.name) == ["a", "total", "odd", "end"])
    #expect(diff.instances.map { $0.changes?.map(\.description) } == [["value 1 → 4"], [], [], []])
    #expect(diff.instances.map(\.reads) == [[], ["a"], ["total"], ["odd"]])
    #expect(diff.instances.map(\.causes) == [["a"], ["a"], ["a"], ["a"]])
    #expect(diff.instances.map(\.differing) == [["number"], ["sum"], ["parity"], ["number"]])
    #expect(diff.same == 1 && diff.onlyFrom.isEmpty && diff.onlyTo.isEmpty)
  }

  @Test func theSameBytesEndWhatFollows() throws {
    let project = try project()
    try project.run()
    try project.change("a", ["value": 3])
    try project.run()
    let diff = try compare(project)
    #expect(diff.instances.map(\.name) == ["a", "total", "odd"])
    #expect(diff.instances.map(\.differing) == [["number"], ["sum"], []])
    #expect(diff.same == 2)
  }

  @Test func ownChangesAndThoseOfOthersAreApart() throws {
    let project = try project()
    try project.run()
    try project.change("b", ["value": 5])
    try project.change("total", ["scale": 2])
    try project.run()
    let diff = try compare(project)
    let total = try #require(diff.instances.first { $0.name == "total" })
    #expect(total.changes?.map(\.description) == ["scale 1 → 2"])
    #expect(total.reads == ["b"] && total.causes == ["total", "b"])
    #expect(diff.instances.last?.causes == ["total", "b"])
  }

  @Test func anotherInputFileOrInstanceIsAChangeOfItsOwn() throws {
    let project = try project()
    let file = try project.write("12345", "data.txt")
    try project.add("read", "read", external: file)
    try project.run()
    _ = try project.write("1234567", "data.txt")
    project.instances[3].inputs[0].sources = [Source(instance: 1, output: "number")]
    try project.run()
    let diff = try compare(project)
    let changes = Dictionary(uniqueKeysWithValues: diff.instances.map { ($0.name, $0.changes) })
    #expect(changes["read"]??.map(\.subject) == ["input path:"])
    #expect(changes["read"]??.first?.description.contains("data.txt") == true)
    #expect(changes["odd"]??.map(\.subject) == ["input number:"])
    #expect(changes["odd"]??.first?.description.contains("b") == true)
    #expect(diff.instances.first { $0.name == "odd" }?.reads == [])
  }

  @Test func whatOneRunAloneHasIsSaid() throws {
    let project = try project()
    try project.run()
    try project.add("late", "number", ["value": 9])
    try project.run()
    let diff = try compare(project)
    #expect(diff.onlyTo == ["late"] && diff.instances.isEmpty && diff.same == 5)
    #expect(try compare(project, "last", "last~1").onlyFrom == ["late"])
  }

  @Test func whatAFileHadNoMoreIsOfTheEarlierRunAloneAndMayComeBack() throws {
    let project = try project()
    try project.run()
    let end = project.instances.removeLast()
    try project.run()
    project.instances.append(end)
    try project.run()
    #expect(try compare(project, "1", "2").onlyFrom == ["end"])
    #expect(try compare(project, "2", "3").onlyTo == ["end"])
    #expect(try compare(project, "1", "3").same == 5)
  }

  @Test func aResultThatIsThereInOneRunAloneIsADifference() throws {
    let project = try project()
    let executor = project.executor()
    executor.instead = { $0 == "odd" ? .failure(Failure(.other, "no luck")) : nil }
    try project.run(executor)
    try project.run()
    let diff = try compare(project)
    #expect(diff.from.failed == ["odd"] && diff.to.failed.isEmpty)
    #expect(diff.instances.map(\.name) == ["odd", "end"])
    #expect(diff.instances[0].before.message == "no luck")
    #expect(diff.instances.map { $0.before.state } == [.failed, .skipped])
    #expect(diff.instances.map { $0.outputs.before == nil } == [true, true])
    #expect(diff.instances.map { $0.outputs.after == nil } == [false, false])
  }

  @Test func whatARunDidntMentionIsAsItWasThen() throws {
    let project = try project()
    try project.run()
    try project.change("a", ["value": 4])
    try project.run(targets: [0])
    try project.run(targets: [1])
    // Only the newer key of `a` was heard of since.
    #expect(try compare(project).instances.isEmpty)
    #expect(try compare(project, "1", "last").instances.map(\.name) == ["a"])
  }

  @Test func scoresThatDifferStandSideBySide() throws {
    let project = try project()
    try project.add("scored", "scored", inputs: ["number": ["total"]])
    try project.run()
    try project.change("a", ["value": 4])
    try project.run()
    func scores(_ diff: RunComparison) -> [String] {
      diff.scores.map { "\($0.instance).\($0.output) \($0.name) \($0.before ?? -1) \($0.after ?? -1)" }
    }
    #expect(
      try scores(compare(project)) == ["scored.scores square 9.0 36.0", "scored.scores value 3.0 6.0"])
    try project.change("scored", ["short": true])
    try project.run()
    #expect(try scores(compare(project)) == ["scored.scores square 36.0 -1.0"])
    // The kind says what its outputs are, when the file has the instance no more.
    project.instances.removeLast()
    #expect(try scores(compare(project)) == ["scored.scores square 36.0 -1.0"])
  }

  @Test func itsJSONHasKeysAndArtifacts() throws {
    let project = try project()
    try project.run()
    try project.change("a", ["value": 3])
    try project.run()
    let diff = try compare(project)
    let json = diff.json
    #expect(json["from"]?["run"] == 1 && json["to"]?["run"] == 2 && json["same"] == 2)
    #expect(json["to"]?["news"]?["executed"] == ["a", "total", "odd"])
    let odd = try #require(json["instances"]?.arrayValue?.last)
    #expect(odd["name"] == "odd" && odd["changes"] == [] && odd["causes"] == ["a"])
    #expect(odd["from"]?["key"] != odd["to"]?["key"])
    #expect(odd["from"]?["artifacts"] == odd["to"]?["artifacts"] && odd["differing"] == [])
  }
}

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

private enum Mode: String, ParameterChoice { case plain, fancy }

private struct Adversary: ParameterGroup {
  @Parameter("size of the step", .above(0)) var epsilon = 8.0 / 255
  @Parameter("how many", .atLeast(1)) var steps = 10
}

private struct Spelled: ParameterGroup {
  @Parameter("one word") var seed = 0
  @Parameter("three words") var fulaIncludesSoft = false
  @Parameter("an acronym within") var maskRGBValues = false
  @Parameter("an acronym at the end") var meanCKA = false
  @Parameter("a digit") var x2Scale = 1.0
}

private struct Everything: StageKind {
  static let name = "everything"
  static let summary = "one of each"
  @Parameter("passes", .atLeast(1)) var epochs = 20
  @Parameter("rate", .between(0, 1), unit: "per step") var learningRate = 0.1
  @Parameter("mode") var mode = Mode.plain
  @Parameter("whether to flip") var flip = true
  @Parameter("a title") var title: String? = nil
  @Parameter("milestones", .atLeast(0)) var milestones = [Int]()
  @Parameter("weights") var weights = [String: Double]()
  @Parameter("attack") var adversary: Adversary? = nil
  @Parameter("must be written") var architecture: String
  @Input("the data", .number) var data: InputArtifact
  @Input("the rest", .file, labelled: true) var rest: [InputArtifact]
  @ExternalInput("a file") var path: URL
  @Output("a number", .number) var number: OutputArtifact

  func validate() throws {
    if title == "wrong" { throw InvalidParameter("title", "isn't right") }
  }
  func run(in context: StageContext) throws {}
}

@Suite struct DeclarationTests {
  private let kind = KindDescription(Everything.self, code: CodeManifest(files: [:]))

  /// Scalars are plain text, as the YAML reader gives them; each member stands on its own line, in column 5.
  private func decode(_ members: (String, RawValue)...) throws -> JSON {
    try decode(members)
  }

  private func decode(_ members: [(String, RawValue)]) throws -> JSON {
    try kind.decode(
      members.enumerated().map { n, member in
        RawValue.Member(name: member.0, place: Place(file: "f.yaml", line: n + 2, column: 5), value: member.1)
      }, at: Place(file: "f.yaml", line: 1, column: 3))
  }

  private func text(_ value: String, line: Int = 2) -> RawValue {
    .scalar(value, quoted: false, Place(file: "f.yaml", line: line, column: 12))
  }

  private func map(_ members: (String, RawValue)...) -> RawValue {
    let place = Place(file: "f.yaml", line: 2, column: 12)
    return .map(members.map { RawValue.Member(name: $0.0, place: place, value: $0.1) }, place)
  }

  private func issue(_ members: (String, RawValue)...) -> String? {
    let architecture =
      members.contains { $0.0 == "architecture" } ? [] : [("architecture", text("x", line: 9))]
    return #expect(throws: DecodingIssue.self) { try decode(members + architecture) }?.description
  }

  @Test func everyWrongEntryOfAListOrMapIsTold() throws {
    let members: [(String, RawValue)] = [
      ("architecture", text("x")),
      ("milestones", .list([text("a"), text("3"), text("b", line: 3)], .nowhere)),
      ("weights", map(("a", text("x")), ("b", text("0.5")), ("c", text("y")))),
    ]
    let told = #expect(throws: DecodingIssues.self) { try decode(members) }?.issues.map(\.description) ?? []
    #expect(told.count == 4)
    for (issue, words) in zip(told, [("2:12", "a"), ("3:12", "b"), ("2:12", "x"), ("2:12", "y")]) {
      #expect(issue.contains("f.yaml:\(words.0)") && issue.hasSuffix("found '\(words.1)'"), "\(issue)")
    }
  }

  @Test func defaultsAreWrittenOut() throws {
    #expect(
      try decode(("architecture", text("resnet20"))) == [
        "epochs": 20, "learning_rate": .number(0.1), "mode": "plain", "flip": true, "title": .null,
        "milestones": [],
        "weights": [:], "adversary": .null, "architecture": "resnet20",
      ])
  }

  @Test func scalarsAreReadByTheirParametersType() throws {
    let json = try decode(
      ("architecture", text("1e3")), ("epochs", text("1_000")), ("learning_rate", text("1e-3")),
      ("flip", text("False")),
      ("title", text("on")), ("mode", text("fancy")))
    #expect(json["architecture"] == "1e3")
    #expect(json["epochs"] == 1000)
    #expect(json["learning_rate"] == .number(0.001))
    #expect(json["flip"] == false)
    #expect(json["title"] == "on")
    #expect(json["mode"] == "fancy")
  }

  @Test func fractionsAreNumbers() throws {
    let json = try decode(("architecture", text("x")), ("adversary", map(("epsilon", text("8/255")))))
    #expect(json["adversary"] == ["epsilon": .number(8.0 / 255), "steps": 10])
    #expect(
      issue(("learning_rate", text("1/0")))
        == "f.yaml:2:12: learning_rate: expected a number (1e-3 and fractions such as 8/255 are fine), found '1/0'"
    )
    #expect(issue(("learning_rate", text("1/2/3")))?.hasSuffix("found '1/2/3'") == true)
    #expect(issue(("learning_rate", text("nan")))?.hasSuffix("found 'nan'") == true)
    #expect(issue(("learning_rate", text("1e999")))?.hasSuffix("found '1e999'") == true)
  }

  @Test func theCanonicalFormReadsBackAsItself() throws {
    let json = try decode(
      ("architecture", text("12")), ("learning_rate", text("1")), ("title", text("true")),
      ("milestones", .list([text("3"), text("5")], .nowhere)), ("weights", map(("a", text("0.5")))),
      ("adversary", map(("steps", text("3")))))
    guard case .map(let members, let place) = RawValue(json) else { fatalError() }
    #expect(try kind.decode(members, at: place) == json)
  }

  @Test("What was decoded before changes nothing: instances of a stage are decoded one after the other")
  func decodingHasNoMemory() throws {
    let adversary = { (steps: String) in self.map(("steps", self.text(steps))) }
    let written: [[(String, RawValue)]] = [
      [("architecture", text("a")), ("epochs", text("1"))],
      [("architecture", text("a")), ("epochs", text("2"))],
      [("architecture", text("b")), ("epochs", text("2"))],
      [("epochs", text("2")), ("architecture", text("b"))],
      [("architecture", text("b"))], [("architecture", text("b")), ("epochs", .null(.nowhere))],
      [("architecture", text("b")), ("epochs", text("0"))],
      [("architecture", text("b")), ("epochs", text("3"))],
      [("architecture", .null(.nowhere)), ("epochs", text("3"))],
      [("architecture", text("é")), ("epochs", text("3"))],
      [("architecture", text("e\u{301}")), ("epochs", text("3"))],
      [("architecture", .scalar("1", quoted: true, .nowhere)), ("title", text("wrong"))],
      [("architecture", .scalar("1", quoted: true, .nowhere)), ("title", text("right"))],
      [("architecture", text("x")), ("adversary", adversary("1"))],
      [("architecture", text("x")), ("adversary", adversary("2"))],
      [("architecture", text("x")), ("adversary", adversary("0"))],
      [("architecture", text("x")), ("adversary", .null(.nowhere))],
      [("architecture", text("x")), ("epoch", text("2"))],
      [("architecture", text("x")), ("milestones", .list([text("1")], .nowhere))],
      [("architecture", text("x")), ("milestones", .list([text("1"), text("2")], .nowhere))],
    ]
    func outcome(_ members: [(String, RawValue)], _ kind: KindDescription) -> String {
      let members = members.map { RawValue.Member(name: $0.0, place: .nowhere, value: $0.1) }
      do { return try kind.decode(members, at: .nowhere).canonical } catch { return "\(error)" }
    }
    for first in written {
      for second in written {
        let fresh = KindDescription(Everything.self, code: CodeManifest(files: [:]))
        _ = outcome(first, kind)
        #expect(Array(outcome(second, kind).utf8) == Array(outcome(second, fresh).utf8))
      }
    }
  }

  @Test func nullMeansNotWritten() throws {
    let json = try decode(
      ("architecture", text("x")), ("epochs", .null(.nowhere)), ("adversary", .null(.nowhere)))
    #expect(json["epochs"] == 20)
    #expect(json["adversary"] == .null)
    #expect(
      issue(("architecture", .null(.nowhere)))
        == "f.yaml:1:3: 'architecture' is missing: must be written (text)")
  }

  @Test func wrongTypesSayWhatIsExpected() {
    #expect(issue(("epochs", text("2.5"))) == "f.yaml:2:12: epochs: expected a whole number, found '2.5'")
    #expect(issue(("epochs", text("ten"))) == "f.yaml:2:12: epochs: expected a whole number, found 'ten'")
    #expect(
      issue(("epochs", .scalar("2", quoted: true, Place(file: "f.yaml", line: 2, column: 12))))
        == "f.yaml:2:12: epochs: expected a whole number, found '2', which its quotes make a text; take them away"
    )
    #expect(issue(("flip", text("yes"))) == "f.yaml:2:12: flip: expected true or false, found 'yes'")
    #expect(issue(("title", map(("a", text("b"))))) == "f.yaml:2:12: title: expected text, found a map")
    #expect(
      issue(("milestones", text("3")))
        == "f.yaml:2:12: milestones: expected a list, each a whole number, found '3'")
    #expect(
      issue(("adversary", text("strong")))
        == "f.yaml:2:12: adversary: expected a map with epsilon, steps, found 'strong'")
    #expect(
      issue(("mode", text("fency")))
        == "f.yaml:2:12: mode: expected one of plain, fancy, found 'fency'. Did you mean 'fancy'?")
  }

  @Test func boundsAreChecked() {
    #expect(issue(("epochs", text("0"))) == "f.yaml:2:12: epochs: expected a number at least 1, found 0")
    #expect(
      issue(("learning_rate", text("1.5")))
        == "f.yaml:2:12: learning_rate: expected a number from 0 to 1, found 1.5")
    #expect(
      issue(("adversary", map(("epsilon", text("0")))))
        == "f.yaml:2:12: adversary: epsilon: expected a number above 0, found 0")
    #expect(
      issue(("milestones", .list([text("3"), text("-5")], Place(file: "f.yaml", line: 2, column: 12))))
        == "f.yaml:2:12: milestones: expected a number at least 0, found -5")
  }

  @Test func unknownParametersGetASuggestion() {
    #expect(issue(("epoch", text("3"))) == "f.yaml:2:5: unknown parameter 'epoch'. Did you mean 'epochs'?")
    #expect(
      issue(("lerning_rate", text("3")))
        == "f.yaml:2:5: unknown parameter 'lerning_rate'. Did you mean 'learning_rate'?")
    #expect(
      issue(("learningRate", text("3")))
        == "f.yaml:2:5: unknown parameter 'learningRate'. Did you mean 'learning_rate'?")
    #expect(
      issue(("zzz", text("3")))
        == "f.yaml:2:5: unknown parameter 'zzz'. Known: adversary, architecture, epochs, flip, "
        + "learning_rate, milestones, mode, title, weights")
    #expect(
      issue(("adversary", map(("epsilom", text("1")))))
        == "f.yaml:2:12: adversary: unknown parameter 'epsilom'. Did you mean 'epsilon'?")
  }

  @Test func parametersAreCheckedAgainstEachOther() {
    #expect(issue(("title", text("wrong"))) == "f.yaml:2:12: title: isn't right")
  }

  @Test func aKindDescribesItself() {
    #expect(kind.parameters.map(\.name).prefix(3) == ["epochs", "learning_rate", "mode"])
    let rate = kind.parameters[1]
    #expect(rate.defaultValue == .number(0.1))
    #expect(rate.bounds == "from 0 to 1")
    #expect(rate.unit == "per step")
    #expect(kind.parameters.last?.defaultValue == nil)
    #expect(kind.inputs.map(\.name) == ["data", "rest"])
    #expect(kind.inputs.map(\.arity) == [.one, .list])
    #expect(kind.inputs.map(\.labelled) == [false, true])
    #expect(kind.inputs[1].accepts(.number) && !kind.inputs[0].accepts(.file))
    #expect(kind.externals.map(\.name) == ["path"])
    #expect(kind.outputs.map(\.type) == [.number])
  }

  @Test func theSchemaHasTypesBoundsDefaultsAndWhatIsRequired() throws {
    let schema = kind.schema
    #expect(schema["additionalProperties"] == false)
    #expect(
      schema["properties"]?["epochs"] == [
        "type": "integer", "minimum": 1, "default": 20, "description": "passes",
      ])
    #expect(schema["properties"]?["mode"]?["enum"] == ["plain", "fancy"])
    #expect(schema["properties"]?["learning_rate"]?["description"] == "rate (per step)")
    #expect(schema["properties"]?["data"] == ["type": "string", "description": "the data"])
    #expect(
      Set(schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
        == ["architecture", "data", "path"])
  }

  @Test func runningBindsParametersInputsAndOutputs() throws {
    let project = try Project()
    try project.add("a", "number", ["value": 6])
    try project.add("t", "sum", ["scale": 7], inputs: ["add": ["a"]])
    #expect(try project.text("t", project.run()) == "42")
  }

  @Test func aPropertyIsCalledInSnakeCaseInFiles() {
    let names = Spelled.schema["properties"]?.objectValue?.keys.sorted() ?? []
    #expect(names == ["fula_includes_soft", "mask_rgb_values", "mean_cka", "seed", "x2_scale"])
    #expect(names.allSatisfy(isSnakeCase))
  }

  @Test(arguments: ["learningRate", "task-loss", "Loss", "flip+crop", "2d", "", "_a", "a_", "a__b", "é"])
  func otherSpellingsAreNoSnakeCase(_ name: String) { #expect(!isSnakeCase(name)) }

  @Test(arguments: ["taskLoss", "task-loss", "TASK_LOSS", "taskloss"])
  func anotherSpellingOfANameIsNearest(_ written: String) {
    #expect(nearestName(to: written, in: ["mask_loss", "task_loss"]) == "task_loss")
  }

  @Test func aSlipIsNearAnUnrelatedWordIsNot() {
    #expect(nearestName(to: "sed", in: ["seed", "epochs"]) == "seed")
    #expect(nearestName(to: "ephocs", in: ["seed", "epochs"]) == "epochs")
    #expect(nearestName(to: "colour", in: ["seed", "epochs"]) == nil)
    #expect(suggestion(for: "x", in: [String]()) == "")
  }
}

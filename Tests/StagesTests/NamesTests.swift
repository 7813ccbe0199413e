import Canonical
import Similarity
import Stages
import Testing
import Workflow

/// Every name that stage kinds give to pipeline files is snake_case, and other spellings are told which.
@Suite struct NamesTests {
  @Test(arguments: stageKinds().map(\.name))
  func everyNameOfAKindIsSnakeCase(_ name: String) throws {
    let kind = try #require(KindCatalogue(stageKinds())[name])
    #expect(kind.name.split(separator: "/").map(String.init).allSatisfy(isSnakeCase))
    let names =
      kind.parameters.map(\.name) + kind.inputs.map(\.name) + kind.externals.map(\.name)
      + kind.outputs.map(\.name) + kind.outputs.map(\.type.name) + kind.varying + words(in: kind.schema)
    #expect(names.filter { !isSnakeCase($0) } == [])
  }

  @Test(
    arguments: [
      ("evaluate", "scores", ["attack": [:]], 7), ("train", "history", ["architecture": "resnet8"], 0),
      ("stitch", "fit", ["from": "a", "to": "b", "method": "fula", "initial": "least_squares"], 3),
      ("similarity", "scores", ["measures": .array(Measure.all.map { .string($0.name) })], Measure.all.count),
    ] as [(String, String, JSON, Int)])
  func everyScoreIsSnakeCase(_ name: String, _ output: String, _ parameters: JSON, _ atLeast: Int) throws {
    let facts = try foreseen(name, parameters, [:]).outputs[output]
    // A table over such scores lists them when it is asked for one that there isn't.
    let rows = ["rows": [Foresight.Member(facts)]]
    let message = try #require(foreseen("table", ["columns": ["zzz"]], rows).mistakes.first?.message)
    let scores = message.split(separator: "Known: ").dropFirst().joined().split(separator: ", ").map(
      String.init)
    #expect(scores.count >= atLeast)
    #expect(scores.filter { !isSnakeCase($0) } == [])
  }

  private func foreseen(
    _ name: String, _ parameters: JSON, _ inputs: [String: [Foresight.Member]]
  ) throws -> KindDescription.Foreseen {
    let kind = try #require(KindCatalogue(stageKinds())[name])
    guard case .map(let members, let place) = RawValue(parameters) else {
      preconditionFailure("parameters are an object")
    }
    return kind.foresee(parameters: try kind.decode(members, at: place), inputs: inputs, files: [:])
  }

  @Test(arguments: Measure.all.map(\.name))
  func everyMeasureIsSnakeCase(_ name: String) { #expect(isSnakeCase(name)) }

  @Test(arguments: stageKinds().map(\.name))
  func whatVariesIsDeclared(_ name: String) throws {
    let kind = try #require(KindCatalogue(stageKinds())[name])
    #expect(kind.varying.subtracting(kind.parameters.map(\.name) + kind.inputs.map(\.name)) == [])
  }

  @Test(arguments: [
    ("stitch", "method", "taskLoss", "task_loss"), ("stitch", "method", "task-loss", "task_loss"),
    ("stitch", "initial", "leastSquares", "least_squares"),
    ("train", "schedule", "one-cycle", "one_cycle"), ("train", "architecture", "small-cnn", "small_cnn"),
    ("train", "architecture", "smallCNN", "small_cnn"),
    ("similarity", "layout", "spaceAsSamples", "space_as_samples"),
  ])
  func anotherSpellingOfAChoiceIsToldTheRightOne(
    _ kind: String, _ parameter: String, _ written: String, _ right: String
  ) {
    let message = message(kind, parameter, .scalar(written, quoted: false, .nowhere))
    #expect(message.hasPrefix("\(parameter): "))
    #expect(message.contains("'\(written)'"))
    #expect(message.hasSuffix(". Did you mean '\(right)'?"))
  }

  @Test func anotherSpellingOfAMeasureStandsAtItsOwnPlace() {
    let place = Place(file: "p.yaml", line: 7, column: 20)
    let measures = RawValue.list([.scalar("linear-cka", quoted: false, place)], .nowhere)
    #expect(
      message("similarity", "measures", measures)
        == "p.yaml:7:20: measures: there is no measure 'linear-cka'. Did you mean 'linear_cka'?")
  }

  @Test(arguments: [
    ("train", "learningRate", "learning_rate"), ("train", "weight-decay", "weight_decay"),
    ("stitch", "leastSquaresSamples", "least_squares_samples"),
  ])
  func anotherSpellingOfAParameterIsToldTheRightOne(_ kind: String, _ written: String, _ right: String) {
    #expect(
      message(kind, written, .scalar("1", quoted: false, .nowhere))
        == "unknown parameter '\(written)'. Did you mean '\(right)'?")
  }

  /// The first of what is wrong.
  private func message(_ kind: String, _ parameter: String, _ value: RawValue) -> String {
    do {
      let member = RawValue.Member(name: parameter, place: .nowhere, value: value)
      _ = try KindCatalogue(stageKinds())[kind]?.decode([member], at: .nowhere)
      return "none"
    } catch let several as DecodingIssues {
      return several.issues.first?.description ?? "none"
    } catch { return "\(error)" }
  }

  /// The names of members and the choices in a JSON Schema.
  private func words(in schema: JSON) -> [String] {
    switch schema {
    case .array(let schemas): return schemas.flatMap(words)
    case .object(let members):
      let properties = members["properties"]?.objectValue ?? [:]
      let choices = (members["enum"]?.arrayValue ?? []) + [members["const"]].compactMap { $0 }
      return properties.keys + choices.compactMap(\.stringValue) + properties.values.flatMap(words)
        + ["anyOf", "items", "additionalProperties"].flatMap { members[$0].map(words) ?? [] }
    default: return []
    }
  }
}

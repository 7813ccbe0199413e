// Owns `bobbin kinds` and `bobbin schema`.

import Canonical
import ArgumentParser
import Reporting
import Workflow

struct KindsCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "kinds",
    abstract: "Lists what a stage can do; with a kind, its parameters, inputs and outputs.",
    discussion: "Example: bobbin kinds stitch")

  @Argument(help: "A stage kind, such as stitch.") var kind: String?

  func run(in program: Program) throws {
    let kinds = program.kinds
    guard let kind else { return try StandardOutput.write(KindsText.list(kinds)) }
    guard let description = kinds[kind] else {
      throw CommandFailure(
        "there is no stage kind '\(kind)'\(suggestion(for: kind, in: kinds.names))", status: 2)
    }
    try StandardOutput.write(KindsText.details(description, receivers: kinds.receivers))
  }
}

struct SchemaCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Prints the JSON Schema of pipeline files, for editors.",
    discussion: "Example: bobbin schema > pipeline.schema.json")

  func run(in program: Program) throws {
    try StandardOutput.write(pipelineSchema(program.kinds).indented + "\n")
  }
}

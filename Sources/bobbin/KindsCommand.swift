// Owns `bobbin kinds` and `bobbin schema`.

import Canonical
import ArgumentParser
import Reporting
import Stages
import Workflow

struct KindsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kinds",
    abstract: "Lists what a stage can do; with a kind, its parameters, inputs and outputs.")

  @Argument(help: "A stage kind, such as stitch.") var kind: String?

  func run() throws {
    let catalogue = KindCatalogue(stageKinds())
    guard let kind else { return print(KindsText.list(catalogue), terminator: "") }
    guard let description = catalogue[kind] else {
      throw CommandFailure(
        "there is no stage kind '\(kind)'\(suggestion(for: kind, in: catalogue.names))", status: 2)
    }
    print(KindsText.details(description), terminator: "")
  }
}

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Prints the JSON Schema of pipeline files, for editors.")

  func run() throws { print(pipelineSchema(KindCatalogue(stageKinds())).indented) }
}

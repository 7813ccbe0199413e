// Owns `bobbin graph`.

import Canonical
import ArgumentParser
import ContentStore
import PipelineFile
import Reporting
import Workflow

struct GraphCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "graph", abstract: "Prints the graph of instances: as dot for Graphviz, or as JSON.",
    discussion: "Example: bobbin graph pipelines/quickstart.yaml | dot -Tsvg > graph.svg")

  enum Format: String, CaseIterable, ExpressibleByArgument { case dot, json }

  @OptionGroup var options: PipelineOptions
  @Option(help: "dot or json.") var format = Format.dot

  func run(in program: Program) throws {
    let graph = try options.load(in: program).graph
    switch format {
    case .dot: try StandardOutput.write(GraphText(graph).dot)
    case .json: try StandardOutput.write(GraphText(graph).json.canonical + "\n")
    }
  }
}

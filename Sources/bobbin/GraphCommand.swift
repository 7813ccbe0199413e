// Owns `bobbin graph`.

import Canonical
import ArgumentParser
import ContentStore
import PipelineFile
import Reporting
import Workflow

struct GraphCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "graph", abstract: "Prints the graph of instances: as dot for Graphviz, or as JSON.")

  enum Format: String, CaseIterable, ExpressibleByArgument { case dot, json }

  @OptionGroup var options: PipelineOptions
  @Option(help: "dot or json.") var format = Format.dot

  func run() throws {
    let graph = try options.load().graph
    switch format {
    case .dot: print(GraphText(graph).dot, terminator: "")
    case .json: print(GraphText(graph).json.canonical)
    }
  }
}

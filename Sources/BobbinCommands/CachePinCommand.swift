// Owns `bobbin cache pin`, `unpin` and `pins`.

import ArgumentParser
import Canonical
import ContentStore
import Foundation
import Reporting
import Workflow

/// What a pin says of itself.
private struct PinNote {
  var project: String
  var file: String
  var instance: String

  var text: String { JSON.array([.string(project), .string(file), .string(instance)]).canonical }

  init(_ graph: Graph, _ instance: Int) {
    (project, file, self.instance) = (graph.project, graph.file, graph.instances[instance].name)
  }

  init?(_ text: String) {
    guard let words = (try? JSON(parsing: text))?.arrayValue?.compactMap(\.stringValue), words.count == 3
    else {
      return nil
    }
    (project, file, instance) = (words[0], words[1], words[2])
  }
}

struct CachePinCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "pin", abstract: "Keeps results for good, with all that they were made from.",
    discussion: """
      Without instances, all of the file. What is pinned stays whatever the file says later, until it is unpinned.

      Examples:
        bobbin cache pin pipelines/paper.yaml
        bobbin cache pin pipelines/paper.yaml table 'model[seed=1]'
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "Instances, such as 'model[seed=1]' or 'table'. Default: all.") var instances: [String] = []

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    let graph = opened.graph
    let targets = try opened.targets(instances) ?? Array(graph.instances.indices)
    let plan = try opened.plan(targets, in: program)
    var keys: [Int: Digest] = [:]
    for entry in plan.entries where entry.artifacts != nil { keys[entry.instance] = entry.key }
    let missing = targets.filter { keys[$0] == nil }
    if let first = missing.first {
      let others = missing.count > 1 ? ", and \(counted(missing.count - 1, "other"))" : ""
      throw CommandFailure(
        "\(graph.instances[first].name) has no result to be kept\(others). Run it first: bobbin run "
          + options.asTyped)
    }
    var kept = Set<Digest>()
    for i in targets {
      let others = graph.closure(of: [i]).compactMap { keys[$0] }
      try opened.store.pin(keys[i]!, note: PinNote(graph, i).text, with: others)
      kept.formUnion(others)
    }
    let pinned = Set(targets.map { keys[$0]! }).count
    try StandardOutput.write(
      "pinned \(counted(pinned, "result"))"
        + (kept.count > pinned ? ", and \(kept.count - pinned) that they were made from" : "") + "\n")
  }
}

struct CacheUnpinCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpin", abstract: "Lets pinned results go like others.",
    discussion: """
      Without instances, all that was pinned of the file, also what it no longer has.

      Example: bobbin cache unpin pipelines/paper.yaml 'model[seed=1]'
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "Instances, by the names under which they were pinned. Default: all of the file.")
  var instances: [String] = []

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    let graph = opened.graph
    let names = try opened.targets(instances).map { Set($0.map { graph.instances[$0].name }) }
    let keys = try opened.store.pins().filter { pin in
      guard let note = PinNote(pin.note), note.project == graph.project, note.file == graph.file else {
        return false
      }
      return names?.contains(note.instance) ?? true
    }.map(\.key)
    try StandardOutput.write("unpinned \(counted(try opened.store.unpin(keys), "result"))\n")
  }
}

struct CachePinsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pins", abstract: "Lists what is pinned.", discussion: "Example: bobbin cache pins --json")

  @OptionGroup var options: StoreOptions
  @Flag(help: "Print one JSON array.") var json = false

  func run() throws {
    let pins = try options.place().store.pins()
    if json {
      let entries = pins.map { pin -> JSON in
        var members: [String: JSON] = ["key": .string(pin.key.hex), "results": .integer(pin.results)]
        if let note = PinNote(pin.note) {
          members["project"] = .string(note.project)
          members["file"] = .string(note.file)
          members["instance"] = .string(note.instance)
        }
        return .object(members)
      }
      return try StandardOutput.write(JSON.array(entries).canonical + "\n")
    }
    for pin in pins {
      let name = PinNote(pin.note).map { "\($0.project)/\($0.file): \($0.instance)" } ?? pin.note
      let others = pin.results > 1 ? "  with \(pin.results - 1) that it was made from" : ""
      try StandardOutput.write(legible(lines: "\(name)  \(pin.key.hex.prefix(12))\(others)\n"))
    }
  }
}

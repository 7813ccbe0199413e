// Owns `bobbin history`.

import ArgumentParser
import Canonical
import ContentStore
import Foundation
import PipelineFile
import Reporting
import Workflow

struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Lists the runs of a pipeline file, or of all of the project, newest first.",
    discussion: """
      Each run has a number; `bobbin diff` takes it, or `last`, `last~1`, … Columns: when it started and what it \
      took; how it ended (ok, failed 2, interrupted, killed, still running); how many instances were executed, \
      cached, skipped; its command line.

      Examples:
        bobbin history pipelines/quickstart.yaml
        bobbin history --limit 100
        bobbin history pipelines/quickstart.yaml --json
      """)

  @Argument(
    help: "The pipeline file. Default: all of the project around the working directory.",
    completion: .file(extensions: ["yaml", "yml"])) var file: String?
  @Option(help: "The store's folder. Default: cache/ in the project's root.", completion: .directory)
  var store: String?
  @Option(name: .shortAndLong, help: "List at most so many.") var limit = 20
  @Flag(help: "Print one JSON object.") var json = false

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit takes a number from 1, not \(limit)") }
  }

  func run() throws {
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    // The file isn't read: what it says now doesn't matter, nor whether it is still there.
    let place = (file.map { URL(fileURLWithPath: $0) } ?? here.appending(path: "file")).standardizedFileURL
    let root = Pipeline.projectRoot(of: place)
    let name = file.map { _ in Pipeline.name(of: place, root: root) }
    let opened =
      try store.map { try Store.open(at: $0, relativeTo: here) }
      ?? Store.open(at: root.appending(path: "cache"))
    let total = try opened.countRuns(project: root.path, file: name)
    if total == 0, let file, !FileManager.default.fileExists(atPath: place.path) {
      let known = Set(try opened.runs(project: root.path).map(\.file))
      throw CommandFailure(
        "\(file): there is no such file, and no run of one is remembered in \(opened.directory.path)"
          + suggestion(for: file, in: known), status: 2)
    }
    let runs = try opened.runs(project: root.path, file: name, limit: limit)
    if json {
      let object: JSON = ["runs": .array(runs.map(\.json)), "total": .integer(total)]
      return try StandardOutput.write(object.canonical + "\n")
    }
    guard total > 0 else {
      return try StandardOutput.write(
        "no run of \(file ?? root.path) is remembered in \(opened.directory.path)\n")
    }
    try StandardOutput.write(HistoryText(runs, total: total, now: Date(), zone: .current).text)
  }
}

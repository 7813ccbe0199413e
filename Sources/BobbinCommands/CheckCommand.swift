// Owns `bobbin check`.

import ArgumentParser
import Canonical
import PipelineFile
import Reporting
import Workflow

struct CheckCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Says what is wrong with a pipeline file, as far as that is known before anything runs.",
    discussion: """
      Needs no store and runs nothing: for editors and continuous integration. External files that are there are \
      looked at (their headers alone); one that isn't is a warning. `run` and all others check the same.

      Exit status: 0 nothing is wrong; 2 something is.
      """)

  @OptionGroup var options: PipelineOptions
  @Flag(help: "Print one JSON object, with errors and warnings by file, line and column.") var json = false

  func run(in program: Program) throws {
    let pipeline: Pipeline
    do { pipeline = try options.load(in: program) } catch let error as PipelineFileError {
      guard json else { throw error }
      try print(errors: error.issues, warnings: [])
      throw ExitCode(2)
    }
    let warnings = pipeline.warnings + pipeline.absences + pipeline.undeclaredFiles
    let instances = pipeline.graph.instances.count
    if json {
      return try print(errors: [], warnings: warnings, stages: pipeline.stages, instances: instances)
    }
    for warning in warnings { StandardError.write(legible(lines: "warning: \(warning)\n")) }
    try StandardOutput.write(
      legible(
        lines:
          "\(options.file): ok, \(counted(pipeline.stages, "stage")), \(counted(instances, "instance"))\n"))
  }

  private func print(
    errors: [PipelineFileError.Issue], warnings: [PipelineFileError.Issue], stages: Int? = nil,
    instances: Int? = nil
  ) throws {
    let report: JSON = [
      "ok": .bool(errors.isEmpty), "errors": .array(errors.map(\.json)),
      "warnings": .array(warnings.map(\.json)), "stages": stages.map(JSON.integer) ?? .null,
      "instances": instances.map(JSON.integer) ?? .null,
    ]
    try StandardOutput.write(report.canonical + "\n")
  }
}

extension PipelineFileError.Issue {
  /// Of what stands in no line of a file (`--set`, say), `line` and `column` are null.
  fileprivate var json: JSON {
    [
      "file": .string(place.file), "line": place.line == 0 ? .null : .integer(place.line),
      "column": place.line == 0 ? .null : .integer(place.column), "message": .string(message),
      "count": .integer(instances),
    ]
  }
}

// Owns the program's entry and its exit statuses: 0 all well; 1 an instance failed; 2 the command line or the
// pipeline file is wrong; 3 the store or a remote failed; 130 interrupted.

import ArgumentParser
import ContentStore
import Foundation
import PipelineFile
import Workflow

@main
struct Bobbin: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bobbin",
    abstract: "Reproducible pipelines for people who study how similar neural networks are.",
    discussion: """
      A pipeline file declares datasets, training, stitching and measurements as stages; bobbin runs only what \
      isn't in the cache already. Begin with `bobbin run pipelines/quickstart.yaml`, and see `bobbin kinds` for \
      what a stage can do.
      """,
    version: "0.1.0",
    subcommands: [
      RunCommand.self, StatusCommand.self, GetCommand.self, ShowCommand.self, LogCommand.self,
      GraphCommand.self,
      CacheCommand.self, KindsCommand.self, SchemaCommand.self, WorkerCommand.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch {
      report(error)
    }
  }

  /// Says what went wrong and exits with the status that goes with it.
  private static func report(_ error: any Error) -> Never {
    let status: Int32
    switch error {
    case is PipelineFileError, is DecodingIssue: status = 2
    case is StoreError: status = 3
    case let failure as CommandFailure: status = failure.status
    default:
      let text = fullMessage(for: error)
      guard exitCode(for: error) != .success else {
        print(text)
        Foundation.exit(0)
      }
      FileHandle.standardError.write(Data((text + "\n").utf8))
      // The parser's own errors, and whatever else goes wrong before anything runs.
      Foundation.exit(2)
    }
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    Foundation.exit(status)
  }
}

/// Why a command can't do what it was asked to.
struct CommandFailure: Error, CustomStringConvertible {
  let status: Int32
  let description: String

  init(_ description: String, status: Int32 = 1) {
    self.description = description
    self.status = status
  }
}

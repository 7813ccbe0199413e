// Owns the program's entry and its exit statuses: 0 all well; 1 an instance failed, or a command can't do what it was
// asked to, such as print its answer; 2 the command line or the pipeline file is wrong; 3 the store or a remote
// failed; 130 interrupted.

import ArgumentParser
import Canonical
import ContentStore
import Foundation
import PipelineFile
import Remotes
import Reporting
import Workflow

/// Bobbin's command line.
public struct Bobbin: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "bobbin",
    abstract: "Reproducible pipelines for people who study how similar neural networks are.",
    discussion: """
      A pipeline file declares datasets, training, stitching and measurements as stages; bobbin runs only what \
      isn't in the cache already. Begin with `bobbin run pipelines/quickstart.yaml`, and see `bobbin kinds` for \
      what a stage can do.
      """,
    version: Program.version,
    subcommands: [
      RunCommand.self, StatusCommand.self, ExplainCommand.self, CheckCommand.self, GetCommand.self,
      ShowCommand.self, LogCommand.self, HistoryCommand.self, DiffCommand.self, VerifyCommand.self,
      AcceptCommand.self,
      GraphCommand.self, CacheCommand.self, KeyCommand.self, KindsCommand.self, SchemaCommand.self,
      WorkerCommand.self, SlurmTaskCommand.self,
    ])

  public init() {}

  /// The whole program: reads its command line, does what that says and exits.
  /// - Parameters:
  ///   - kinds: what stages can do, in the order in which `kinds` lists them.
  ///   - receivers: what makes artifacts of that which commands write.
  ///   - libraries: names and versions of the libraries that decide bits and are in no key, for the facts of
  ///     records. Called where stages run.
  ///   - comparers: what tells where artifacts of formats differ that the engine doesn't know.
  ///   - remotes: the sorts of places where results are shared.
  ///   - threads: told how many threads may compute from now on, where stages run: at any time, from any thread.
  public static func main(
    kinds: [KindDescription], receivers: [ReceiverDescription],
    comparers: [ContentComparer] = [], libraries: @escaping @Sendable () -> JSON = { [:] },
    remotes: [RemoteKind] = remoteKinds(),
    threads: @escaping @Sendable (Int) -> Void = { _ in }
  ) -> Never {
    // A reader that has gone is an error of the write, to be answered there.
    signal(SIGPIPE, SIG_IGN)
    // As is a file that grows beyond `ulimit -f`.
    signal(SIGXFSZ, SIG_IGN)
    let program = Program(
      kinds: KindCatalogue(kinds, receivers: receivers), comparers: comparers, remotes: remotes,
      libraries: libraries, threads: threads)
    do {
      try refuseUnknownCommand(CommandLine.arguments.dropFirst())
      var command = try parseAsRoot()
      if let command = command as? any ProgramCommand {
        try command.run(in: program)
      } else {
        try command.run()
      }
      Foundation.exit(0)
    } catch {
      exit(reporting: error)
    }
  }

  private static func refuseUnknownCommand(_ words: some Sequence<String>) throws {
    var configuration = Self.configuration
    var path = ""
    for word in words {
      let commands = configuration.subcommands
      if commands.isEmpty || word.hasPrefix("-") || word == "help" { return }
      guard let command = commands.first(where: { $0._commandName == word }) else {
        let known = commands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
        throw CommandFailure(
          "there is no command '\(path)\(word)'\(suggestion(for: word, in: known))", status: 2)
      }
      configuration = command.configuration
      path += word + " "
    }
  }

  /// Says what went wrong and exits with the status that goes with it.
  private static func exit(reporting error: any Error) -> Never {
    switch error {
    case let code as ExitCode: Foundation.exit(code.rawValue)
    case let lost as OutputLost where lost.isReaderGone: endAsBrokenPipe()
    case let lost as OutputLost: end(1, lost)
    case is PipelineFileError, is DecodingIssue: end(2, error)
    case is StoreError: end(3, error)
    case let failure as CommandFailure: end(failure.status, failure)
    case is Interruption.Happened: end(130, "interrupted before anything ran")
    default:
      let text = fullMessage(for: error) + "\n"
      guard exitCode(for: error) == .success else {
        // The parser's own errors, and whatever else goes wrong before anything runs.
        StandardError.write(legible(lines: text))
        Foundation.exit(2)
      }
      do { try StandardOutput.write(text) } catch { exit(reporting: error) }
      Foundation.exit(0)
    }
  }

  private static func end(_ status: Int32, _ error: Any) -> Never {
    StandardError.write(legible(lines: "error: \(error)\n"))
    Foundation.exit(status)
  }

  /// Whoever reads the output has had enough: ends without a word, as other programs do.
  private static func endAsBrokenPipe() -> Never {
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
    Foundation.exit(128 + SIGPIPE)
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

/// Throws if there are problems of the store or a remote, all in one.
func refuse(_ problems: [String]) throws {
  guard problems.isEmpty else {
    throw CommandFailure(problems.joined(separator: "\nerror: "), status: 3)
  }
}

// Owns what tells one program from another that has the same commands: its stage kinds, and what they compute with.

import ArgumentParser
import Canonical
import ContentStore
import Executors
import Workflow

/// A program that has Bobbin's commands: `bobbin` itself, or somebody's own with more stage kinds.
struct Program: Sendable {
  /// The version of the commands and of the engine below them.
  static let version = "0.2.0"

  var kinds: KindCatalogue
  /// What tells where artifacts of formats differ that the engine doesn't know.
  var comparers: [ContentComparer]
  /// The sorts of remotes.
  var remotes: [RemoteKind]
  /// Names and versions of the libraries that decide bits, for the facts of records.
  var libraries: @Sendable () -> JSON
  /// Told how many threads may compute from now on, where stages run.
  var threads: @Sendable (Int) -> Void
}

extension Program {
  /// Which program this is, for those that compute for it on other machines.
  var identity: ProgramIdentity { ProgramIdentity("bobbin \(Program.version)", kinds) }

  /// What computes here.
  var platform: Platform { .here(libraries: libraries()) }
}

/// A command that has to know its program.
protocol ProgramCommand: ParsableCommand {
  func run(in program: Program) throws
}

extension ProgramCommand {
  func run() throws { preconditionFailure("BUG: \(Self._commandName) was started without its program") }
}

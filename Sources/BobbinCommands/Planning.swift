// Owns finding out how a pipeline stands, for the commands that run nothing: with progress while large files outside
// are read for the first time.

import ContentStore
import Foundation
import Reporting
import Workflow

extension OpenPipeline {
  /// How the targets (nil: all instances) and what they read stand.
  func plan(_ targets: [Int]? = nil, in program: Program, explaining: [Int] = []) throws -> Plan {
    try plan(targets, in: program, asking: remotes, explaining: explaining)
  }

  /// As above, with records looked for on other remotes.
  func plan(
    _ targets: [Int]? = nil, in program: Program, asking remotes: [any Remote], explaining: [Int] = []
  ) throws -> Plan {
    // What a manifest on the remote lists decides the keys of those who read a part of it.
    if !remotes.isEmpty { store.attach(remotes) { _ in } }
    return try showingReading {
      try Plan(
        graph, targets: targets, store: store, remotes: remotes,
        environment: ProcessInfo.processInfo.environment, platform: program.platform,
        explaining: explaining)
    }
  }

  /// Does something during which files outside are hashed; says how far that is, and breaks it off when somebody
  /// interrupts.
  /// - Throws: `Interruption.Happened`.
  func showingReading<T>(quiet: Bool = false, _ body: () throws -> T) throws -> T {
    let display = ByteDisplay("reading", quiet: quiet)
    store.onHashing { done, total in
      if Interruption.happened { throw Interruption.Happened() }
      display.show(done, of: total)
    }
    defer {
      store.onHashing(nil)
      display.end()
    }
    return try body()
  }
}

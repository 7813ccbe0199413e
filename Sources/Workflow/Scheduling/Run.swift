// Owns one run of a graph, as its caller sees it.

import Canonical
import ContentStore
import Foundation

/// Brings a graph up to date: what is up to date stays, the rest runs as soon as what it reads is there.
public final class Run {
  private let scheduler: Scheduler
  private let surroundings: any Surroundings

  /// Looks at the files outside the pipeline, once.
  /// - Parameter observe: told what happens, one event after another, on a thread of the run's own; nothing once
  ///   `run` has returned. The run doesn't wait for it, and goes on without when it throws.
  /// - Throws: `DecodingIssue` for external files or code that can't be read, `StoreError`.
  public convenience init(
    _ graph: Graph, store: Store, executor: any Executor, options: RunOptions,
    observe: @escaping (RunEvent) throws -> Void = { _ in }
  ) throws {
    try self.init(
      graph, store: store, executor: executor, options: options, surroundings: Threads(), observe: observe)
  }

  package init(
    _ graph: Graph, store: any ResultStore, executor: any Executor, options: RunOptions,
    surroundings: any Surroundings, observe: @escaping (RunEvent) throws -> Void
  ) throws {
    self.surroundings = surroundings
    scheduler = try Scheduler(
      graph, store: store, executor: executor, options: options, surroundings: surroundings, observe: observe)
  }

  /// Runs until everything in scope is up to date, has failed or can't be reached. Call it once. Whatever goes wrong is
  /// in the report.
  public func run() -> RunReport { scheduler.run() }

  /// A way to end the run, from any thread, before it begins or while it goes on.
  public var interruption: Interrupt { Interrupt(surroundings) }
}

/// Ends a run: what runs is ended, what had finished is kept.
public struct Interrupt: Sendable {
  private let surroundings: any Surroundings

  init(_ surroundings: any Surroundings) { self.surroundings = surroundings }

  /// Returns at once; from any thread, though not from a signal handler.
  public func callAsFunction() { surroundings.post(.interruption) }
}

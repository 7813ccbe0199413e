// Owns the list of what can run jobs, by the names that `--executor` takes. Another one is a file and a line here.

import Foundation
import Workflow

/// A sort of executor.
public struct ExecutorKind: Sendable {
  public let name: String
  public let help: String
  /// How many jobs are under way at a time, unless somebody says.
  public let jobs: @Sendable (ExecutorWish) -> Int
  /// - Throws: `ExecutorError` where there is no such thing.
  public let make: @Sendable (ExecutorWish) throws -> any Executor

  public static let all: [ExecutorKind] = [.local, .slurm]
}

/// What a run wants of its executor.
public struct ExecutorWish: Sendable {
  /// How many jobs run at a time; nil: as many as the executor thinks.
  public var jobs: Int?
  /// Of the driver's machine.
  public var cores: Int
  public var gpus: [String]
  public var slurm: SlurmSettings
  /// The store's folder.
  public var store: String
  public var identity: ProgramIdentity
  public var environment: [String: String]

  public init(
    jobs: Int?, cores: Int, gpus: [String], slurm: SlurmSettings, store: String, identity: ProgramIdentity,
    environment: [String: String]
  ) {
    self.jobs = jobs
    self.cores = cores
    self.gpus = gpus
    self.slurm = slurm
    self.store = store
    self.identity = identity
    self.environment = environment
  }
}

extension ExecutorKind {
  static let local = ExecutorKind(
    name: "local", help: "workers on this machine", jobs: { $0.jobs ?? $0.cores },
    make: { wish in
      LocalExecutor(
        jobs: wish.jobs ?? wish.cores, cores: wish.cores, gpus: wish.gpus, environment: wish.environment)
    })

  static let slurm = ExecutorKind(
    name: "slurm", help: "job arrays on a Slurm cluster; stages with `executor: local` stay here",
    jobs: { $0.jobs ?? 1000 },
    make: { wish in
      SplitExecutor(
        try SlurmExecutor(
          wish.slurm, store: wish.store, identity: wish.identity, environment: wish.environment),
        here: LocalExecutor(
          jobs: wish.cores, cores: wish.cores, gpus: wish.gpus, environment: wish.environment))
    })
}

// Owns the values that cross to an executor and back: what to do, and what came of it.

import Canonical
import ContentStore
import Foundation

/// One instance to run, with everything it needs, as a value that can be sent to another process or machine.
public struct Job: Sendable {
  /// The instance's index in its graph; answers carry it.
  public var id: Int
  /// The instance's name, for people.
  public var name: String
  public var action: Action
  /// What each input reads, by the input's name.
  public var inputs: [String: [JobInput]]
  /// The file of every blob and manifest that can be reached from the inputs: verified, decompressed, read-only.
  public var files: [Digest: String]
  /// Paths of files outside the pipeline, by the input's name.
  public var externals: [String: String]
  public var outputs: [OutputDescription]
  /// The declared environment variables that are set.
  public var environment: [String: String]
  public var resources: Resources
  /// The project's root.
  public var projectRoot: String
  /// The store's folder, into which a worker writes blobs (never records).
  public var store: String
  /// The file that everything the instance prints goes to.
  public var log: String

  public init(
    id: Int, name: String, action: Action, inputs: [String: [JobInput]], files: [Digest: String],
    externals: [String: String], outputs: [OutputDescription], environment: [String: String],
    resources: Resources, projectRoot: String, store: String, log: String
  ) {
    self.id = id
    self.name = name
    self.action = action
    self.inputs = inputs
    self.files = files
    self.externals = externals
    self.outputs = outputs
    self.environment = environment
    self.resources = resources
    self.projectRoot = projectRoot
    self.store = store
    self.log = log
  }
}

/// One artifact that a job reads; labels and stage only where the input is labelled.
public struct JobInput: Sendable, Hashable {
  public var artifact: Artifact
  public var labels: [Label]
  public var stage: String

  public init(artifact: Artifact, labels: [Label], stage: String) {
    self.artifact = artifact
    self.labels = labels
    self.stage = stage
  }
}

/// What came of a job.
public enum JobResult: Sendable {
  /// Its artifacts, the blobs it wrote (not indexed yet), and facts: host, versions, instruction set, resources.
  case success(artifacts: [String: Artifact], blobs: [WrittenBlob], facts: JSON)
  /// What went wrong, in a sentence or a few, for people.
  case failure(String)
  /// The work was done, but the store could not take its outputs: no room, no permission.
  case storeFailure(String)
}

/// What an executor tells its driver.
public enum ExecutorEvent: Sendable {
  case started(job: Int)
  case progress(job: Int, Progress)
  case finished(job: Int, JobResult, seconds: Double)
}

// Owns the values that cross to an executor and back: what to do, and what came of it.

import Canonical
import ContentStore
import Foundation
import Foundation

/// What one worker computes in one go: one instance, or several that agree in everything but what their kind lets
/// vary. A value with everything that the work needs, so that it can be sent to another process or machine.
public struct Job: Sendable {
  /// Unique within a run; `ExecutorEvent.ended` carries it.
  public var id: Int
  /// At least one; all of one kind.
  public var members: [JobMember]
  /// The file of every blob and manifest that can be reached from the inputs: verified, decompressed, read-only.
  public var files: [Digest: String]
  /// What the whole job needs.
  public var resources: Resources
  /// How many threads it may compute with as it begins.
  public var threads: Int
  /// The project's root.
  public var projectRoot: String
  /// The store's folder, into which a worker writes blobs (never records).
  public var store: String
  /// The run that it belongs to, if the store remembers that.
  public var run: RunID?

  public init(
    id: Int, members: [JobMember], files: [Digest: String], resources: Resources, threads: Int = 1,
    projectRoot: String, store: String, run: RunID? = nil
  ) {
    self.id = id
    self.members = members
    self.files = files
    self.resources = resources
    self.threads = threads
    self.projectRoot = projectRoot
    self.store = store
    self.run = run
  }

  /// Puts what it gives into the store.
  public var writer: BlobWriter {
    BlobWriter(store: URL(fileURLWithPath: store, isDirectory: true), run: run)
  }
}

/// One instance of a job. It has its own key, record, log, progress, facts and failure, and its bytes are the same in
/// any company.
public struct JobMember: Sendable {
  /// The instance's index in its graph; answers carry it.
  public var instance: Int
  /// The instance's name, for people.
  public var name: String
  public var action: Action
  /// What each input reads, by the input's name.
  public var inputs: [String: [JobInput]]
  /// Paths of files outside the pipeline, by the input's name.
  public var externals: [String: String]
  /// Of a command, the files that it declares.
  public var tree: [TreeFile]
  public var outputs: [OutputDescription]
  /// The declared environment variables that are set.
  public var environment: [String: String]
  /// Those of them whose values nobody else may see.
  public var secrets: Set<String>
  /// The file that everything the instance prints goes to.
  public var log: String
  /// What it goes on from; nil: the beginning.
  public var state: WorkState?
  /// What the driver has its log say.
  public var notes: [String] = []

  public init(
    instance: Int, name: String, action: Action, inputs: [String: [JobInput]], externals: [String: String],
    tree: [TreeFile] = [], outputs: [OutputDescription], environment: [String: String],
    secrets: Set<String> = [], log: String
  ) {
    self.instance = instance
    self.name = name
    self.action = action
    self.inputs = inputs
    self.externals = externals
    self.tree = tree
    self.outputs = outputs
    self.environment = environment
    self.secrets = secrets
    self.log = log
  }
}

/// A file outside the pipeline that a command declares, and where its private tree holds it.
public struct TreeFile: Sendable, Hashable {
  /// What it is in the tree.
  public enum Role: Sendable, Hashable {
    /// A copy, which must have this content.
    case code(Digest)
    /// A link, of the input with this name.
    case input(String)
    /// A link to a folder that a program lies in.
    case program
    /// Nothing in the tree: a file or folder outside that belongs to its programs, for a command that is shown nothing else.
    case installation
  }

  /// Its path in the tree, which for files of the project is that in the project.
  public var place: String
  /// Its path outside.
  public var source: String
  public var role: Role

  public init(place: String, source: String, role: Role) {
    self.place = place
    self.source = source
    self.role = role
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

/// What came of one member of a job.
public enum JobResult: Sendable {
  /// Its artifacts, the blobs it wrote (not indexed yet), and facts: host, versions, instruction set, resources.
  case success(artifacts: [String: Artifact], blobs: [WrittenBlob], facts: JSON)
  case failure(Failure)
}

/// What an executor tells its driver.
public enum ExecutorEvent: Sendable {
  /// A member's work begins.
  case started(instance: Int)
  case progress(instance: Int, Progress)
  /// A member has saved a state, in blobs that aren't indexed yet.
  case saved(instance: Int, WorkState, blobs: [WrittenBlob])
  /// A member's work is over; others of its job may go on. `seconds` is its own share of the job's time.
  case finished(instance: Int, JobResult, seconds: Double)
  /// A job's worker was lost (killed, crashed) before these members were finished; they have no result. Which of them
  /// was to blame isn't known when there are several.
  case lost(instances: [Int], Failure, seconds: Double)
  /// Nothing of the job runs any more: all its members were finished or lost, and its resources are free.
  case ended(job: Int)
}

// An executor that makes results up from what decides them, fails as a seed has it, and writes down what it did.

import Canonical
import ContentStore
import Foundation
import Workflow

/// Some work that reads other work.
struct Node: StageKind {
  static let name = "node"
  static let summary = "what it reads, hashed"
  static let varying: Set<String> = ["seed"]
  static let threads = ThreadUse.any
  @Input("what it reads", .number) var reads: [InputArtifact]
  @Parameter("tells nodes apart") var id = 0
  @Parameter("tells the members of a group apart") var seed = 0
  @Parameter("how it behaves") var manner = Manner.plain
  @Output("the hash", .number) var out: OutputArtifact
  func run(in context: StageContext) throws {}

  enum Manner: String, ParameterChoice {
    case plain
    /// Gives one of two results, so that most changes of what it reads change nothing.
    case coarse
    /// Gives something else each time.
    case flaky
    /// Gives a manifest with something of its own and the first thing it reads.
    case tie
    /// Fails always.
    case broken
    /// Ends its worker always.
    case deadly
  }

  /// What a node with these parameters gives that reads these artifacts, and this text outside; the bytes of its own.
  static func content(_ parameters: JSON, _ reads: [Artifact], file: String = "", nonce: Int) -> [UInt8] {
    let hash = Digest.of("\(parameters.canonical) \(reads.map(\.digest.hex)) \(file)".utf8)
    switch parameters["manner"]?.stringValue {
    case "coarse": return Array("coarse \(parameters["id"]!.canonical) \(hash.bytes[0] % 2)".utf8)
    case "flaky": return Array("flaky \(hash.hex) \(nonce)".utf8)
    default: return Array("plain \(hash.hex)".utf8)
    }
  }
}

/// A node that reads a part of what ties give.
struct PartReader: StageKind {
  static let name = "part"
  static let summary = "a part of what it reads, hashed"
  @Input("what it reads a part of", .number, part: .named("own")) var reads: [InputArtifact]
  @Parameter("tells nodes apart") var id = 0
  @Parameter("how it behaves") var manner = Node.Manner.plain
  @Output("the hash", .number) var out: OutputArtifact
  func run(in context: StageContext) throws {}
}

/// A node that reads a file outside.
struct FileReader: StageKind {
  static let name = "file"
  static let summary = "a file, hashed"
  @ExternalInput("what it reads") var path: URL
  @Parameter("tells nodes apart") var id = 0
  @Parameter("how it behaves") var manner = Node.Manner.plain
  @Output("the hash", .number) var out: OutputArtifact
  func run(in context: StageContext) throws {}
}

/// Runs nodes.
final class SimulatedExecutor: Executor {
  let capacity = Resources(cpus: 4, memory: 4 << 30)
  private let world: World
  private var random: SeededRandom
  private var sink: (@Sendable (ExecutorEvent) -> Void)?
  private var isShutDown = false
  private var nonce = 0

  /// A member fails, or its worker is lost, once in so many times; 0 for never.
  var failing = 0
  var losing = 0
  /// How often each key was computed well, and how often its work was lost or failed.
  private(set) var successes: [Digest: Int] = [:]
  private(set) var setbacks: [Digest: Int] = [:]
  /// The instances that were told to have failed.
  private(set) var failed: Set<String> = []
  private(set) var cpusInUse = 0
  private var threads: [Int: Int] = [:]
  private(set) var largestJob = 0
  private(set) var mistakes: [String] = []
  private(set) var submitted = 0

  init(_ world: World, _ random: SeededRandom) {
    self.world = world
    self.random = random
  }

  func start(_ sink: @escaping @Sendable (ExecutorEvent) -> Void) { self.sink = sink }

  func submit(_ job: Job) throws {
    submitted += 1
    cpusInUse += job.resources.cpus
    largestJob = max(largestJob, job.members.count)
    if cpusInUse > capacity.cpus { mistakes.append("\(cpusInUse) cores are in use") }
    grant(job.threads, to: job.id, isNew: true)
    if job.threads < job.resources.cpus {
      mistakes.append("\(job.threads) threads for \(job.resources.cpus) cores")
    }
    let shared = Set(job.members.map { $0.action.json["parameters"]!["id"]! })
    if shared.count > 1 { mistakes.append("a job of several groups") }
    for member in job.members {
      for input in member.inputs.values.joined() where job.files[input.artifact.digest] == nil {
        mistakes.append("\(member.name) lacks what it reads")
      }
    }
    world.later { [self] in
      for member in job.members { sink!(.started(instance: member.instance)) }
      go(on: job, job.members[...])
    }
  }

  func grant(_ count: Int, to job: Int) { grant(count, to: job, isNew: false) }

  private func grant(_ count: Int, to job: Int, isNew: Bool) {
    if (threads[job] == nil) != isNew { mistakes.append("threads for a job that doesn't run") }
    threads[job] = count
    // What is lent is withdrawn before anybody else has it.
    let all = threads.values.reduce(0, +)
    if all > capacity.cpus { mistakes.append("\(all) threads on \(capacity.cpus) cores") }
  }

  func shutdown() {
    isShutDown = true
    world.forgetSteps()
  }

  private func go(on job: Job, _ left: ArraySlice<JobMember>) {
    guard let member = left.first else { return end(job) }
    let parameters = member.action.json["parameters"]!
    let manner = parameters["manner"]!.stringValue!
    if manner == "deadly" || happens(losing) {
      for member in left { setbacks[member.action.key, default: 0] += 1 }
      if left.count == 1 { failed.insert(member.name) }
      sink!(.lost(instances: left.map(\.instance), Failure(.signal(9), "killed by SIGKILL (9)"), seconds: 0))
      return end(job)
    }
    if manner == "broken" || happens(failing) {
      let causes: [Failure.Cause] = [
        .exitStatus(1), .signal(11), .memory, .time, .input, .invalidValue, .other,
      ]
      let cause = manner == "broken" ? .other : causes[random.next(below: causes.count)]
      setbacks[member.action.key, default: 0] += 1
      failed.insert(member.name)
      sink!(.finished(instance: member.instance, .failure(Failure(cause, "failed")), seconds: 1))
    } else {
      successes[member.action.key, default: 0] += 1
      sink!(.finished(instance: member.instance, result(member, parameters), seconds: 1))
    }
    world.later { [self] in go(on: job, left.dropFirst()) }
  }

  private func result(_ member: JobMember, _ parameters: JSON) -> JobResult {
    nonce += 1
    let reads = (member.inputs["reads"] ?? []).map(\.artifact)
    let file = member.externals["path"].map { try! String(contentsOfFile: $0, encoding: .utf8) } ?? ""
    let own = SimulatedStore.blob(Node.content(parameters, reads, file: file, nonce: nonce))
    guard parameters["manner"] == "tie" else {
      return .success(artifacts: ["out": own.artifact], blobs: [own], facts: ["host": "simulated"])
    }
    var manifest = Manifest(["own": own.artifact])
    manifest.entries["link"] = reads.first
    let text = SimulatedStore.blob(Array(manifest.text.utf8))
    return .success(artifacts: ["out": manifest.artifact], blobs: [own, text], facts: ["host": "simulated"])
  }

  private func end(_ job: Job) {
    cpusInUse -= job.resources.cpus
    threads[job.id] = nil
    sink!(.ended(job: job.id))
  }

  private func happens(_ often: Int) -> Bool { often > 0 && random.once(in: often) }
}

// An executor without processes: jobs run one after the other, while the loop of the run waits.

import Canonical
import ContentStore
import Foundation
import Workflow

final class InProcessExecutor: Executor {
  var capacity: Resources
  var capacityHere: Resources?
  var jobsShareMachine = true
  let kinds: KindCatalogue
  /// Where the run lives.
  let world = World()
  private let scratch: URL
  private var sink: (@Sendable (ExecutorEvent) -> Void)?
  /// Jobs whose end the driver doesn't know of.
  private var outstanding: [Int: Job] = [:]

  /// Names of the instances that ran, in order.
  private(set) var ran: [String] = []
  /// Which of them went on from a state, `model after epoch 4`, and what the driver had to say of states.
  private(set) var resumed: [String] = []
  private(set) var notes: [String] = []
  /// The most jobs that were submitted at the same time, and the most of their cores.
  private(set) var most = 0
  private(set) var mostCPUs = 0
  private(set) var wasShutDown = false
  private(set) var jobs: [Job] = []
  /// The actions that the run has recorded.
  private(set) var settled: [Digest] = []
  /// Who may compute with how many threads, as it is submitted and whenever that changes.
  private(set) var threads: [String] = []
  /// What the records say of the platform.
  var facts: JSON = ["host": "test"]
  /// Called before an instance's work, with its name.
  var before: (String) throws -> Void = { _ in }
  /// What an instance comes to instead of its work, by its name.
  var instead: (String) -> JobResult? = { _ in nil }
  /// Called after an instance's work, before the driver learns of it.
  var after: (String) throws -> Void = { _ in }
  /// Whether the worker is lost when it comes to an instance, by its name.
  var loses: (String) -> Bool = { _ in false }

  init(
    kinds: KindCatalogue = toyKinds, scratch: URL, capacity: Resources = Resources(cpus: 8, memory: 8 << 30)
  ) {
    self.kinds = kinds
    self.scratch = scratch
    self.capacity = capacity
  }

  func start(_ sink: @escaping @Sendable (ExecutorEvent) -> Void) { self.sink = sink }

  func submit(_ job: Job) throws {
    jobs.append(job)
    threads.append("\(job.members[0].name) \(job.threads)")
    outstanding[job.id] = job
    most = max(most, outstanding.count)
    mostCPUs = max(mostCPUs, outstanding.values.map(\.resources.cpus).reduce(0, +))
    world.later { [self] in run(job) }
  }

  func settled(_ action: Digest) { settled.append(action) }

  func grant(_ count: Int, to job: Int) {
    threads.append("\(outstanding[job]?.members[0].name ?? "nobody") \(count)")
  }

  func shutdown() {
    wasShutDown = true
    world.forgetSteps()
  }

  private func run(_ job: Job) {
    for member in job.members { sink!(.started(instance: member.instance)) }
    var left = job.members[...]
    // What a kind doesn't compute together, it computes one after the other.
    var finished: [Int: JobResult] = [:]
    let works = job.members.compactMap { member -> (JobMember, KindDescription.Work)? in
      ran.append(member.name)
      if let result = instead(member.name) {
        finished[member.instance] = result
        return nil
      }
      return (member, work(member, of: job))
    }
    if let first = works.first?.0 {
      do {
        for (member, _) in works { try before(member.name) }
        let kind = kinds[first.action.json["kind"]!.stringValue!]!
        kind.run(works.map(\.1)) { [self] n, result in
          finished[works[n].0.instance] = outcome(of: works[n].0, works[n].1, result, job)
        }
      } catch {
        for (member, _) in works {
          finished[member.instance] = .failure(error as? Failure ?? Failure(.other, "\(error)"))
        }
      }
    }
    while let member = left.first, !loses(member.name) {
      sink!(.finished(instance: member.instance, finished[member.instance]!, seconds: 0.25))
      left.removeFirst()
    }
    if !left.isEmpty {
      sink!(.lost(instances: left.map(\.instance), Failure(.signal(9), "killed by SIGKILL (9)"), seconds: 1))
    }
    outstanding[job.id] = nil
    sink!(.ended(job: job.id))
  }

  private func work(_ member: JobMember, of job: Job) -> KindDescription.Work {
    let folder = scratch.appendingPathComponent("\(ran.count)")
    try! FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let log = URL(fileURLWithPath: member.log)
    try! FileManager.default.createDirectory(
      at: log.deletingLastPathComponent(), withIntermediateDirectories: true)
    try! "log of \(member.name)".write(to: log, atomically: false, encoding: .utf8)
    let files = InputFiles(job.files)
    let outputs = member.outputs.map {
      ($0.name, OutputArtifact(url: folder.appendingPathComponent($0.name)))
    }
    let sink = sink!
    if let state = member.state { resumed.append("\(member.name) after \(state.place)") }
    notes += member.notes
    let writer = BlobWriter(store: URL(fileURLWithPath: job.store))
    let states = StageStates(
      resumed: member.state.map { ($0, InputArtifact(artifact: $0.artifact, files: files)) }
    ) { url, point, place in
      let (artifact, blobs) = try! writer.ingest(url)
      sink(
        .saved(
          instance: member.instance, WorkState(point: point, place: place, artifact: artifact), blobs: blobs))
      return true
    }
    let context = StageContext(
      scratch: folder, projectRoot: URL(fileURLWithPath: job.projectRoot), environment: member.environment,
      inputs: member.inputs.mapValues { members in
        members.map { InputArtifact(artifact: $0.artifact, labels: $0.labels, stage: $0.stage, files: files) }
      },
      outputs: Dictionary(uniqueKeysWithValues: outputs), states: states,
      report: { sink(.progress(instance: member.instance, $0)) })
    return KindDescription.Work(
      parameters: member.action.json["parameters"]!,
      externals: member.externals.mapValues { URL(fileURLWithPath: $0) }, context: context)
  }

  private func outcome(
    of member: JobMember, _ work: KindDescription.Work, _ result: Result<Void, any Error>, _ job: Job
  ) -> JobResult {
    do {
      try result.get()
      var artifacts: [String: Artifact] = [:]
      var blobs: [WrittenBlob] = []
      let writer = BlobWriter(store: URL(fileURLWithPath: job.store))
      for (name, output) in work.context.outputs {
        let (artifact, written) = try writer.ingest(output.url, links: output.links)
        artifacts[name] = artifact
        blobs += written
      }
      try after(member.name)
      return .success(artifacts: artifacts, blobs: blobs, facts: facts)
    } catch let error as InputError {
      return .failure(Failure(.input, error.message))
    } catch { return .failure(error as? Failure ?? Failure(.other, "\(error)")) }
  }
}

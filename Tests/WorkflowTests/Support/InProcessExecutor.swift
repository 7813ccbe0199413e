// An executor without processes: jobs run one after the other on a thread of its own.

import Canonical
import ContentStore
import Foundation
import Workflow

final class InProcessExecutor: Executor, @unchecked Sendable {
  var capacity: Resources
  let kinds: KindCatalogue
  private let scratch: URL
  private let condition = NSCondition()
  private var sink: (@Sendable (ExecutorEvent) -> Void)?
  private var submitted: [Job] = []
  /// Jobs whose end the driver doesn't know of.
  private var outstanding: [Int: Job] = [:]

  /// Names of the instances that ran, in order.
  private(set) var ran: [String] = []
  /// The most jobs that were submitted at the same time, and the most of their cores.
  private(set) var most = 0
  private(set) var mostCPUs = 0
  private(set) var wasShutDown = false
  private(set) var jobs: [Job] = []
  /// Called before a job's work, with its name.
  var before: (String) throws -> Void = { _ in }
  /// What a job comes to instead of its work, by its name.
  var instead: (String) -> JobResult? = { _ in nil }
  /// Called after a job's work, before the driver learns of it.
  var after: (String) throws -> Void = { _ in }

  init(
    kinds: KindCatalogue = toyKinds, scratch: URL, capacity: Resources = Resources(cpus: 8, memory: 8 << 30)
  ) {
    self.kinds = kinds
    self.scratch = scratch
    self.capacity = capacity
  }

  func start(_ sink: @escaping @Sendable (ExecutorEvent) -> Void) {
    self.sink = sink
    Thread { [self] in
      while let job = take() {
        let member = job.members[0].instance
        sink(.started(instance: member))
        let result = run(job)
        condition.withLock { outstanding[job.id] = nil }
        sink(.finished(instance: member, result, seconds: 0.25))
        sink(.ended(job: job.id))
      }
    }.start()
  }

  func submit(_ job: Job) throws {
    condition.withLock {
      submitted.append(job)
      jobs.append(job)
      outstanding[job.id] = job
      most = max(most, outstanding.count)
      mostCPUs = max(mostCPUs, outstanding.values.map(\.resources.cpus).reduce(0, +))
      condition.signal()
    }
  }

  /// The next job, once the driver has submitted all that it wants to run beside it; nil in the end.
  private func take() -> Job? {
    condition.withLock {
      while !wasShutDown {
        let before = jobs.count
        let isQuiet = !condition.wait(until: Date(timeIntervalSinceNow: 0.002))
        if isQuiet, jobs.count == before, !submitted.isEmpty { return submitted.removeFirst() }
      }
      return nil
    }
  }

  func shutdown() {
    condition.withLock {
      wasShutDown = true
      submitted = []
      condition.signal()
    }
  }

  private func run(_ job: Job) -> JobResult {
    let member = job.members[0]
    ran.append(member.name)
    if let result = instead(member.name) { return result }
    let folder = scratch.appendingPathComponent("job-\(ran.count)")
    let progress = ProgressBox()
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try "log of \(member.name)".write(toFile: member.log, atomically: false, encoding: .utf8)
      try before(member.name)
      let action = member.action.json
      let files = InputFiles(job.files)
      let outputs = member.outputs.map {
        ($0.name, OutputArtifact(url: folder.appendingPathComponent($0.name)))
      }
      let context = StageContext(
        scratch: folder, projectRoot: URL(fileURLWithPath: job.projectRoot), environment: member.environment,
        inputs: member.inputs.mapValues { members in
          members.map {
            InputArtifact(artifact: $0.artifact, labels: $0.labels, stage: $0.stage, files: files)
          }
        },
        outputs: Dictionary(uniqueKeysWithValues: outputs), report: { progress.values.append($0) })
      try kinds[action["kind"]!.stringValue!]!.run(
        parameters: action["parameters"]!, externals: member.externals.mapValues { URL(fileURLWithPath: $0) },
        in: context)
      for value in progress.values { sink?(.progress(instance: member.instance, value)) }
      var artifacts: [String: Artifact] = [:]
      var blobs: [WrittenBlob] = []
      let writer = BlobWriter(store: URL(fileURLWithPath: job.store))
      for (name, output) in outputs {
        let (artifact, written) = try writer.ingest(output.url, links: output.links)
        artifacts[name] = artifact
        blobs += written
      }
      try after(member.name)
      return .success(artifacts: artifacts, blobs: blobs, facts: ["host": "test"])
    } catch { return .failure(error as? Failure ?? Failure(.other, "\(error)")) }
  }
}

private final class ProgressBox: @unchecked Sendable { var values: [Workflow.Progress] = [] }

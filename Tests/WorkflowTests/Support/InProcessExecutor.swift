// An executor without processes: jobs run one after the other when the driver asks for events.

import Canonical
import ContentStore
import Foundation
import Workflow

final class InProcessExecutor: Executor {
  var capacity: Resources
  let kinds: KindCatalogue
  private let scratch: URL
  private var events: [ExecutorEvent] = []
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

  func submit(_ job: Job) throws {
    submitted.append(job)
    jobs.append(job)
    outstanding[job.id] = job
    most = max(most, outstanding.count)
    mostCPUs = max(mostCPUs, outstanding.values.map(\.resources.cpus).reduce(0, +))
  }

  func nextEvent(timeout: Double) -> ExecutorEvent? {
    if events.isEmpty, let job = submitted.first {
      submitted.removeFirst()
      events.append(.started(job: job.id))
      let result = run(job)
      events.append(.finished(job: job.id, result, seconds: 0.25))
    }
    guard !events.isEmpty else { return nil }
    let event = events.removeFirst()
    if case .finished(let job, _, _) = event { outstanding[job] = nil }
    return event
  }

  func shutdown() {
    wasShutDown = true
    submitted = []
    events = []
  }

  private func run(_ job: Job) -> JobResult {
    ran.append(job.name)
    if let result = instead(job.name) { return result }
    let folder = scratch.appendingPathComponent("job-\(ran.count)")
    let progress = ProgressBox()
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try "log of \(job.name)".write(toFile: job.log, atomically: false, encoding: .utf8)
      try before(job.name)
      let action = job.action.json
      let files = InputFiles(job.files)
      let outputs = job.outputs.map { ($0.name, OutputArtifact(url: folder.appendingPathComponent($0.name))) }
      let context = StageContext(
        scratch: folder, projectRoot: URL(fileURLWithPath: job.projectRoot), environment: job.environment,
        inputs: job.inputs.mapValues { members in
          members.map {
            InputArtifact(artifact: $0.artifact, labels: $0.labels, stage: $0.stage, files: files)
          }
        },
        outputs: Dictionary(uniqueKeysWithValues: outputs), report: { progress.values.append($0) })
      try kinds[action["kind"]!.stringValue!]!.run(
        parameters: action["parameters"]!, externals: job.externals.mapValues { URL(fileURLWithPath: $0) },
        in: context)
      events += progress.values.map { .progress(job: job.id, $0) }
      var artifacts: [String: Artifact] = [:]
      var blobs: [WrittenBlob] = []
      let writer = BlobWriter(store: URL(fileURLWithPath: job.store))
      for (name, output) in outputs {
        let (artifact, written) = try writer.ingest(output.url, links: output.links)
        artifacts[name] = artifact
        blobs += written
      }
      try after(job.name)
      return .success(artifacts: artifacts, blobs: blobs, facts: ["host": "test"])
    } catch { return .failure("\(error)") }
  }
}

private final class ProgressBox: @unchecked Sendable { var values: [Workflow.Progress] = [] }

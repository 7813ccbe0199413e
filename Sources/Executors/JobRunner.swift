// Owns one job in a worker: its log, its folders, the kind's work, the outputs' way into the store, the facts.

import Canonical
import CProcess
import ContentStore
import Foundation
import Workflow

/// Runs jobs one after another, on the computing thread.
struct JobRunner {
  let catalogue: KindCatalogue
  let versions: JSON
  let scratch: ScratchSpace

  /// Runs a job and says what becomes of each member. Whatever goes wrong is a member's result, and stands in its log.
  func run(_ job: Job, tell: @escaping @Sendable (WorkerMessage) -> Void) {
    var meter = Meter()
    // What the work prints goes to the first member's log: nobody can tell for whom it was.
    do { try openLog(job.members[0].log) } catch {
      for member in job.members {
        tell(.finished(instance: member.instance, .failure(Failure(.other, "\(error)")), seconds: 0))
      }
      return
    }
    defer { closeLog() }
    Machine.forgetPeakMemory()
    for member in job.members { tell(.started(instance: member.instance)) }
    var folder: URL?
    defer { if let folder { scratch.removeFolder(folder) } }
    do {
      guard let name = job.members[0].action.json["kind"]?.stringValue, let kind = catalogue[name] else {
        throw ProtocolError(
          "this worker knows no kind \(job.members[0].action.json["kind"]?.canonical ?? "")")
      }
      let made = try scratch.makeFolder(in: job.store)
      folder = made
      let files = InputFiles(job.files)
      let prepared = try job.members.enumerated().map { i, member in
        try prepare(member, of: job, in: made.appendingPathComponent("\(i)"), files: files, tell: tell)
      }
      kind.run(prepared.map(\.work)) { i, result in
        let member = job.members[i]
        // What a command left running may still write to its outputs.
        _ = bobbin_end_descendants(0)
        let outcome = outcome(of: member, result, outputs: prepared[i].outputs, job: job, meter: &meter)
        tell(.finished(instance: member.instance, outcome.result, seconds: outcome.seconds))
      }
    } catch {
      for member in job.members {
        tell(.finished(instance: member.instance, .failure(failure(of: member, error)), seconds: 0))
      }
    }
    _ = bobbin_end_descendants(0)
  }

  private func prepare(
    _ member: JobMember, of job: Job, in folder: URL, files: InputFiles,
    tell: @escaping @Sendable (WorkerMessage) -> Void
  ) throws -> (work: KindDescription.Work, outputs: [String: OutputArtifact]) {
    guard let parameters = member.action.json["parameters"] else {
      throw ProtocolError("an action without parameters")
    }
    let scratchFolder = folder.appendingPathComponent("work")
    let outputFolder = folder.appendingPathComponent("out")
    for made in [scratchFolder, outputFolder] {
      try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
    }
    let inputs = member.inputs.mapValues { inputs in
      inputs.map { InputArtifact(artifact: $0.artifact, labels: $0.labels, stage: $0.stage, files: files) }
    }
    var outputs: [String: OutputArtifact] = [:]
    for output in member.outputs {
      let ending = output.type.fileExtension.isEmpty ? "" : "." + output.type.fileExtension
      let place = outputFolder.appendingPathComponent(output.fileName ?? output.name + ending)
      try FileManager.default.createDirectory(
        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      outputs[output.name] = OutputArtifact(url: place)
    }
    let context = StageContext(
      scratch: scratchFolder, projectRoot: URL(fileURLWithPath: job.projectRoot, isDirectory: true),
      environment: member.environment, inputs: inputs, outputs: outputs,
      report: thinned { tell(.progress(instance: member.instance, $0)) })
    let work = KindDescription.Work(
      parameters: parameters, externals: member.externals.mapValues { URL(fileURLWithPath: $0) },
      context: context)
    return (work, outputs)
  }

  private func outcome(
    of member: JobMember, _ result: Result<Void, any Error>, outputs: [String: OutputArtifact], job: Job,
    meter: inout Meter
  ) -> (result: JobResult, seconds: Double) {
    do {
      try result.get()
      let (artifacts, blobs) = try ingest(outputs, of: member, into: job.store)
      let (facts, seconds) = meter.lap(versions)
      return (.success(artifacts: artifacts, blobs: blobs, facts: facts), seconds)
    } catch {
      let seconds = meter.lap(versions).seconds
      return (.failure(failure(of: member, error)), seconds)
    }
  }

  /// An error as a failure; its text goes to the member's log too.
  private func failure(of member: JobMember, _ error: any Error) -> Failure {
    let failure = error as? Failure ?? Failure(cause(of: error), describe(error))
    bobbin_flush_output()
    // Lines that a message quotes from the log are there already.
    let own = failure.message.split(separator: "\n").filter { !$0.hasPrefix("  | ") }.joined(separator: "\n")
    Death.append("bobbin: \(own)\n", to: member.log)
    return failure
  }

  private func ingest(
    _ outputs: [String: OutputArtifact], of member: JobMember, into store: String
  ) throws -> ([String: Artifact], [WrittenBlob]) {
    let missing = member.outputs.filter { output in
      !FileManager.default.fileExists(atPath: outputs[output.name]!.url.path)
    }
    guard missing.isEmpty else { throw MissingOutput(outputs: missing) }
    let writer = BlobWriter(store: URL(fileURLWithPath: store, isDirectory: true))
    var artifacts: [String: Artifact] = [:]
    var blobs: [WrittenBlob] = []
    for (name, output) in outputs.sorted(by: { $0.key < $1.key }) {
      let (artifact, written) = try writer.ingest(output.url, links: output.links)
      artifacts[name] = artifact
      blobs += written
    }
    return (artifacts, blobs)
  }
}

private func cause(of error: any Error) -> Failure.Cause {
  switch error {
  case StoreError.full, StoreError.cannotWrite: .store
  case is InputError: .input
  default: .other
  }
}

/// What each member cost: of what is computed for several, who is finished next bears it.
private struct Meter {
  private var started = Date()
  private var clock = monotonicSeconds()
  private var usage = Usage()

  /// The facts since the last lap, and the seconds.
  mutating func lap(_ versions: JSON) -> (facts: JSON, seconds: Double) {
    let now = Usage()
    let seconds = monotonicSeconds() - clock
    var members: [String: JSON] = [
      "started": .string(started.formatted(.iso8601)), "host": .string(Machine.host),
      "instructionSet": .string(Machine.instructionSet), "versions": versions,
      "cpuSeconds": .number(((now.cpuSeconds - usage.cpuSeconds) * 1000).rounded() / 1000),
    ]
    if let peak = Machine.peakMemory { members["peakMemory"] = .integer(peak) }
    (started, clock, usage) = (Date(), monotonicSeconds(), now)
    return (.object(members), seconds)
  }
}

/// A stage ended well without writing all that it declares.
struct MissingOutput: Error, CustomStringConvertible {
  let outputs: [OutputDescription]

  var description: String {
    let names = outputs.map { output in
      "'\(output.name)'"
        + (output.fileName.map { " (the file \($0), which ${out.\(output.name)} names)" } ?? "")
    }
    return "it ended well but wrote no output \(names.joined(separator: ", "))"
  }
}

/// Processor time of this process and of the children it has reaped, so far.
private struct Usage {
  let cpuSeconds: Double

  init() {
    cpuSeconds = [RUSAGE_SELF.rawValue, RUSAGE_CHILDREN.rawValue].reduce(0) { sum, who in
      var usage = rusage()
      getrusage(__rusage_who_t(who), &usage)
      return sum + seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
  }
}

private func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }

/// At most ten a second get through.
private func thinned(_ report: @escaping @Sendable (Progress) -> Void) -> @Sendable (Progress) -> Void {
  let last = LastReport()
  return { progress in if last.isDue(at: monotonicSeconds()) { report(progress) } }
}

private final class LastReport: @unchecked Sendable {
  private let lock = NSLock()
  private var time = -Double.infinity

  func isDue(at now: Double) -> Bool {
    lock.withLock {
      guard now - time >= 0.1 else { return false }
      time = now
      return true
    }
  }
}

private func openLog(_ path: String) throws {
  try FileManager.default.createDirectory(
    atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
  let log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
  guard log >= 0 else { throw LogError(path: path, reason: String(cString: strerror(errno))) }
  dup2(log, 1)
  dup2(log, 2)
  close(log)
}

private func closeLog() {
  bobbin_flush_output()
  let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
  dup2(null, 1)
  dup2(null, 2)
  close(null)
}

private struct LogError: Error, CustomStringConvertible {
  let path: String
  let reason: String
  var description: String { "\(path): the log can't be written (\(reason))" }
}

/// An error as people read it. Foundation's say where only on request.
private func describe(_ error: any Error) -> String {
  guard let error = error as? CocoaError else { return "\(error)" }
  let path = error.filePath.map { "\($0): " } ?? ""
  return path + error.localizedDescription
}

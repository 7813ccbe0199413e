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

  /// Runs a job. Whatever goes wrong is its result, and stands in its log.
  func run(_ job: Job, report: @escaping @Sendable (Progress) -> Void) -> JobResult {
    do {
      try openLog(job.log)
    } catch {
      return .failure("\(error)")
    }
    defer { closeLog() }
    let started = Date()
    let usage = Usage()
    Machine.forgetPeakMemory()
    do {
      let folder = try scratch.makeFolder(in: job.store)
      defer { scratch.removeFolder(folder) }
      let outputs = try work(on: job, in: folder, report: report)
      // What a command left running may still write to its outputs.
      _ = bobbin_end_descendants(0)
      let (artifacts, blobs) = try ingest(outputs, of: job)
      return .success(artifacts: artifacts, blobs: blobs, facts: facts(started: started, usage))
    } catch {
      _ = bobbin_end_descendants(0)
      let message = describe(error)
      bobbin_flush_output()
      // Lines that a message quotes from the log are there already.
      let own = message.split(separator: "\n").filter { !$0.hasPrefix("  | ") }.joined(separator: "\n")
      FileHandle.standardError.write(Data("bobbin: \(own)\n".utf8))
      switch error as? StoreError {
      case .full, .cannotWrite: return .storeFailure(message)
      default: return .failure(message)
      }
    }
  }

  private func work(
    on job: Job, in folder: URL, report: @escaping @Sendable (Progress) -> Void
  ) throws -> [String: OutputArtifact] {
    guard let name = job.action.json["kind"]?.stringValue, let kind = catalogue[name],
      let parameters = job.action.json["parameters"]
    else { throw ProtocolError("this worker knows no kind \(job.action.json["kind"]?.canonical ?? "")") }
    let scratchFolder = folder.appendingPathComponent("work")
    let outputFolder = folder.appendingPathComponent("out")
    for made in [scratchFolder, outputFolder] {
      try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
    }
    let files = InputFiles(job.files)
    let inputs = job.inputs.mapValues { members in
      members.map { InputArtifact(artifact: $0.artifact, labels: $0.labels, stage: $0.stage, files: files) }
    }
    var outputs: [String: OutputArtifact] = [:]
    for output in job.outputs {
      let ending = output.type.fileExtension.isEmpty ? "" : "." + output.type.fileExtension
      let place = outputFolder.appendingPathComponent(output.fileName ?? output.name + ending)
      try FileManager.default.createDirectory(
        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      outputs[output.name] = OutputArtifact(url: place)
    }
    let context = StageContext(
      scratch: scratchFolder, projectRoot: URL(fileURLWithPath: job.projectRoot, isDirectory: true),
      environment: job.environment, inputs: inputs, outputs: outputs, report: thinned(report))
    try kind.run(
      parameters: parameters, externals: job.externals.mapValues { URL(fileURLWithPath: $0) }, in: context)
    return outputs
  }

  private func ingest(
    _ outputs: [String: OutputArtifact], of job: Job
  ) throws -> ([String: Artifact], [WrittenBlob]) {
    let missing = job.outputs.filter { output in
      !FileManager.default.fileExists(atPath: outputs[output.name]!.url.path)
    }
    guard missing.isEmpty else { throw MissingOutput(outputs: missing) }
    let writer = BlobWriter(store: URL(fileURLWithPath: job.store, isDirectory: true))
    var artifacts: [String: Artifact] = [:]
    var blobs: [WrittenBlob] = []
    for (name, output) in outputs.sorted(by: { $0.key < $1.key }) {
      let (artifact, written) = try writer.ingest(output.url, links: output.links)
      artifacts[name] = artifact
      blobs += written
    }
    return (artifacts, blobs)
  }

  private func facts(started: Date, _ before: Usage) -> JSON {
    let now = Usage()
    var members: [String: JSON] = [
      "started": .string(started.formatted(.iso8601)), "host": .string(Machine.host),
      "instructionSet": .string(Machine.instructionSet), "versions": versions,
      "cpuSeconds": .number(((now.cpuSeconds - before.cpuSeconds) * 1000).rounded() / 1000),
    ]
    if let peak = Machine.peakMemory { members["peakMemory"] = .integer(peak) }
    return .object(members)
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

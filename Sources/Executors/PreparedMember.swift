// Owns a member of a job while a worker computes it: its folders, what its kind is given, what it made.

import Canonical
import ContentStore
import Foundation
import Processes
import Workflow

/// What a member has used, as far as it isn't the worker's clock that tells.
struct Usage {
  var started: Date
  /// What the program has used that did the work in the worker's stead.
  var command: ProcessUsage?
  /// What that opened, if it was traced.
  var opened: OpenedFiles?
}

struct PreparedMember {
  let work: KindDescription.Work
  let reports: ProgressReports
  /// All its scratch space; it may be removed once its outputs are in the store.
  let folder: URL
  /// What is in it from the beginning: where the kind works, and where it writes outputs.
  static let scratchFolder = "work"
  private static let outputFolder = "out"
  static let folders = [scratchFolder, outputFolder]
  /// Its action's unfinished work, which outlives it unless it ends well.
  private let unfinished: URL
  private let declared: [OutputDescription]
  private let outputs: [String: OutputArtifact]
  private let started = Date()
  private let command = Spent()
  private let catalogue: KindCatalogue

  /// - Parameter folder: the job's, by its real path; member `i` gets it, or of several members one in it.
  init(
    _ job: Job, _ i: Int, in folder: URL, files: InputFiles, catalogue: KindCatalogue,
    threads: GrantedThreads,
    tell: @escaping @Sendable (WorkerMessage) -> Void
  ) throws {
    let member = job.members[i]
    guard let parameters = member.action.json["parameters"] else {
      throw ProtocolError("an action without parameters")
    }
    self.folder = job.members.count == 1 ? folder : folder.appendingPathComponent("\(i)", isDirectory: true)
    unfinished = ScratchSpace.unfinished(member.action.key, in: job.store)
    self.catalogue = catalogue
    declared = member.outputs
    let scratchFolder = self.folder.appendingPathComponent(PreparedMember.scratchFolder, isDirectory: true)
    let outputFolder = self.folder.path + "/" + PreparedMember.outputFolder
    for made in [scratchFolder.path, outputFolder] { try makeDirectory(made) }
    var outputs: [String: OutputArtifact] = [:]
    for output in member.outputs {
      let ending = output.type.fileExtension.isEmpty ? "" : "." + output.type.fileExtension
      let name = output.fileName ?? output.name + ending
      if let slash = name.lastIndex(of: "/") { try makeDirectory(outputFolder + "/" + name[..<slash]) }
      outputs[output.name] = OutputArtifact(
        url: URL(fileURLWithPath: outputFolder + "/" + name, isDirectory: false))
    }
    self.outputs = outputs
    let (instance, log) = (member.instance, member.log)
    let reports = ProgressReports(
      send: { tell(.progress(instance: instance, $0)) }, write: { _ = appendText($0 + "\n", to: log) })
    self.reports = reports
    let resumed = MemberStates.given(member, files)
    for note in member.notes { _ = appendText("bobbin: \(note)\n", to: log) }
    if let resumed {
      _ = appendText("bobbin: resumed after \(resumed.state.place)\n", to: log)
    } else if let state = member.state {
      _ = appendText("bobbin: the state after \(state.place) is gone; beginning at the beginning\n", to: log)
    }
    let command = command
    let secrecy = Secrecy([member])
    let states = MemberStates(
      job.writer, tell: { tell(.saved(instance: instance, $0, blobs: $1)) },
      note: { _ = appendText("bobbin: \(secrecy.hidden($0))\n", to: log) })
    work = KindDescription.Work(
      parameters: parameters, externals: member.externals.mapValues { URL(fileURLWithPath: $0) },
      context: StageContext(
        scratch: scratchFolder, unfinished: unfinished,
        projectRoot: URL(fileURLWithPath: job.projectRoot, isDirectory: true),
        tree: member.tree, environment: member.environment,
        inputs: member.inputs.mapValues { inputs in
          inputs.map {
            InputArtifact(artifact: $0.artifact, labels: $0.labels, stage: $0.stage, files: files)
          }
        }, outputs: outputs, threads: { threads.now },
        states: StageStates(resumed: resumed) { states.keep($0, upTo: $1, at: secrecy.hidden($2)) },
        report: { reports.report(secrecy.hidden($0)) }, spent: { command.add($0) },
        opened: { command.opened($0) }))
  }

  var usage: Usage { Usage(started: started, command: command.total, opened: command.files) }

  /// Brings its outputs into the store.
  func ingest(with writer: BlobWriter) throws -> ([String: Artifact], [WrittenBlob]) {
    let missing = declared.filter { !FileManager.default.fileExists(atPath: outputs[$0.name]!.url.path) }
    guard missing.isEmpty else { throw OutputProblem.missing(missing) }
    var artifacts: [String: Artifact] = [:]
    var blobs: [WrittenBlob] = []
    for output in declared.sorted(by: { $0.name < $1.name }) {
      let place = outputs[output.name]!
      try checkStaysInside(place.url, output.name)
      let received = try receive(output, place)
      let (artifact, written) = try writer.ingest(received.url, links: received.links)
      artifacts[output.name] = artifact
      blobs += written
    }
    ScratchSpace.removeUnfinished(unfinished)
    return (artifacts, blobs)
  }

  /// What is to be stored of an output: what a command wrote that has a type is checked and put into that type's form.
  private func receive(_ output: OutputDescription, _ written: OutputArtifact) throws -> OutputArtifact {
    guard let fileName = output.fileName, output.type != .file else { return written }
    guard let receiver = catalogue.receiver(of: output.type.name) else {
      throw ProtocolError("this worker can't receive '\(output.type)'")
    }
    let ending = receiver.type.fileExtension.isEmpty ? "" : "." + receiver.type.fileExtension
    let place = folder.appendingPathComponent("received/" + output.name + ending)
    try FileManager.default.createDirectory(
      at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    let artifact = OutputArtifact(url: place)
    try receiver.receive(written.url, called: fileName, of: output.name, as: artifact)
    return artifact
  }

  /// An output may be a link to what the stage made elsewhere in its folder, not to files of others.
  private func checkStaysInside(_ output: URL, _ name: String) throws {
    guard let target = realpath(output.path, nil) else { return }
    defer { free(target) }
    let path = String(cString: target)
    guard path.hasPrefix(folder.path + "/") else { throw OutputProblem.outside(name, path) }
  }
}

/// A stage ended well, but its outputs aren't what it declares.
enum OutputProblem: Error, CustomStringConvertible {
  case missing([OutputDescription])
  case outside(String, String)

  var description: String {
    switch self {
    case .missing(let outputs):
      let names = outputs.map { output in
        "'\(output.name)'"
          + (output.fileName.map { " (the file \($0), which ${out.\(output.name)} names)" } ?? "")
      }
      return "it ended well but wrote no output \(names.joined(separator: ", "))"
    case .outside(let name, let path):
      return "output '\(name)' is a symbolic link to \(path), out of its folder. Copy the file instead"
    }
  }
}

/// What programs have used and opened, told from any thread.
private final class Spent: @unchecked Sendable {
  private let lock = NSLock()
  private var sum: ProcessUsage?
  private var known: OpenedFiles?

  var total: ProcessUsage? { lock.withLock { sum } }
  var files: OpenedFiles? { lock.withLock { known } }

  func opened(_ files: OpenedFiles) { lock.withLock { known = files } }

  func add(_ usage: ProcessUsage) {
    lock.withLock {
      let peak = [sum?.peakMemory, usage.peakMemory].compactMap { $0 }.max()
      sum = ProcessUsage(cpuSeconds: (sum?.cpuSeconds ?? 0) + usage.cpuSeconds, peakMemory: peak)
    }
  }
}

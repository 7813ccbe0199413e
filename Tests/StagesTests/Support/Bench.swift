// A place to run stage kinds as workers do, without a store: artifacts are files, named by their digests.

import Canonical
import ContentStore
import Foundation
import Stages
import Testing
import Workflow

final class Bench {
  let folder: URL
  /// Where each blob and manifest lies.
  private var files: [Digest: String] = [:]
  private var runs = 0
  /// What runs go on from and save.
  var states = StageStates()

  /// What one instance is given.
  struct Instance {
    var parameters: JSON
    var inputs: [String: [Artifact]]
    var externals: [String: URL] = [:]
    /// Inputs that see their members' axes.
    var labelled: [String: [InputArtifact]] = [:]
  }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "stages-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Runs one instance alone; its outputs by name.
  func run(
    _ kind: String, _ parameters: JSON = [:], _ inputs: [String: Artifact] = [:],
    externals: [String: URL] = [:]
  ) throws -> [String: Artifact] {
    let instance = Instance(
      parameters: parameters, inputs: inputs.mapValues { [$0] }, externals: externals)
    return try run(kind, [instance])[0].get()
  }

  /// What the failure of one instance says.
  func failure(
    _ kind: String, _ parameters: JSON = [:], _ inputs: [String: Artifact] = [:],
    externals: [String: URL] = [:]
  ) -> String {
    do {
      _ = try run(kind, parameters, inputs, externals: externals)
      return "none"
    } catch { return "\(error)" }
  }

  /// Runs instances as the members of one job; the outputs or the failure of each.
  func run(_ kind: String, _ instances: [Instance]) throws -> [Result<[String: Artifact], any Error>] {
    let kind = try #require(KindCatalogue(stageKinds())[kind])
    let job = try instances.map { instance in
      runs += 1
      let place = folder.appending(path: "run-\(runs)")
      let scratch = place.appending(path: "scratch")
      try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
      guard case .map(let members, let at) = RawValue(instance.parameters) else {
        preconditionFailure("parameters are an object")
      }
      let reading = InputFiles(files)
      let parameters = try kind.decode(members, at: at)
      var inputs = instance.labelled
      for (name, artifacts) in instance.inputs {
        let part = kind.inputs.first { $0.name == name }?.part
        inputs[name] = try artifacts.map {
          InputArtifact(artifact: try self.part(part, of: $0, parameters), files: reading)
        }
      }
      let outputs = kind.outputs.map { ($0.name, OutputArtifact(url: place.appending(path: $0.name))) }
      return KindDescription.Work(
        parameters: parameters, externals: instance.externals,
        context: StageContext(
          scratch: scratch, projectRoot: folder, environment: [:],
          inputs: inputs,
          outputs: Dictionary(uniqueKeysWithValues: outputs), states: states, report: { _ in }))
    }
    var results: [Result<Void, any Error>?] = job.map { _ in nil }
    kind.run(job) { member, result in
      #expect(results[member] == nil, "member \(member) ended twice")
      results[member] = result
    }
    return try zip(job, results).map { work, result in
      try #require(result, "a member was left undone").flatMap { _ in
        Result { try work.context.outputs.mapValues { try keep($0.url.path, links: $0.links, at: "") } }
      }
    }
  }

  /// What an input is given of an artifact.
  private func part(_ part: InputPart?, of artifact: Artifact, _ parameters: JSON) throws -> Artifact {
    switch part {
    case nil: artifact
    case .named(let name): try member(name, of: artifact)
    case .parameter(let name): try member(#require(parameters[name]?.stringValue), of: artifact)
    }
  }

  /// A file that was saved as a state, to go on from.
  func resuming(_ data: Data, at place: String) throws -> StageStates {
    let artifact = try adopt(data)
    let state = WorkState(point: 0, place: place, artifact: artifact)
    return StageStates(resumed: (state, InputArtifact(artifact: artifact, files: InputFiles(files))))
  }

  /// Bytes that no kind made, as an artifact.
  func adopt(_ data: Data) throws -> Artifact {
    let file = folder.appending(path: "adopted-\(UUID().uuidString)")
    try data.write(to: file)
    return try keep(file.path, links: [:], at: "")
  }

  /// A folder that no kind made, as an artifact.
  func adopt(folder: URL) throws -> Artifact { try keep(folder.path, links: [:], at: "") }

  /// Scores as one instance of a group of stage `s` gave them.
  func scores(_ scores: JSON, _ labels: KeyValuePairs<String, String>) throws -> InputArtifact {
    let artifact = try adopt(Data(scores.canonical.utf8))
    return InputArtifact(
      artifact: artifact, labels: labels.map { Label(axis: $0.key, value: $0.value) }, stage: "s",
      files: InputFiles(files))
  }

  /// The file with an artifact's bytes.
  func url(_ artifact: Artifact) throws -> URL {
    URL(fileURLWithPath: try #require(files[artifact.digest]))
  }

  /// A member of a manifest, by path.
  func member(_ path: String, of artifact: Artifact) throws -> Artifact {
    try path.split(separator: "/").reduce(artifact) { artifact, name in
      let manifest = try #require(Manifest(parsing: Data(contentsOf: url(artifact))))
      return try #require(manifest.entries[String(name)])
    }
  }

  /// The object in a JSON artifact.
  func json(_ artifact: Artifact) throws -> JSON { try JSON(parsing: Data(contentsOf: url(artifact))) }

  /// A file or folder, with links below it, as an artifact. `at` is its path below the output.
  private func keep(_ path: String, links: [String: Artifact], at: String) throws -> Artifact {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: path])
    }
    if !isFolder.boolValue {
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      let artifact = Artifact(.blob, .of(data), size: data.count)
      files[artifact.digest] = path
      return artifact
    }
    var entries: [String: Artifact] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: path) {
      entries[name] = try keep("\(path)/\(name)", links: links, at: at + name + "/")
    }
    for (link, artifact) in links where link.hasPrefix(at) && !link.dropFirst(at.count).contains("/") {
      entries[String(link.dropFirst(at.count))] = artifact
    }
    let manifest = Manifest(entries)
    let text = folder.appending(path: "manifest-\(manifest.artifact.digest)")
    try Data(manifest.text.utf8).write(to: text)
    files[manifest.artifact.digest] = text.path
    return manifest.artifact
  }
}

// A project in a temporary directory: a store, and a pipeline put together in code.

import Canonical
import ContentStore
import Foundation
import Workflow

final class Project {
  let root: URL
  let store: Store
  var instances: [Instance] = []
  var kinds = toyKinds
  var environment: [String: String] = ["PATH": "/usr/bin:/bin"]
  private let folder: URL
  private let ownsFolder: Bool

  init(_ name: String = "project", beside other: Project? = nil) throws {
    folder =
      other?.folder
      ?? FileManager.default.temporaryDirectory.appendingPathComponent("workflow-tests-\(UUID().uuidString)")
    ownsFolder = other == nil
    root = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    store = try Store.open(at: root.appendingPathComponent("cache"))
  }

  deinit { if ownsFolder { try? FileManager.default.removeItem(at: folder) } }

  /// A remote beside the project.
  var remoteFolder: URL { folder.appendingPathComponent("remote") }

  /// Adds an instance; inputs name instances that are there already, `name` or `name.output`.
  @discardableResult
  func add(
    _ name: String, _ kindName: String, _ parameters: JSON = [:], inputs: [String: [String]] = [:],
    external: URL? = nil, labels: [(String, String)] = [], code: CommandCode? = nil,
    environment: [String] = [],
    resources: Resources = Resources()
  ) throws -> Int {
    let kind = kinds[kindName]!
    let place = Place(file: "toy.yaml", line: instances.count + 1, column: 3)
    guard case .map(let members, _) = RawValue(parameters, at: place) else { fatalError() }
    let bindings = inputs.sorted { $0.key < $1.key }.map { input, references in
      let declaration = kind.inputs.first { $0.name == input }!
      return InputBinding(
        name: input, isList: declaration.arity == .list, labelled: declaration.labelled,
        sources: references.map { reference in
          let source = instances.firstIndex { $0.name == reference }!
          return Source(instance: source, output: instances[source].outputs[0].name)
        })
    }
    instances.append(
      Instance(
        name: name, stage: String(name.prefix { $0 != "[" }),
        labels: labels.map { Label(axis: $0, value: $1) },
        kind: kind, parameters: try kind.decode(members, at: place), inputs: bindings,
        externals: external.map {
          [ExternalBinding(name: "path", url: $0, patterns: kind.externals[0].patterns, place: place)]
        } ?? [],
        commandCode: code, environment: environment, outputs: kind.outputs, resources: resources, place: place
      ))
    return instances.count - 1
  }

  /// Gives an instance other parameters.
  func change(_ name: String, _ parameters: JSON) throws {
    let i = instances.firstIndex { $0.name == name }!
    guard case .map(let members, let place) = RawValue(parameters) else { fatalError() }
    instances[i].parameters = try instances[i].kind.decode(members, at: place)
  }

  func write(_ text: String, _ path: String) throws -> URL {
    let url = root.appendingPathComponent(path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: url, atomically: false, encoding: .utf8)
    return url
  }

  /// What the project has its keys hold.
  var settings = KeySettings()

  var graph: Graph { Graph(instances: instances, project: root.path, file: "toy.yaml", settings: settings) }

  func executor() -> InProcessExecutor {
    InProcessExecutor(kinds: kinds, scratch: root.appendingPathComponent("scratch-\(UUID().uuidString)"))
  }

  /// Runs everything; `jobs` and the rest as in `RunOptions`. The run is interrupted after the first event for which
  /// `interrupt` holds.
  @discardableResult
  func run(
    _ executor: InProcessExecutor? = nil, targets: [Int]? = nil, required: Set<Int> = [], jobs: Int = 2,
    keepGoing: Bool = false, resumes: Bool = true, remote: (any Remote)? = nil,
    remotes: [any Remote] = [], platform: Platform = Platform(), needs: [String: Resources] = [:],
    now: @escaping @Sendable () -> Date = { Date() },
    interrupt: @escaping (RunEvent) -> Bool = { _ in false },
    observe: @escaping (RunEvent) throws -> Void = { _ in }
  ) throws -> RunReport {
    var options = RunOptions(
      targets: targets, required: required, jobs: jobs, keepGoing: keepGoing, resumes: resumes,
      environment: environment, platform: platform, remotes: remote.map { [$0] } ?? remotes, now: now)
    options.needsOfKinds = needs
    let executor = executor ?? self.executor()
    let run = try Run(
      graph, store: store, executor: executor, options: options, surroundings: executor.world
    ) { event in
      if interrupt(event) { executor.world.post(.interruption) }
      try observe(event)
    }
    let report = run.run()
    precondition(!executor.world.isStuck, "the loop waited for nothing")
    return report
  }

  func plan(targets: [Int]? = nil, remote: (any Remote)? = nil, platform: Platform = Platform()) throws
    -> Plan
  {
    try Plan(
      graph, targets: targets, store: store, remotes: remote.map { [$0] } ?? [], environment: environment,
      platform: platform)
  }

  /// The text of an instance's only output after a run.
  func text(_ name: String, _ report: RunReport) throws -> String {
    let artifact = report[name].artifacts.values.first!
    return String(decoding: try store.read(artifact.digest), as: UTF8.self)
  }

  /// Removes a large blob's bytes behind the store's back.
  func lose(_ digest: Digest) throws {
    for file in try files(of: digest) { try FileManager.default.removeItem(at: file) }
  }

  /// Changes a byte in a large blob's file behind the store's back.
  func damage(_ digest: Digest) throws {
    let files = try files(of: digest)
    for file in files.dropFirst() { try FileManager.default.removeItem(at: file) }
    var bytes = try Data(contentsOf: files[0])
    bytes[bytes.count / 2] ^= 0xFF
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: files[0].path)
    try bytes.write(to: files[0])
  }

  /// The stored file, then the decoded one if there is one.
  private func files(of digest: Digest) throws -> [URL] {
    let folders = ["cache/blobs/\(digest.hex.prefix(2))", "cache/open"].map {
      root.appendingPathComponent($0)
    }
    let files = folders.flatMap { folder in
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
      return names.filter { $0.hasPrefix(digest.hex) }.map { folder.appendingPathComponent($0) }
    }
    precondition(files.first?.path.contains("/blobs/") == true, "only large blobs are files")
    return files
  }
}

extension RunReport {
  subscript(name: String) -> InstanceReport { instances.first { $0.name == name }! }

  var counts: [Int] { [executed, cached, failed, skipped] }

  func names(_ state: InstanceReport.State) -> [String] { instances.filter { $0.state == state }.map(\.name) }
}

extension Plan {
  subscript(name: String) -> Plan.State { entries.first { $0.name == name }!.state }

  func reason(_ name: String) -> String {
    if case .stale(let reason) = self[name] { reason.description } else { "\(self[name])" }
  }
}

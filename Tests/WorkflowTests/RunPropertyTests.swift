import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// Random graphs through random misfortune. Everything follows from the seed: `BOBBIN_SEED=17` runs one alone.
@Suite struct RunPropertyTests {
  /// How many seeds there are.
  private static let seeds = 2_000

  @Test func everyRunEndsAndEveryInstanceEndsInAStateThatItsInputsJustify() throws {
    let environment = ProcessInfo.processInfo.environment
    let seeds =
      environment["BOBBIN_SEED"].flatMap { Int($0) }.map { $0..<$0 + 1 } ?? 0..<RunPropertyTests.seeds
    let folder = FileManager.default.temporaryDirectory.appending(path: "run-property-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = try Store.open(at: folder.appending(path: "store"))
    for seed in seeds {
      let problems = try Trial(seed, files: files, in: folder).problems()
      #expect(problems == [], "seed \(seed)")
    }
  }
}

/// A graph, a store and a remote, and runs of it.
private struct Trial {
  private let random: SeededRandom
  private let graph: Graph
  private let store: SimulatedStore
  private let remote: SimulatedRemote?
  private let nodes: [Node.Manner]
  private let file: EditedFile

  /// - Parameters:
  ///   - files: digests files outside.
  ///   - folder: where they are.
  init(_ seed: Int, files: Store, in folder: URL) throws {
    let random = SeededRandom(seed)
    self.random = random
    let count = 2 + random.next(below: 14)
    var instances: [Instance] = []
    var nodes: [Node.Manner] = []
    let kind = KindDescription(Node.self, code: plainCode)
    let partReader = KindDescription(PartReader.self, code: plainCode)
    let fileReader = KindDescription(FileReader.self, code: plainCode)
    file = try EditedFile(folder.appending(path: "outside.txt"))
    let groups = 1 + random.next(below: 4)
    for i in 0..<count {
      let ties = nodes.indices.filter { nodes[$0] == .tie }
      if random.once(in: 6), let tie = ties.last {
        let all = random.once(in: 2) ? ties : [tie]
        instances.append(
          Instance(
            name: "n\(i)", stage: "n", kind: partReader,
            parameters: ["id": .integer(random.next(below: groups)), "manner": "plain"],
            inputs: [
              InputBinding(
                name: "reads", isList: true, labelled: false,
                sources: all.map { Source(instance: $0, output: "out") })
            ], outputs: partReader.outputs))
        nodes.append(.plain)
        continue
      }
      if random.once(in: 8) {
        instances.append(
          Instance(
            name: "n\(i)", stage: "n", kind: fileReader,
            parameters: ["id": .integer(random.next(below: groups)), "manner": "plain"],
            externals: [ExternalBinding(name: "path", url: file.url, patterns: [], place: .nowhere)],
            outputs: fileReader.outputs))
        nodes.append(.plain)
        continue
      }
      let draw = random.next(below: 24)
      let manner: Node.Manner =
        draw < 12
        ? .plain : draw < 15 ? .coarse : draw < 18 ? .flaky : draw < 22 ? .tie : draw < 23 ? .broken : .deadly
      // Few ids and seeds, so that some have one key and some are of one group.
      let parameters: JSON = [
        "id": .integer(random.next(below: groups)), "seed": .integer(random.next(below: 4)),
        "manner": .string(manner.rawValue),
      ]
      let reads = i == 0 ? [] : (0..<random.next(below: 4)).map { _ in random.next(below: i) }
      instances.append(
        Instance(
          name: "n\(i)", stage: "n", kind: kind, parameters: parameters,
          inputs: [
            InputBinding(
              name: "reads", isList: true, labelled: false,
              sources: reads.map { Source(instance: $0, output: "out") })
          ], outputs: kind.outputs, resources: Resources(cpus: 1 + random.next(below: 3))))
      nodes.append(manner)
    }
    self.nodes = nodes
    graph = Graph(instances: instances, project: "/simulated", file: "p.yaml")
    store = SimulatedStore(SimulatedStore.Faults(random: random), files: files)
    remote = random.once(in: 2) ? SimulatedRemote(random) : nil
  }

  private struct Outcome {
    var report: RunReport
    var executor: SimulatedExecutor
    var world: World
    var told: [String: Int]
    /// What the file outside held when the run began, and how often it was written while it went on.
    var text: String
    var edits: Int
  }

  private func run(misfortune: Bool) throws -> Outcome {
    let world = World()
    world.random = random
    let executor = SimulatedExecutor(world, random)
    var interruptAfter = Int.max
    if misfortune {
      executor.failing = random.once(in: 3) ? 8 : 0
      executor.losing = random.once(in: 3) ? 8 : 0
      store.faults.opening = random.once(in: 4) ? 5 : 0
      store.faults.space = random.once(in: 12) ? 5 : 0
      store.faults.publishing = random.once(in: 12) ? 10 : 0
      store.faults.full = random.once(in: 16) ? 10 : 0
      store.faults.competing = random.once(in: 3) ? 4 : 0
      remote?.failing = [0, 0, 6, 1][random.next(below: 4)]
      remote?.hanging = random.once(in: 4) ? 1 + random.next(below: 10) : 0
      if random.once(in: 3) { remote?.loseBlobs() }
      if random.once(in: 6) { interruptAfter = random.next(below: 20) }
    } else {
      (store.faults.opening, store.faults.space, store.faults.publishing, store.faults.full) = (0, 0, 0, 0)
      store.faults.competing = random.once(in: 3) ? 4 : 0
      remote?.failing = 0
      remote?.hanging = 0
    }
    remote?.world = world
    world.mayHang = (remote?.hanging ?? 0) > 0
    let (text, before) = (file.text, file.edits)
    var events = 0
    var told: [String: Int] = [:]
    let targets = misfortune && random.once(in: 4) ? [random.next(below: graph.instances.count)] : nil
    // In peace all bytes are wanted, so that what was lost before comes back at once.
    let required = Set(graph.instances.indices.filter { _ in !misfortune || random.once(in: 6) })
    let options = RunOptions(
      targets: targets, required: targets.map { required.intersection(graph.closure(of: $0)) } ?? required,
      jobs: 1 + random.next(below: 4), keepGoing: !misfortune || random.once(in: 2), environment: [:],
      remotes: remote.map { [$0] } ?? [])
    let run = try Run(
      graph, store: store, executor: executor, options: options, surroundings: world
    ) { event in
      events += 1
      if events == interruptAfter { world.post(.interruption) }
      // Now and then something is lost while others work.
      if misfortune, random.once(in: 12), case .finished = event { loseSome(1) }
      if misfortune, random.once(in: 12) { file.edit(random.next(below: 3)) }
      if case .finished(let report) = event { told[report.name, default: 0] += 1 }
    }
    let report = run.run()
    world.release()
    store.endLeases()
    return Outcome(
      report: report, executor: executor, world: world, told: told, text: text, edits: file.edits - before)
  }

  private func loseSome(_ count: Int) {
    for _ in 0..<count {
      let present = store.present
      if !present.isEmpty { store.lose(present[random.next(below: present.count)]) }
    }
  }

  func problems() throws -> [String] {
    var problems: [String] = []
    for _ in 0..<1 + random.next(below: 3) {
      problems += check(try run(misfortune: true), misfortune: true)
      loseSome(random.next(below: 4))
      if random.once(in: 3) { file.edit(random.next(below: 3)) }
    }
    // In peace everything comes to an end, and then nothing is left to do.
    problems += check(try run(misfortune: false), misfortune: false)
    let again = try run(misfortune: false)
    problems += check(again, misfortune: false)
    for report in again.report.instances where report.state == .executed {
      problems.append("\(report.name) ran in the second run in peace: \(report.reason?.description ?? "")")
    }
    return problems
  }

  private func check(_ outcome: Outcome, misfortune: Bool) -> [String] {
    let report = outcome.report
    var problems = outcome.executor.mistakes + store.leasingMistakes
    if outcome.world.isStuck { problems.append("the loop waited for nothing") }
    let states = Dictionary(uniqueKeysWithValues: report.instances.map { ($0.instance, $0) })
    let isOver = { (i: Int) in [.executed, .cached].contains(states[i]?.state) }
    let stopped = report.interrupted || report.failed > 0 || !report.storeProblems.isEmpty
    for instance in report.instances {
      let name = instance.name
      if instance.message?.contains("BUG") == true { problems.append("\(name): \(instance.message!)") }
      let dependencies = graph.dependencies[instance.instance]
      switch instance.state {
      case .executed, .cached:
        if let d = dependencies.first(where: {
          states[$0]!.artifacts.isEmpty && !failedAfterwards(states[$0]!)
        }) {
          problems.append("\(name) is \(instance.state), but n\(d) is \(states[d]!.state)")
        }
        if dependencies.allSatisfy(isOver) { problems += bytes(of: instance, states, outcome.text) }
        if store.records[instance.key!]?.artifacts != instance.artifacts {
          problems.append("\(name) has no record that says what it is")
        }
      case .failed:
        if instance.failure == nil { problems.append("\(name) failed without a failure") }
        if !misfortune, nodes[instance.instance] != .broken, nodes[instance.instance] != .deadly {
          problems.append("\(name) failed in peace: \(instance.message ?? "")")
        }
      case .skipped:
        let isJustified = graph.closure(of: dependencies).contains { states[$0]?.state == .failed }
        if !isJustified, !stopped {
          problems.append("\(name) was skipped for nothing: \(instance.message ?? "")")
        }
        if !misfortune, !isJustified {
          problems.append("\(name) was skipped in peace: \(instance.message ?? "")")
        }
      }
    }
    if report.interrupted != (report.exitStatus == 130) { problems.append("status \(report.exitStatus)") }
    if report.failed + report.skipped > 0, report.exitStatus == 0 {
      problems.append("status 0 for a failure")
    }
    // Nothing is computed twice unless it was lost, or wasn't kept.
    for (key, count) in outcome.executor.successes where count > 1 {
      let blobs = store.records[key]?.blobs.map(\.digest) ?? []
      var misfortunes = blobs.reduce(store.unpublished[key] ?? 0) { $0 + (store.misfortunes[$1] ?? 0) }
      let readsFile = report.instances.contains {
        $0.key == key && !graph.instances[$0.instance].externals.isEmpty
      }
      if readsFile { misfortunes += outcome.edits }
      let isFlaky = store.records[key]?.action["parameters"]?["manner"] == "flaky"
      if count > 1 + misfortunes, !isFlaky {
        problems.append("\(key.hex.prefix(8)) was computed \(count) times")
      }
    }
    return problems
  }

  /// Whether an instance had artifacts before it failed: its bytes were lost and could not be made again.
  private func failedAfterwards(_ report: InstanceReport) -> Bool {
    guard report.state == .failed || report.state == .skipped, let key = report.key else { return false }
    return store.records[key] != nil
  }

  /// - Parameter text: what the file outside held when the run began.
  private func bytes(of report: InstanceReport, _ states: [Int: InstanceReport], _ text: String) -> [String] {
    let instance = graph.instances[report.instance]
    let reads = instance.inputs.first.map { binding in
      binding.sources.map { source in
        let all = states[source.instance]!.artifacts["out"]!
        guard let part = instance.kind.inputs[0].part, case .named(let name) = part else { return all }
        return Manifest(parsing: store.published[all.digest]!)!.entries[name]!
      }
    }
    let own = Digest.of(
      Node.content(
        instance.parameters, reads ?? [], file: instance.externals.isEmpty ? "" : text, nonce: 0))
    let got = report.artifacts["out"]!
    switch nodes[report.instance] {
    case .flaky: return []
    case .tie:
      let reads = reads ?? []
      var manifest = Manifest([
        "own": Artifact(.blob, own, size: Node.content(instance.parameters, reads, nonce: 0).count)
      ])
      manifest.entries["link"] = reads.first
      return manifest.artifact == got ? [] : ["\(report.name) has wrong bytes"]
    default: return own == got.digest ? [] : ["\(report.name) has wrong bytes"]
    }
  }
}

/// A file outside the pipeline. Whatever is written to it, its time says that it was, however fast that happens.
private final class EditedFile {
  let url: URL
  private(set) var text = ""
  private(set) var edits = 0

  init(_ url: URL) throws {
    self.url = url
    edit(0)
  }

  /// Writes one of a few texts; perhaps the one that it has.
  func edit(_ n: Int) {
    edits += 1
    text = "text \(n)"
    try! text.write(to: url, atomically: false, encoding: .utf8)
    try! FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1e9 + Double(edits))], ofItemAtPath: url.path)
  }
}

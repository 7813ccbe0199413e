import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// Results taken over from other code, on evidence.
@Suite struct AcceptanceTests {
  private static let edited = CodeManifest(files: ["Toys/Toy.swift": .of("edited".utf8)])

  /// A kind whose code is what a test says.
  private struct Scale: StageKind {
    static let name = "scale"
    static let summary = "a number times a factor"
    @Input("the number", .number) var number: InputArtifact
    @Parameter("the factor") var by = 1
    @Output("the product", .number) var product: OutputArtifact
    func run(in context: StageContext) throws {
      let text = try String(contentsOf: number.url, encoding: .utf8)
      let value = Int(text.trimmingCharacters(in: .whitespaces))!
      try Data("\(value * by)".utf8).write(to: product.url)
    }
  }

  private func catalogue(_ code: CodeManifest) -> KindCatalogue {
    KindCatalogue(toyKinds.all + [KindDescription(Scale.self, code: code)])
  }

  /// n → scaled[by=1…4] → total.
  private func project() throws -> Project {
    let project = try Project()
    project.kinds = catalogue(plainCode)
    try build(project)
    try project.run()
    return project
  }

  private func build(_ project: Project, factors: ClosedRange<Int> = 1...4) throws {
    project.instances = []
    try project.add("n", "number", ["value": 7, "padding": 20_000])
    for by in factors {
      try project.add(
        "scaled[by=\(by)]", "scale", ["by": .integer(by)], inputs: ["number": ["n"]],
        labels: [("by", "\(by)")])
    }
    try project.add("total", "sum", inputs: ["add": factors.map { "scaled[by=\($0)]" }])
  }

  /// The same with other code.
  private func edit(_ project: Project, _ code: CodeManifest = edited) throws {
    project.kinds = catalogue(code)
    try build(project)
  }

  private func plan(_ project: Project, _ stage: String = "scaled") throws -> AcceptancePlan {
    try AcceptancePlan(
      project.graph, instances: project.instances.indices.filter { project.instances[$0].stage == stage },
      store: project.store, environment: project.environment)
  }

  private func accept(
    _ project: Project, _ plan: AcceptancePlan? = nil, _ executor: InProcessExecutor? = nil, sample: Int? = 2
  ) throws -> AcceptanceReport {
    let executor = executor ?? project.executor()
    let accepting = try Accepting(
      project.graph, plan ?? self.plan(project), sample: sample, seed: 0, store: project.store,
      executor: executor,
      options: RunOptions(
        jobs: 2, environment: project.environment, commandLine: ["bobbin", "accept"],
        now: { Date(timeIntervalSince1970: 1_000_000_000) }),
      comparers: [], surroundings: executor.world, observe: { _ in })
    return try accepting()
  }

  @Test func whatGivesTheSameBitsIsRecordedUnderTheNewKeys() throws {
    let project = try project()
    let before = try project.plan().entries
    try edit(project)
    #expect(try project.plan()["scaled[by=1]"] != .upToDate)
    let executor = project.executor()
    let report = try accept(project, nil, executor)
    #expect(executor.ran.count == 2)
    #expect(report.accepted == [1, 2, 3, 4])
    #expect(report.problems == [] && report.exitStatus == 0)
    // What reads them stays what it was, and nothing is left to run.
    let after = try project.plan().entries
    #expect(after.allSatisfy { $0.state == .upToDate })
    #expect(after.map(\.artifacts) == before.map(\.artifacts))
    #expect(after.last?.key == before.last?.key)
    #expect(try project.run().counts == [0, 6, 0, 0])
    // Each record says so, for ever.
    for i in 1...4 {
      #expect(after[i].key != before[i].key)
      #expect(after[i].acceptedFrom == before[i].key)
      let record = try #require(try project.store.record(for: after[i].key!))
      let acceptance = try #require(record.accepted.first)
      #expect(record.accepted.count == 1)
      #expect(acceptance.from == before[i].key)
      #expect(acceptance.time == "2001-09-09T01:46:40Z")
      #expect(acceptance.changes == ["source Toys/Toy.swift changed"])
      #expect(acceptance.instances == executor.ran.sorted())
      #expect(acceptance.json["candidates"] == 4)
      #expect(acceptance.json["facts"]?["host"] == "test")
      let earlier = try #require(try project.store.record(for: before[i].key!))
      #expect(earlier.accepted == [])
      #expect(record.facts == earlier.facts)
    }
    #expect(after[0].acceptedFrom == nil && after[5].acceptedFrom == nil)
  }

  @Test func whenOneBitDiffersNothingIsAcceptedAndItIsNamed() throws {
    let project = try project()
    try edit(project)
    let executor = project.executor()
    executor.instead = { name in
      guard name == "scaled[by=3]" else { return nil }
      let blob = try! BlobWriter(store: URL(fileURLWithPath: executor.jobs.last!.store))
        .write(bytes: Array("22".utf8))
      return .success(artifacts: ["product": blob.artifact], blobs: [blob], facts: [:])
    }
    let records = try project.store.stats().records
    let report = try accept(project, nil, executor, sample: nil)
    #expect(report.accepted == [])
    #expect(report.exitStatus == 1)
    #expect(report.verification.counts == [3, 1, 0, 0])
    guard case .different(let difference, _)? = report.verification["scaled[by=3]"] else {
      Issue.record("it should differ")
      return
    }
    #expect(difference.content == ContentDifference("byte 1", recorded: "0x31", now: "0x32"))
    #expect(try project.store.stats().records == records)
    #expect(try project.plan()["scaled[by=1]"] != .upToDate)
  }

  @Test func aFailureUnderTheNewCodeIsNoEvidence() throws {
    let project = try project()
    try edit(project)
    let executor = project.executor()
    executor.instead = { _ in .failure(Failure(.other, "broken by the edit")) }
    let report = try accept(project, nil, executor)
    #expect(report.accepted == [] && report.exitStatus == 1)
  }

  @Test func onlyChangesOfCodeCanBeAccepted() throws {
    let project = try project()
    try edit(project)
    try project.change("scaled[by=2]", ["by": 20])
    try project.add(
      "scaled[by=9]", "scale", ["by": 9], inputs: ["number": ["n"]], labels: [("by", "9")])
    let plan = try plan(project)
    #expect(plan.instances == [1, 3, 4])
    #expect(
      plan.refused.map(\.why) == [
        "by 2 → 20; source Toys/Toy.swift changed: only a change of code can be accepted",
        "there is no earlier result of it to take over",
      ])
    #expect(try accept(project, plan).accepted == [1, 3, 4])
  }

  @Test func whatWaitsForSomethingStaleCanNotBeAcceptedBeforeThat() throws {
    let project = try project()
    try edit(project)
    try project.change("n", ["value": 8])
    let plan = try plan(project)
    #expect(plan.instances == [])
    #expect(
      Set(plan.refused.map(\.why)) == ["it reads n, which isn't up to date: run or accept that first"])
  }

  @Test func whatIsUpToDateIsNothingToAccept() throws {
    let project = try project()
    let plan = try plan(project)
    #expect(plan.instances == [] && plan.refused.isEmpty && plan.upToDate == [1, 2, 3, 4])
  }

  /// Instances that were computed by several versions of the code are several changes.
  @Test func everyChangeHasAWitness() throws {
    let project = try project()
    try edit(project)
    // Two of them are computed by a second version, and then there is a third.
    try project.run(targets: [1, 2])
    try edit(project, CodeManifest(files: ["Toys/Toy.swift": .of("third".utf8)]))
    let executor = project.executor()
    let report = try accept(project, nil, executor, sample: 1)
    #expect(report.accepted == [1, 2, 3, 4])
    #expect(executor.ran.count == 2)
    let ran = Set(executor.ran)
    #expect(!ran.isDisjoint(with: ["scaled[by=1]", "scaled[by=2]"]))
    #expect(!ran.isDisjoint(with: ["scaled[by=3]", "scaled[by=4]"]))
  }

  @Test func acceptedAgainTheRecordTellsBoth() throws {
    let project = try project()
    let first = try project.plan().entries[1].key
    try edit(project)
    _ = try accept(project)
    let second = try project.plan().entries[1].key
    try edit(project, CodeManifest(files: ["Toys/Toy.swift": .of("third".utf8)]))
    _ = try accept(project)
    let third = try #require(try project.plan().entries[1].key)
    let record = try #require(try project.store.record(for: third))
    #expect(record.accepted.map(\.from) == [first, second])
    #expect(try project.plan().entries[1].acceptedFrom == second)
  }

  @Test func aRecordThatWasAcceptedTravels() throws {
    let project = try project()
    try edit(project)
    _ = try accept(project)
    let keys = try project.plan().entries.compactMap(\.key)
    let remote = try project.store.openRemote(project.remoteFolder.path, relativeTo: project.root)
    #expect(try project.store.push(keys, to: remote).problems == [])
    let colleague = try Project("colleague", beside: project)
    colleague.kinds = catalogue(Self.edited)
    try build(colleague)
    let report = try colleague.run(remote: remote)
    #expect(report.counts == [0, 6, 0, 0])
    let theirs = try colleague.plan().entries
    #expect(theirs[1].acceptedFrom != nil)
    let record = try #require(try colleague.store.record(for: theirs[1].key!))
    #expect(record == (try project.store.record(for: theirs[1].key!)))
    #expect(record.accepted.count == 1)
  }

  @Test func whatIsComputedAfterwardsIsNotCalledAccepted() throws {
    let project = try project()
    try edit(project)
    _ = try accept(project)
    let key = try #require(try project.plan().entries[1].key)
    let record = try #require(try project.store.record(for: key))
    // Published anew, because its bytes were lost, it is this code's own.
    let own = Record(
      action: record.action, artifacts: ["product": record.artifacts["product"]!], blobs: record.blobs,
      facts: record.facts)
    let other = Record(
      action: record.action, artifacts: ["product": Artifact(.blob, .of("x".utf8), size: 1)], blobs: [],
      facts: record.facts)
    _ = try project.store.publish(other, blobs: [], replacing: true)
    _ = try project.store.publish(own, blobs: [], replacing: true)
    #expect(try project.store.acceptedKeys()[key] == nil)
    #expect(try project.store.acceptedKeys().count == 3)
  }
}

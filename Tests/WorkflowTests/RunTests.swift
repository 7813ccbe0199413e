import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct RunTests {
  /// a = 1, b = 2, total = a + b, odd = parity of total.
  private func small() throws -> Project {
    let project = try Project()
    try project.add("a", "number", ["value": 1])
    try project.add("b", "number", ["value": 2])
    try project.add("total", "sum", inputs: ["add": ["a", "b"]])
    try project.add("odd", "parity", inputs: ["number": ["total"]])
    return project
  }

  @Test func aFirstRunExecutesEverythingAndASecondNothing() throws {
    let project = try small()
    let executor = project.executor()
    let first = try project.run(executor)
    #expect(first.counts == [4, 0, 0, 0])
    #expect(first.exitStatus == 0)
    #expect(executor.ran == ["a", "b", "total", "odd"])
    #expect(try project.text("odd", first) == "1")
    let again = project.executor()
    let second = try project.run(again)
    #expect(second.counts == [0, 4, 0, 0])
    #expect(again.ran == [])
    #expect(second.instances.map(\.artifacts) == first.instances.map(\.artifacts))
    #expect(second.instances.map(\.key) == first.instances.map(\.key))
  }

  @Test func aChangedParameterRerunsWhatFollowsAndNothingElse() throws {
    let project = try small()
    try project.run()
    try project.change("b", ["value": 3])
    let report = try project.run()
    #expect(report.names(.executed) == ["b", "total", "odd"])
    #expect(report["b"].reason?.description == "value 2 → 3")
    #expect(report["total"].reason?.description == "input add: content of number 'b' changed (value 2 → 3)")
  }

  @Test func theSameBytesStopTheRipple() throws {
    let project = try small()
    try project.add("last", "sum", inputs: ["add": ["odd"]])
    try project.run()
    try project.change("b", ["value": 4])
    let executor = project.executor()
    let report = try project.run(executor)
    #expect(executor.ran == ["b", "total", "odd"])
    #expect(report.names(.cached) == ["a", "last"])
  }

  @Test func aDefaultWrittenOutChangesNoKey() throws {
    let project = try small()
    try project.run()
    try project.change("total", ["scale": 1])
    #expect(try project.run().counts == [0, 4, 0, 0])
  }

  @Test func goingBackIsCached() throws {
    let project = try small()
    try project.run()
    try project.change("a", ["value": 7])
    try project.run()
    try project.change("a", ["value": 1])
    #expect(try project.run().counts == [0, 4, 0, 0])
  }

  @Test func anotherStageNameChangesNoKey() throws {
    let project = try small()
    try project.run()
    project.instances[0].name = "renamed"
    project.instances[0].stage = "renamed"
    #expect(try project.run().counts == [0, 4, 0, 0])
  }

  @Test func instancesWithOneKeyAreComputedOnceAndReportedForBoth() throws {
    let project = try Project()
    try project.add("a", "number", ["value": 5])
    try project.add("twin", "number", ["value": 5])
    let executor = project.executor()
    let report = try project.run(executor)
    #expect(executor.ran == ["a"])
    #expect(report.counts == [2, 0, 0, 0])
    #expect(report["twin"].sharedWith == "a")
    #expect(report["twin"].artifacts == report["a"].artifacts)
    #expect(
      FileManager.default.fileExists(atPath: project.graph.log(of: "twin", in: project.store.directory).path))
  }

  @Test func runsAtTheSameTimeHaveLogsOfTheirOwn() throws {
    // Both wrote to one file, and the records of both kept what the other had printed.
    let project = try Project()
    try project.add("a", "number", ["value": 1])
    let (first, second) = (project.executor(), project.executor())
    var other: InstanceReport?
    first.after = { _ in
      try project.change("a", ["value": 2])
      other = try project.run(second)["a"]
    }
    second.after = { _ in
      try "of the second".write(toFile: second.jobs[0].members[0].log, atomically: false, encoding: .utf8)
    }
    let one = try project.run(first)["a"]
    #expect(try project.store.log(of: #require(one.key)) == Array("log of a".utf8))
    #expect(try project.store.log(of: #require(other?.key)) == Array("of the second".utf8))
    // Alone again, a run has the usual place.
    let third = project.executor()
    try project.change("a", ["value": 3])
    try project.run(third)
    #expect(
      third.jobs[0].members[0].log == project.graph.log(of: "a", in: project.store.directory).path)
  }

  @Test func noMoreJobsThanAllowedAreSubmitted() throws {
    for jobs in [1, 3] {
      let project = try Project()
      for i in 0..<8 { try project.add("n\(i)", "number", ["value": .integer(i)]) }
      let executor = project.executor()
      try project.run(executor, jobs: jobs)
      #expect(executor.most == jobs)
    }
  }

  @Test func jobsShareTheCoresThatThereAre() throws {
    let project = try Project()
    for i in 0..<6 {
      try project.add(
        "n\(i)", "number", ["value": .integer(i)],
        resources: Resources(cpus: i % 2 == 0 ? 3 : 1, memory: 1 << 30))
    }
    let executor = project.executor()
    executor.capacity = Resources(cpus: 4, memory: 2 << 30)
    #expect(try project.run(executor, jobs: 8).executed == 6)
    #expect(executor.mostCPUs == 4)
    #expect(executor.most == 2)
  }

  @Test func aJobThatCanNeverFitFailsWithAMessage() throws {
    let project = try Project()
    try project.add("big", "number", resources: Resources(cpus: 1, gpus: 2))
    try project.add("wide", "number", ["value": 2], resources: Resources(cpus: 64))
    try project.add("fat", "number", ["value": 3], resources: Resources(cpus: 1, memory: 24 << 30))
    let report = try project.run(keepGoing: true)
    #expect(report["big"].message == "toy.yaml:1:3: stage 'big' needs 2 gpus, but there are 0")
    #expect(report["wide"].message == "toy.yaml:2:3: stage 'wide' needs 64 cpus, but there are 8")
    #expect(report["fat"].message == "toy.yaml:3:3: stage 'fat' needs 24G of memory, but there are 8G")
    #expect(report.counts == [0, 0, 3, 0])
  }

  @Test func afterAFailureNothingNewStarts() throws {
    let project = try Project()
    try project.add("bad", "broken")
    try project.add("after", "parity", inputs: ["number": ["bad"]])
    try project.add("later", "number", ["value": 9])
    let report = try project.run(jobs: 1)
    #expect(report.counts == [0, 0, 1, 2])
    #expect(report["bad"].message == "broken: as always")
    #expect(report["after"].message == "'bad' failed")
    #expect(report["later"].message == "not started after a failure")
    #expect(report.exitStatus == 1)
  }

  @Test func whatRunsWhenSomethingFailsIsKept() throws {
    let project = try Project()
    try project.add("bad", "broken")
    try project.add("later", "number", ["value": 9])
    let report = try project.run(jobs: 2)
    #expect(report.counts == [1, 0, 1, 0])
    #expect(try project.run().counts == [0, 1, 1, 0])
  }

  @Test func keepGoingRunsWhatDoesNotDependOnAFailure() throws {
    let project = try Project()
    try project.add("bad", "broken")
    try project.add("after", "parity", inputs: ["number": ["bad"]])
    try project.add("long", "parity", inputs: ["number": ["after"]])
    try project.add("a", "number", ["value": 9])
    try project.add("odd", "parity", inputs: ["number": ["a"]])
    let report = try project.run(jobs: 1, keepGoing: true)
    #expect(report.names(.executed) == ["a", "odd"])
    #expect(report.names(.skipped) == ["after", "long"])
    #expect(report["long"].message == "'bad' failed")
    #expect(report.exitStatus == 1)
  }

  @Test func aFailedTwinFailsForBoth() throws {
    let project = try Project()
    try project.add("bad", "broken")
    try project.add("alike", "broken")
    let executor = project.executor()
    #expect(try project.run(executor, keepGoing: true).counts == [0, 0, 2, 0])
    #expect(executor.ran == ["bad"])
  }

  @Test func anInterruptedRunKeepsWhatHadFinishedAndEndsTheExecutor() throws {
    let project = try small()
    let executor = project.executor()
    let report = try project.run(
      executor, jobs: 1, interrupt: { if case .finished = $0 { true } else { false } })
    #expect(report.interrupted)
    #expect(report.counts == [1, 0, 0, 3])
    #expect(report.exitStatus == 130)
    #expect(report["total"].message == "interrupted")
    #expect(try project.run().counts == [3, 1, 0, 0])
  }

  @Test func anInterruptionEndsWhatRuns() throws {
    let project = try small()
    let executor = project.executor()
    let report = try project.run(
      executor,
      observe: { event in
        // Once a job has been handed over.
        if case .planned = event { executor.world.later { executor.world.post(.interruption) } }
      })
    #expect(executor.jobs.count > 0)
    #expect(executor.wasShutDown)
    #expect(report.executed == 0)
    #expect(try project.run().counts == [4, 0, 0, 0])
  }

  /// H16.
  @Test func whatWasMadeOfResultsOfSeveralPlatformsIsSaid() throws {
    let project = try Project()
    for n in 0..<3 { try project.add("n\(n)", "number", ["value": .integer(n)]) }
    try project.add("some", "sum", inputs: ["add": ["n0", "n1"]])
    try project.add("all", "sum", inputs: ["add": ["n0", "n1", "n2"]])
    try project.add("odd", "parity", inputs: ["number": ["all"]])
    let (old, new) = (Platform(instructionSet: "avx2"), Platform(instructionSet: "avx512"))
    func run(_ platform: Platform, _ targets: [Int]?) throws -> RunReport {
      let executor = project.executor()
      executor.facts = ["instructionSet": .string(platform.instructionSet), "versions": [:]]
      return try project.run(executor, targets: targets, platform: platform)
    }
    #expect(try run(old, [3]).ofSeveralPlatforms == [])
    let mixed = try run(new, nil)
    #expect(mixed.fromOtherPlatforms == 3)
    #expect(mixed.ofSeveralPlatforms == [4])
    #expect(mixed.json["ofSeveralPlatforms"] == ["all"])
    // It stays so, wherever one looks from.
    #expect(try run(new, nil).ofSeveralPlatforms == [4])
    #expect(try run(old, nil).ofSeveralPlatforms == [4])
  }

  @Test func onlyTargetsAndWhatTheyNeedAreInScope() throws {
    let project = try small()
    let report = try project.run(targets: [2])
    #expect(report.instances.map(\.name) == ["a", "b", "total"])
    #expect(try project.run().counts == [1, 3, 0, 0])
  }

  @Test func eventsTellTheStory() throws {
    let project = try small()
    try project.run()
    try project.change("b", ["value": 3])
    var story: [String] = []
    try project.run(observe: { event in
      switch event {
      case .planned(let total, let cached): story.append("planned \(total), cached \(cached)")
      case .toDo(let instances): story.append("to do \(instances)")
      case .started(let i, let reason): story.append("started \(i): \(reason)")
      case .progress(let i, let progress):
        story.append("progress \(i): \(progress.fraction) \(progress.detail)")
      case .finished(let report): story.append("finished \(report.name): \(report.state)")
      case .warning(let message): story.append(message)
      case .uploading(let count): story.append("uploading \(count)")
      case .elsewhere, .retrying: story.append("\(event)")
      }
    })
    #expect(
      story == [
        "planned 4, cached 1", "to do [1, 2, 3]", "started 1: value 2 → 3",
        #"progress 1: 0.5 [(name: "value", value: "3")]"#,
        "finished b: executed", "started 2: input add: content of number 'b' changed (value 2 → 3)",
        "finished total: executed",
        "started 3: input number: content changed (number 'total': value 2 → 3)", "finished odd: executed",
      ])
  }

  @Test func recordsHoldActionFactsAndCode() throws {
    let project = try small()
    let report = try project.run()
    let record = try #require(try project.store.record(for: report["a"].key!))
    #expect(record.action["kind"] == "number")
    #expect(record.action["parameters"] == ["value": 1, "padding": 0])
    #expect(record.facts["host"] == "test")
    #expect(record.facts["seconds"] == 0.25)
    #expect(record.facts["time"]?.stringValue?.hasSuffix("Z") == true)
    let code = try project.store.read(Digest(hex: record.action["code"]!.stringValue!)!)
    #expect(CodeManifest(parsing: code) == plainCode)
  }

  @Test func theReportIsOneJSONObject() throws {
    let project = try Project()
    try project.add("a", "number")
    let report = try project.run()
    let json = try JSON(parsing: report.json.canonical)
    #expect(json["executed"] == 1)
    #expect(json["instances"]?.arrayValue?[0] == report["a"].json)
    #expect(report["a"].json["reason"] == "never run")
    #expect(report["a"].json["artifacts"]?["number"]?["blob"] == .string(Digest.of("1".utf8).hex))
  }

  @Test func inputsThatChangePlacesChangeTheKey() throws {
    let project = try Project()
    try project.add("a", "number", ["value": 1])
    try project.add("b", "number", ["value": 2])
    try project.add("d", "sum", inputs: ["add": ["a"], "subtract": ["b"]])
    let before = try project.run()
    project.instances[2].inputs[0].sources = [Source(instance: 1, output: "number")]
    project.instances[2].inputs[1].sources = [Source(instance: 0, output: "number")]
    let after = try project.run()
    #expect(after.names(.executed) == ["d"])
    #expect(try project.text("d", before) == "-1")
    #expect(try project.text("d", after) == "1")
  }

  @Test func labelsAreInTheKeyOnlyWhereTheInputIsLabelled() throws {
    let project = try Project()
    try project.add("n[seed=1]", "number", labels: [("seed", "1")])
    try project.add("s", "sum", inputs: ["add": ["n[seed=1]"]])
    try project.add("l", "names", inputs: ["rows": ["n[seed=1]"]])
    let report = try project.run()
    #expect(try project.text("l", report) == "n seed=1")
    project.instances[0].labels = [Label(axis: "seed", value: "2")]
    let other = try project.run()
    #expect(other.names(.executed) == ["l"])
    #expect(other["l"].reason?.description == "input rows: names changed, n[seed=1] → n[seed=2]")
  }

  @Test func declaredVariablesAreSeenAndInTheKeyOthersAreNot() throws {
    let project = try Project()
    try project.add("g", "greet", environment: ["TOY_NAME"])
    project.environment["TOY_NAME"] = "Ada"
    let report = try project.run()
    #expect(try project.text("g", report) == "Hello, Ada")
    project.environment["OTHER"] = "x"
    #expect(try project.run().cached == 1)
    project.environment["TOY_NAME"] = "Grace"
    let changed = try project.run()
    #expect(changed["g"].reason?.description == "environment TOY_NAME Ada → Grace")
    project.environment["TOY_NAME"] = nil
    let unset = try project.run()
    #expect(unset["g"].reason?.description == "environment TOY_NAME Grace → not set")
    #expect(try project.text("g", unset) == "Hello, nobody")
  }

  @Test func manifestsBringWhatTheyLinkTo() throws {
    let project = try Project()
    try project.add("a", "number", ["value": 42])
    try project.add("p", "pack", inputs: ["number": ["a"]])
    try project.add("u", "unpack", inputs: ["pack": ["p"]])
    let executor = project.executor()
    let report = try project.run(executor)
    #expect(try project.text("u", report) == "42")
    #expect(executor.jobs.last!.files.count == 3)
  }

  @Test func aRecordWithoutADeclaredOutputIsNoHitAndGivesWay() throws {
    let project = try Project()
    try project.add("a", "number")
    let first = try project.run()
    // A record that a faulty program published.
    let record = try #require(try project.store.record(for: first["a"].key!))
    let empty = Record(action: record.action, artifacts: [:], blobs: [], facts: record.facts)
    _ = try project.store.publish(empty, blobs: [], replacing: true)
    try project.add("odd", "parity", inputs: ["number": ["a"]])
    #expect(try project.plan().reason("a") == "its record has no output 'number'")
    #expect(try project.run().counts == [2, 0, 0, 0])
    #expect(try project.run().counts == [0, 2, 0, 0])
  }

  @Test func aJobWithoutADeclaredOutputFails() throws {
    let project = try Project()
    try project.add("a", "number")
    let executor = project.executor()
    executor.instead = { _ in .success(artifacts: [:], blobs: [], facts: [:]) }
    #expect(try project.run(executor)["a"].message == "it ended well but gave no output 'number'")
  }

  @Test func aStoreThatTakesNothingEndsTheRunWithItsOwnStatus() throws {
    let project = try small()
    let executor = project.executor()
    executor.instead = { _ in .failure(Failure(.store, "no room")) }
    let report = try project.run(executor, jobs: 1, keepGoing: true)
    #expect(report.counts == [0, 0, 1, 3])
    #expect(report["a"].message == "its result could not be published: no room")
    #expect(report.storeProblems == ["a: no room"])
    #expect(report.exitStatus == 3)
    #expect(executor.ran == ["a"])
  }

  @Test func aBlobThatAWorkerDidNotLeaveIsAStoreFailure() throws {
    let project = try Project()
    try project.add("a", "number", ["padding": 20_000])
    let executor = project.executor()
    executor.after = { _ in
      let blobs = project.root.appendingPathComponent("cache/blobs")
      try FileManager.default.removeItem(at: blobs)
    }
    let report = try project.run(executor)
    #expect(report["a"].message?.hasPrefix("its result could not be published: blob ") == true)
    #expect(report.exitStatus == 3)
    #expect(try project.run().executed == 1)
  }
}

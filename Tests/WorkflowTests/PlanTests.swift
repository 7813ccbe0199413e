import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct PlanTests {
  private func small() throws -> Project {
    let project = try Project()
    try project.add("a", "number", ["value": 1])
    try project.add("b", "number", ["value": 2])
    try project.add("total", "sum", inputs: ["add": ["a", "b"]])
    try project.add("odd", "parity", inputs: ["number": ["total"]])
    return project
  }

  @Test func whatHasNeverRunIsMissingAndWhatFollowsIsPending() throws {
    let project = try small()
    let plan = try project.plan()
    #expect(plan["a"] == .missing)
    #expect(plan["total"] == .pending(on: "a"))
    #expect(plan["odd"] == .pending(on: "a"))
    #expect(plan.entries[0].key != nil)
    #expect(plan.entries[2].key == nil)
  }

  @Test func planningRunsAndRemembersNothing() throws {
    let project = try small()
    _ = try project.plan()
    #expect(try project.plan()["a"] == .missing)
    try project.run()
    #expect(try project.plan().entries.allSatisfy { $0.state == .upToDate })
    #expect(try project.plan(targets: [1]).entries.map(\.name) == ["b"])
  }

  @Test func staleSaysWhyAndPendingSaysOnWhat() throws {
    let project = try small()
    try project.run()
    try project.change("b", ["value": 5])
    let plan = try project.plan()
    #expect(plan["a"] == .upToDate)
    #expect(plan.reason("b") == "value 2 → 5")
    #expect(plan["total"] == .pending(on: "b"))
    #expect(plan["odd"] == .pending(on: "b"))
  }

  @Test func aNewMemberOfAListIsNamed() throws {
    let project = try small()
    try project.run()
    try project.add("c", "number", ["value": 9])
    try project.run(targets: [4])
    project.instances[2].inputs[0].sources.append(Source(instance: 4, output: "number"))
    #expect(try project.plan().reason("total") == "input add: added number 'c'")
    project.instances[2].inputs[0].sources.removeFirst(2)
    #expect(try project.plan().reason("total") == "input add: added number 'c'; input add: removed a, b")
    project.instances[2].inputs[0].sources = [1, 0].map { Source(instance: $0, output: "number") }
    #expect(try project.plan().reason("total") == "input add: order changed")
  }

  /// F8.
  @Test func whatFailedOrWasInterruptedIsNotCalledNeverRun() throws {
    let project = try Project()
    try project.add("a", "number", ["value": 1])
    try project.add("bad", "broken")
    try project.run(keepGoing: true)
    var plan = try project.plan()
    #expect(plan["a"] == .upToDate)
    guard case .failed(let message) = plan["bad"] else {
      Issue.record("\(plan["bad"])")
      return
    }
    #expect(!message.isEmpty)
    try project.add("b", "number", ["value": 2])
    try project.add("c", "number", ["value": 3])
    // One at a time, so that the third isn't begun; and once the second's job has been handed over.
    let executor = project.executor()
    try project.run(
      executor, targets: [2, 3], jobs: 1,
      observe: { event in
        if case .planned = event { executor.world.later { executor.world.post(.interruption) } }
      })
    plan = try project.plan()
    #expect(plan["b"] == .interrupted)
    #expect(plan["c"] == .missing)
    #expect(plan.lastRun?.state == .ended(try #require(outcome(of: plan))))
    try project.change("b", ["value": 4])
    #expect(try project.plan()["b"] == .interrupted)
    try project.run(targets: [2, 3])
    #expect(try project.plan()["b"] == .upToDate)
  }

  private func outcome(of plan: Plan) -> RunOutcome? {
    guard case .ended(let outcome)? = plan.lastRun?.state, outcome.exitStatus == 130 else { return nil }
    return outcome
  }

  /// F8.
  @Test func aFailureWithAnotherActionSaysSo() throws {
    let project = try Project()
    try project.add("flaky", "broken")
    try project.run()
    project.settings.salt = "other"
    #expect(try project.plan()["flaky"] == .stale(.changedSinceFailure))
  }

  /// F8.
  @Test func anotherNameIsNoReasonToHaveNeverRun() throws {
    let project = try Project()
    try project.add("old[seed=0]", "number", ["value": 1], labels: [("seed", "0")])
    try project.add("old[seed=1]", "number", ["value": 2], labels: [("seed", "1")])
    try project.add("kept[seed=0]", "number", ["value": 7], labels: [("seed", "0")])
    try project.run()
    project.instances.removeAll()
    try project.add("new[seed=0]", "number", ["value": 1], labels: [("seed", "0")])
    try project.add("new[seed=1]", "number", ["value": 3], labels: [("seed", "1")])
    // Another seed of the same stage isn't a renamed one.
    try project.add("kept[seed=1]", "number", ["value": 8], labels: [("seed", "1")])
    try project.add("total", "sum", inputs: ["add": ["new[seed=0]"]])
    let plan = try project.plan()
    #expect(plan["new[seed=0]"] == .upToDate)
    #expect(plan.entries[0].formerName == "old[seed=0]")
    #expect(plan.reason("new[seed=1]") == "old[seed=1] before; value 2 → 3")
    #expect(plan["kept[seed=1]"] == .missing)
    #expect(plan["total"] == .missing)
    try project.run()
    #expect(try project.plan().entries.allSatisfy { $0.state == .upToDate && $0.formerName == nil })
  }

  @Test func editedSourcesAreNamed() throws {
    let project = try small()
    try project.run()
    let kind = KindDescription(
      Sum.self,
      code: CodeManifest(files: ["Toys/Toy.swift": .of("edited".utf8), "Toys/New.swift": .of("".utf8)]))
    project.instances[2].kind = kind
    #expect(
      try project.plan().reason("total") == "source Toys/New.swift added; source Toys/Toy.swift changed")
    try project.run(ToyExecutor(project, kind))
    #expect(try project.plan().entries.allSatisfy { $0.state == .upToDate })
  }

  private func ToyExecutor(_ project: Project, _ kind: KindDescription) -> InProcessExecutor {
    project.executor()
  }

  @Test func theNearestEarlierRecordIsTheLastOneOfThisFile() throws {
    let project = try small()
    try project.run()
    try project.change("a", ["value": 10])
    try project.run()
    try project.change("a", ["value": 11])
    #expect(try project.plan().reason("a") == "value 10 → 11")
  }
}

/// The comparison of two actions, as texts.
@Suite struct DifferenceTests {
  private func changes(_ old: JSON, _ new: JSON, origins: [String: [String]] = [:]) -> [String] {
    ActionDifference(origins: origins, code: { _ in nil }).changes(from: old, to: new).map(\.description)
  }

  private func parameters(_ old: JSON, _ new: JSON) -> [String] {
    changes(["parameters": old], ["parameters": new])
  }

  @Test func valuesAreSpelledAsInAPipelineFile() {
    #expect(parameters(["rate": 0.1], ["rate": 0.05]) == ["rate 0.1 → 0.05"])
    #expect(parameters(["rate": .number(1)], ["rate": .number(2.5)]) == ["rate 1 → 2.5"])
    #expect(parameters(["name": "resnet20"], ["name": "small"]) == ["name resnet20 → small"])
    #expect(parameters(["name": ""], ["name": " x"]) == [#"name "" → " x""#])
    #expect(parameters(["flip": true], ["flip": false]) == ["flip true → false"])
    #expect(parameters(["at": [1, 2]], ["at": [1, 3]]) == ["at [1, 2] → [1, 3]"])
  }

  @Test func mapsAreComparedMemberByMember() {
    #expect(
      parameters(["adversary": ["epsilon": 0.5, "steps": 7]], ["adversary": ["epsilon": 0.25, "steps": 7]])
        == ["adversary.epsilon 0.5 → 0.25"])
    #expect(
      parameters(["adversary": .null], ["adversary": ["epsilon": 0.25, "steps": 7]])
        == ["adversary none → { epsilon: 0.25, steps: 7 }"])
  }

  @Test func longTextsAreCutAroundTheDifference() {
    let command = "python scripts/probe.py --input ${1} --with-many --long-options and-words --seed "
    #expect(
      parameters(["run": .string(command + "1")], ["run": .string(command + "2")])
        == ["run …ords --seed 1 → …ords --seed 2"])
  }

  @Test func kindVersionCodeAndEnvironmentAreTold() {
    #expect(changes(["kind": "train"], ["kind": "stitch"]) == ["kind train → stitch"])
    #expect(changes(["version": 1], ["version": 2]) == ["format version 1 → 2"])
    #expect(changes(["code": "aa"], ["code": "bb"]) == ["code changed"])
    #expect(
      changes(["environment": ["A": "1", "C": .null]], ["environment": ["A": "2", "B": .null]])
        == [
          "environment A 1 → 2", "environment B is declared now, and not set",
          "environment C is declared no more",
        ])
  }

  @Test func inputsAreNamedByWhatTheyComeFrom() {
    #expect(
      changes(
        ["inputs": ["data": ["blob": "a"], "old": ["blob": "x"]]],
        ["inputs": ["data": ["blob": "b"], "new": ["blob": "y"]]],
        origins: ["data": ["dataset 'images'"]])
        == ["input data: content changed (dataset 'images')", "input new: added", "input old: removed"])
  }

  @Test func labelledMembersAreComparedByLabel() {
    func row(_ seed: Int, _ blob: String) -> JSON {
      ["artifact": ["blob": .string(blob)], "labels": [["seed", .string("\(seed)")]], "stage": "model"]
    }
    #expect(
      changes(
        ["inputs": ["rows": [row(0, "a"), row(1, "b"), row(2, "c")]]],
        ["inputs": ["rows": [row(0, "a"), row(1, "B"), row(3, "d")]]])
        == [
          "input rows: added model[seed=3]", "input rows: removed model[seed=2]",
          "input rows: content of model[seed=1] changed",
        ])
    #expect(
      changes(["inputs": ["rows": []]], ["inputs": ["rows": .array((0..<9).map { row($0, "a") })]])
        == ["input rows: added model[seed=0], model[seed=1], model[seed=2] and 6 more"])
  }
}

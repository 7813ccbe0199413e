import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct EarlierCostsTests {
  private func costs(_ project: Project) -> EarlierCosts { EarlierCosts(project.graph, store: project.store) }

  @Test func aStagesOwnRunsComeFirstThenThoseOfItsKind() throws {
    let project = try Project()
    for n in 0..<3 { try project.add("one[i=\(n)]", "number", ["value": .integer(n), "padding": 20_000]) }
    try project.run()
    try project.add("two", "number", ["value": 8])
    try project.add("total", "sum", inputs: ["add": ["two"]])
    let costs = costs(project)
    let own = try #require(costs["one"])
    #expect(own.basis == .stage && own.seconds == [0.25, 0.25, 0.25] && own.medianSeconds == 0.25)
    // What is stored of it counts, not what it holds.
    #expect(own.medianBytes > 0 && own.medianBytes < 2000)
    #expect(costs["two"]?.basis == .kind && costs["two"]?.seconds.count == 3)
    #expect(costs["total"] == nil)
    try project.run()
    #expect(self.costs(project)["two"]?.basis == .stage)
    #expect(self.costs(project)["two"]?.seconds.count == 1)
  }

  @Test func onlyTheStagesAskedForAreLookedAt() throws {
    let project = try Project()
    try project.add("one", "number", ["value": 1])
    try project.add("two", "number", ["value": 2])
    try project.run()
    let costs = EarlierCosts(project.graph, stages: ["two"], store: project.store)
    #expect(costs["one"] == nil && costs["two"]?.seconds == [0.25])
  }

  @Test func aLargeStageIsSampled() throws {
    let project = try Project()
    for n in 0..<100 { try project.add("one[i=\(n)]", "number", ["value": .integer(n)]) }
    try project.run()
    #expect(costs(project)["one"]?.seconds.count == 25)
  }
}

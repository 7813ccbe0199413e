import Canonical
import Foundation
import PipelineFile
import Testing
import Workflow

@Test(
  arguments: [
    ("", false), ("executor: null", false), ("executor: local", true),
    ("executor: \"${params.where}\"", true),
  ])
func aStageMayStayOnThisMachineWhichIsInNoKey(_ text: String, _ isHere: Bool) throws {
  let project = try TemporaryProject()
  let stage = "  s: { uses: dataset/cifar10, with: { path: d }, \(text) }\n"
  let pipeline = try project.load("version: 1\nparams: { where: local }\nstages:\n" + stage)
  #expect(pipeline.graph.instances[0].resources.isHere == isHere)
  #expect(pipeline.graph.instances[0].parameters["executor"] == nil)
}

@Test func aStageCannotSayWhereElseItRuns() throws {
  let project = try TemporaryProject()
  let error = #expect(throws: PipelineFileError.self) {
    try project.load(
      "version: 1\nstages:\n  s: { uses: dataset/cifar10, with: { path: d }, executor: slurm }\n")
  }
  #expect(
    error?.description.contains(
      "executor: expected local, which keeps the stage on this machine, found 'slurm'")
      == true)
}

@Test(
  arguments: [
    ("", nil), ("retry: null", nil), ("retry: 0", Retry(times: 0)), ("retry: 2", Retry(times: 2)),
    ("retry: { times: 2 }", Retry(times: 2)), ("retry: \"${params.n}\"", Retry(times: 3)),
    (
      "retry: { times: 2, on: [timeout, killed], wait: 1m30s }",
      Retry(times: 2, on: [.timeout, .killed], wait: 90)
    ), ("retry: { times: \"${params.n}\", on: [] }", Retry(times: 3, on: [])),
  ] as [(String, Retry?)])
func whatIsTriedAgainIsReadAndIsInNoKey(_ text: String, _ retry: Retry?) throws {
  let project = try TemporaryProject()
  let stage = "  s: { uses: dataset/cifar10, with: { path: d }, \(text) }\n"
  let pipeline = try project.load("version: 1\nparams: { n: 3 }\nstages:\n" + stage)
  #expect(pipeline.graph.instances[0].retry == retry)
  #expect(pipeline.graph.instances[0].parameters["retry"] == nil)
}

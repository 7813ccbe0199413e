import Canonical
import Foundation
import PipelineFile
import Testing
import Workflow

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

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct ActionTests {
  private let one = Artifact(.blob, .of("1".utf8), size: 1)
  private let two = Artifact(.manifest, .of("2".utf8), size: 20)

  private func action(_ project: Project, _ i: Int, inputs: [[Artifact]]) -> Action {
    Action(
      project.instances[i],
      Action.Circumstances(
        code: .of("code".utf8), inputs: { inputs[$0][$1] }, sources: { project.instances[$0] },
        environment: ["A": "\"quoted\"", "Z": "z"]))
  }

  @Test func theTextIsCanonicalAndSaysEverything() throws {
    let project = try Project()
    try project.add("n[seed=1]", "number", labels: [("seed", "1")])
    try project.add("m", "number")
    try project.add(
      "s", "sum", inputs: ["subtract": ["m"], "add": ["n[seed=1]", "m"]], environment: ["B", "A"])
    try project.add("l", "names", inputs: ["rows": ["n[seed=1]"]])
    let sum = action(project, 2, inputs: [[one, two], [one]])
    #expect(sum.text == sum.json.canonical)
    #expect(sum.key == .of(sum.text.utf8))
    #expect(
      sum.json == [
        "version": 2, "kind": "sum", "code": .string(Digest.of("code".utf8).hex), "parameters": ["scale": 1],
        "environment": ["A": "\"quoted\"", "B": .null],
        "inputs": ["add": [one.json, two.json], "subtract": one.json],
      ])
    let names = action(project, 3, inputs: [[one]])
    #expect(names.text == names.json.canonical)
    #expect(
      names.json["inputs"] == [
        "rows": [["artifact": one.json, "labels": [["seed", "1"]], "stage": "n"]]
      ])
    #expect(Action(json: names.json) == names)
  }

  @Test func aListOfOneIsNotASingleArtifact() throws {
    let project = try Project()
    try project.add("m", "number")
    try project.add("s", "sum", inputs: ["add": ["m"], "subtract": ["m"]])
    let json = action(project, 1, inputs: [[one], [one]]).json
    #expect(json["inputs"] == ["add": [one.json], "subtract": one.json])
  }
}

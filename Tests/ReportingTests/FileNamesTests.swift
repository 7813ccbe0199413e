import Canonical
import Reporting
import Testing
import Workflow

@Test func filesAreNamedForTheAxesThatVary() {
  let names = FileNames(exampleGraph(seeds: 1)).names([(1, "json"), (4, "")])
  #expect(names == ["front=standard,method=direct,twin=direct.json", "front=robust,method=fula,twin=fula"])
  #expect(FileNames(exampleGraph()).names([(0, "svg")]) == ["data.svg"])
}

@Test func fileNamesAreSafeShortAndNoTwoEqual() {
  func names(_ values: [[String]], axes: [String]) -> [String] {
    let instances = values.map { values in
      Instance(
        name: "a[\(values.joined(separator: ";"))]", stage: "a",
        labels: zip(axes, values).map { Label(axis: $0, value: $1) }, kind: source, parameters: [:],
        outputs: source.outputs)
    }
    let graph = Graph(instances: instances, project: "/project", file: "p.yaml")
    return FileNames(graph).names(instances.indices.map { ($0, "txt") })
  }
  #expect(names([["8/255"], ["ä\n"]], axes: ["epsilon"]) == ["epsilon=8_255.txt", "epsilon=__.txt"])
  #expect(
    names([["0", "1"], ["1", "0"]], axes: ["front.seed", "end.seed"])
      == ["front.seed=0,end.seed=1.txt", "front.seed=1,end.seed=0.txt"])
  let alike = names([["a/b"], ["a b"], ["A_B"]], axes: ["x"])
  #expect(alike[0] == "x=a_b.txt")
  #expect(alike[1].hasPrefix("x=a_b~") && alike[2].hasPrefix("x=A_B~"))
  let long = names((0..<3).map { [String(repeating: "long", count: 100) + "\($0)"] }, axes: ["x"])
  #expect(Set(long).count == 3 && long.allSatisfy { $0.utf8.count <= 255 })
}

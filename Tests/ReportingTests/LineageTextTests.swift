// Trees of instances: whole texts.

import Canonical
import ContentStore
import Foundation
import Reporting
import Testing
import Workflow

@Suite struct LineageTextTests {
  /// A table of 12 fits on two models of the same data, one of the models copied besides.
  private var graph: Graph {
    func instance(_ name: String, reads: [Int]) -> Instance {
      Instance(
        name: name, stage: String(name.prefix { $0 != "[" }), kind: source, parameters: [:],
        inputs: reads.isEmpty
          ? []
          : [
            InputBinding(
              name: "in", isList: true, labelled: false,
              sources: reads.map { .init(instance: $0, output: "data") })
          ], outputs: source.outputs)
    }
    var instances = [
      instance("data", reads: []), instance("model[seed=0]", reads: [0]),
      instance("model[seed=1]", reads: [0]),
      instance("copy", reads: [1]),
    ]
    for n in 0..<12 { instances.append(instance("fit[n=\(n)]", reads: n % 2 == 0 ? [1] : [2])) }
    instances.append(instance("table", reads: [3] + Array(4..<16)))
    return Graph(instances: instances, project: "/project", file: "p.yaml")
  }

  private func text(_ name: String, _ direction: Lineage.Direction, most: Int = 200) -> String {
    let graph = graph
    let file = ReadFile(
      input: "path", path: "data/a.bin", artifact: Artifact(.blob, Digest.of([1]), size: 5 << 20))
    return LineageText(
      Lineage(of: graph.index(of: name)!, direction, in: graph, most: most), graph: graph,
      state: { "#\($0)" },
      files: { $0 == 0 ? [file] : [] }
    ).text
  }

  @Test func rootsAreUnfoldedOnceAndManyOfAStageStandTogether() {
    #expect(
      text("table", .roots) == """
        table  #16
        ├─ copy  #3
        │  └─ model[seed=0]  #1
        │     └─ data  #0
        │        └─ data/a.bin  sha256 4bf5122f3445, 5.0 MiB
        └─ fit (12)  source
           ├─ model[seed=0]  (above)
           └─ model[seed=1]  #2
              └─ data  (above)

        """)
  }

  @Test func leavesAreWhatIsMadeFromIt() {
    #expect(
      text("model[seed=0]", .leaves) == """
        model[seed=0]  #1
        ├─ copy  #3
        │  └─ table  #16
        └─ fit (6 of 12, such as fit[n=0])  source
           └─ table  (above)

        """)
    #expect(text("table", .leaves) == "table  #16\n")
  }

  @Test func whatThereIsNoRoomForIsCounted() {
    #expect(
      text("table", .roots, most: 2) == """
        table  #16
        └─ copy  #3
        and 15 more instances; --json has all

        """)
  }

  @Test func ownersElsewhereAreNamedByFileAndOthersCounted() throws {
    let (a, b, c, d) = (Digest.of([1]), Digest.of([2]), Digest.of([3]), Digest.of([4]))
    func owner(_ project: String, _ file: String, _ name: String, _ isNewest: Bool = true) -> ResultOwner {
      ResultOwner(project: project, file: file, instance: name, isNewest: isNewest)
    }
    let consumers = Consumers(
      keys: [a, b, c, d],
      owners: [
        a: [owner("/p", "p.yaml", "table"), owner("/p", "q.yaml", "fit[n=1]")],
        b: [owner("/p", "q.yaml", "fit[n=2]"), owner("/other", "r.yaml", "all")],
        c: [owner("/p", "p.yaml", "table", false)],
      ])
    #expect(
      ElsewhereText(consumers, besides: ["table"], project: "/p", file: "p.yaml").text == """
        elsewhere, by records in the store
          /other/r.yaml: all
          p.yaml, earlier results: table
          q.yaml: fit (2, such as fit[n=1])
          1 result that no run here remembers

        """)
    #expect(
      ElsewhereText(
        Consumers(keys: [a], owners: [a: [owner("/p", "p.yaml", "table")]]), besides: ["table"],
        project: "/p",
        file: "p.yaml"
      ).text == "")
  }
}

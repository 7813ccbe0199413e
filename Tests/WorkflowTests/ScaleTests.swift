import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// What it costs to find that 100,000 instances are up to date. Times are printed, since machines differ; the limit
/// only catches another order of growth, beside whatever else runs meanwhile.
@Suite struct ScaleTests {
  @Test(.timeLimit(.minutes(10))) func aHundredThousandInstancesThatAreUpToDate() throws {
    let count = Int(ProcessInfo.processInfo.environment["BOBBIN_SCALE"] ?? "") ?? 4_000
    let project = try Project()
    let number = project.kinds["number"]!
    let sum = project.kinds["sum"]!
    // Half numbers, half sums of two numbers and of the sum before: wide, and chains of ten.
    for i in 0..<count / 2 {
      project.instances.append(
        Instance(
          name: "n[i=\(i)]", stage: "n", labels: [Label(axis: "i", value: "\(i)")], kind: number,
          parameters: ["value": .integer(i % 1000), "padding": .integer(i / 1000)], outputs: number.outputs))
    }
    for i in 0..<count / 2 {
      var sources = [
        Source(instance: i, output: "number"), Source(instance: (i * 7 + 1) % (count / 2), output: "number"),
      ]
      if i % 10 > 0 { sources.append(Source(instance: count / 2 + i - 1, output: "sum")) }
      project.instances.append(
        Instance(
          name: "s[i=\(i)]", stage: "s", labels: [Label(axis: "i", value: "\(i)")], kind: sum,
          parameters: ["scale": .integer(i)],
          inputs: [InputBinding(name: "add", isList: true, labelled: false, sources: sources)],
          outputs: sum.outputs))
    }
    let clock = ContinuousClock()
    var graph: Graph?
    let linking = clock.measure { graph = project.graph }
    // Records without work: every action's outputs are made up from its key.
    var artifacts = [[String: Artifact]?](repeating: nil, count: count)
    let filling = try clock.measure {
      let code = try BlobWriter(store: project.store.directory).write(bytes: plainCode.text.utf8)
      var records: [Record] = []
      for i in graph!.order {
        let instance = project.instances[i]
        let action = Action(
          instance,
          Action.Circumstances(
            code: plainCode.digest,
            inputs: { b, n in
              let source = instance.inputs[b].sources[n]
              return artifacts[source.instance]![source.output]!
            }, sources: { project.instances[$0] }))
        let artifact = Artifact(.blob, .of(action.key.bytes), size: 32)
        artifacts[i] = [instance.outputs[0].name: artifact]
        records.append(
          Record(action: action.json, artifacts: artifacts[i]!, blobs: [code.form], facts: ["host": "test"]))
      }
      for record in records { _ = try project.store.publish(record, blobs: [code]) }
    }
    var report: RunReport?
    let first = try clock.measure { report = try project.run() }
    #expect(report?.counts == [0, count, 0, 0])
    let cpuBefore = clock_t(Foundation.clock())
    let again = try clock.measure { report = try project.run() }
    let cpu = Double(Foundation.clock() - cpuBefore) / Double(CLOCKS_PER_SEC)
    let planning = try clock.measure { _ = try project.plan() }
    print("\(count) instances: linking \(linking), publishing \(filling), first check \(first)")
    print("\(count) instances: checking again \(again) (\(cpu) s of processor), planning \(planning)")
  }
}

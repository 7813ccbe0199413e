import Canonical
import ContentStore
import Foundation
import PipelineFile
import Testing
import Workflow

@Test func designExampleExpandsAsDesigned() throws {
  let project = try TemporaryProject()
  let pipeline = try project.load(example)
  let graph = pipeline.graph
  #expect(pipeline.file == "pipelines/p.yaml")
  #expect(pipeline.root.path == project.root.path)
  #expect(graph.project == project.root.path)
  #expect(graph.instances.count == 1 + 4 + 2 * 4 * 3 + 1 + 1)
  #expect(
    graph.instances[0...5].map(\.name) == [
      "images", "model[regime=standard,seed=0]", "model[regime=standard,seed=1]",
      "model[regime=adversarial,seed=0]", "model[regime=adversarial,seed=1]",
      "stitched[front=model[regime=standard,seed=1],end=model[regime=standard,seed=0],cut=stem,method=direct]",
    ])
  let images = graph.instances[0]
  #expect(images.parameters.canonical == #"{"train":10000}"#)
  #expect(images.externals.map(\.url.path) == [project.root.path + "/data/cifar-10-batches-bin"])
  #expect(images.externals[0].patterns == ["*.bin"])

  let standard = graph.instances[2]
  #expect(
    standard.parameters.canonical
      == #"{"adversary":null,"architecture":"resnet20","epochs":20,"note":"","rate":0.1,"seed":1}"#)
  #expect(graph.instances[4].parameters["adversary"]?["epsilon"]?.doubleValue == 8.0 / 255)
  #expect(standard.labels == [Label(axis: "regime", value: "standard"), Label(axis: "seed", value: "1")])
  #expect(standard.inputs.map(\.name) == ["data"])
  #expect(standard.inputs[0].sources == [Source(instance: 0, output: "data")])

  let stitch = graph.instances[5]
  #expect(
    stitch.labels.map { "\($0.axis)=\($0.value)" } == [
      "front.regime=standard", "front.seed=1", "end.regime=standard", "end.seed=0", "cut=stem",
      "method=direct",
    ])
  #expect(stitch.inputs.map(\.name) == ["front", "end", "data"])
  #expect(stitch.inputs[0].sources == [Source(instance: 2, output: "model")])
  #expect(stitch.inputs[1].sources == [Source(instance: 1, output: "model")])

  let scores = graph.instances[29]
  #expect(scores.inputs[0].sources == (5..<29).map { Source(instance: $0, output: "scores") })
  #expect(scores.inputs[0].isList && scores.inputs[0].labelled)

  let probe = graph.instances[30]
  #expect(
    probe.parameters.canonical
      == #"{"arguments":[],"extensions":{},"inputs":{},"outputs":{"probe":"probe.json"},"#
      + #""resume":null,"run":"python scripts/probe.py ${in.1} --out ${out.probe}","shell":["/bin/sh","-e","-c"],"types":{},"#
      + #""workdir":"private"}"#
  )
  #expect(probe.inputs.map(\.name) == ["1"])
  #expect(probe.inputs[0].sources == [Source(instance: 29, output: "csv")])
  #expect(!probe.inputs[0].isList)
  #expect(probe.commandCode == CommandCode(patterns: ["scripts/**/*.py"], line: "python"))
  #expect(probe.environment == ["PYTHONHASHSEED", "HF_TOKEN"])
  #expect(probe.secrets == ["HF_TOKEN"])
  #expect(probe.outputs.map(\.name) == ["probe"] && probe.outputs.map(\.fileName) == ["probe.json"])
  #expect(probe.resources == Resources(cpus: 1, memory: 2 << 30, gpus: 0, time: 600))
  #expect(probe.place.line == 30 && probe.place.column == 3)
}

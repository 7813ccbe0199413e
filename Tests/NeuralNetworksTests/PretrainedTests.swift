import Formats
import Foundation
import NeuralNetworks
import Tensor
import Testing

/// Where networks that others trained may lie: beside the package.
private let data = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/data")
private let isThere = FileManager.default.fileExists(atPath: data.appending(path: "models").path)

struct PretrainedTests {
  @Test(
    .enabled(if: isThere, "needs the pretrained networks of ../shared/data, which aren't there"),
    arguments: ["a", "b"])
  func importedResNetsGiveTheirLogits(_ name: String) throws {
    let file = try SafetensorsFile(
      contentsOf: data.appending(path: "models/resnet20-cifar10-\(name).safetensors"))
    let model = try Model(
      architecture: Architecture(
        name: "resnet20", input: ImageShape(channels: 3, height: 32, width: 32), classes: 10),
      tensors: Dictionary(uniqueKeysWithValues: file.names.map { ($0, try file.tensor($0)) }),
      standardisation: Standardisation(mean: [0.4914, 0.4822, 0.4465], deviation: [0.2023, 0.1994, 0.2010]))
    let records = try Data(
      contentsOf: data.appending(path: "cifar-10-batches-bin/test_batch.bin"), options: .alwaysMapped)
    let plan = try Network(model).compile(batch: 64)
    for n in 0..<64 {
      for i in 0..<3072 { plan.input[n * 3072 + i] = Float(records[n * 3073 + 1 + i]) / 255 }
    }
    try plan.forward()
    let expected = try String(
      contentsOf: data.appending(path: "models/resnet20-cifar10-\(name).logits.csv"), encoding: .utf8
    )
    .split(whereSeparator: \.isNewline).flatMap { $0.split(separator: ",").map { Float($0)! } }
    #expect(expected.count == 640)
    let worst = zip(plan.logits, expected).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
    #expect(worst < 1e-3)
  }
}

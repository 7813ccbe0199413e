import Canonical
import ContentStore
import Formats
import Foundation
import NeuralNetworks
import Testing

@Suite struct ModelKindTests {
  @Test func importedStateDictsThatDontFitAreRefusedWithTheName() throws {
    let bench = try Bench()
    let network = try bench.network(on: bench.textures())
    let file = try SafetensorsFile(contentsOf: bench.url(network))
    let whole = Dictionary(uniqueKeysWithValues: try file.names.map { ($0, try file.array($0)) })
    func failure(_ arrays: [String: StoredArray], _ more: [String: JSON] = [:]) throws -> String {
      let path = bench.folder.appending(path: "\(UUID().uuidString).safetensors")
      try SafetensorsFile.write(arrays, to: path)
      let parameters: [String: JSON] = ["architecture": "small_cnn", "width": 4]
      return bench.failure(
        "model/import", .object(parameters.merging(more) { $1 }), externals: ["path": path]
      ).replacing(path.path, with: "FILE")
    }
    #expect(try failure(whole) == "none")
    var arrays = whole
    arrays["fc.bias"] = nil
    #expect(try failure(arrays) == "small_cnn: parameter 'fc.bias' [10] is missing")
    arrays["fc.bias"] = StoredArray(doubles: [1, 2])
    #expect(
      try failure(arrays) == "small_cnn: parameter 'fc.bias' has shape [2]; it should be [10]")
    arrays = whole
    arrays["head.bias"] = StoredArray(doubles: [1])
    #expect(
      try failure(arrays) == "small_cnn has no parameter 'head.bias'. Is it another architecture?")
    #expect(
      try failure(whole, ["mean": [0.5]]) == "mean: expected 3 numbers, one a channel, found 1")
    #expect(
      try failure(whole, ["classes": 100_000]) == "classes: expected a number from 2 to 65536, found 100000")
    #expect(
      try failure(whole, ["input": [3, 5000, 32]]) == "input: expected a number from 1 to 4096, found 5000")
    #expect(
      try failure(whole, ["architecture": "resnet9"])
        == "architecture: unknown architecture 'resnet9'. Did you mean 'resnet8'?")
    #expect(
      try failure(whole, ["architecture": "transformer"])
        == "architecture: unknown architecture 'transformer'. Known: \(ArchitectureFamily.knownNames)")
  }

  @Test func aFileThatIsNoModelIsRefused() throws {
    let bench = try Bench()
    let data = try bench.textures()
    let other = try bench.adopt(SafetensorsFile.encode(["a": StoredArray(doubles: [1])]))
    let message = bench.failure("evaluate", [:], ["model": other, "data": data])
    #expect(
      message.hasSuffix(
        "is not a model of Bobbin's: its metadata lack architecture, input, classes, mean or std. Import it "
          + "with model/import"))
    let text = try bench.adopt(Data("hello, world".utf8))
    #expect(
      bench.failure("activations", ["cut": "conv2"], ["model": text, "data": data]).hasSuffix(
        "it is truncated or not a safetensors file"))
    let lacking = try bench.member("train", of: data)
    #expect(
      bench.failure("evaluate", [:], ["model": lacking, "data": data])
        == "the stitched model lacks stitch.json; it has [\"description.json\", \"samples.safetensors\"]")
  }

  @Test func aTrainingThatCantBeIsRefusedWithTheReason() throws {
    let bench = try Bench()
    let data = try bench.textures()
    func failure(_ parameters: [String: JSON]) -> String {
      bench.failure(
        "train", .object(["architecture": "small_cnn", "width": 4].merging(parameters) { $1 }), ["data": data]
      )
    }
    #expect(failure(["batch": 21]) == "synthetic/train has 20 samples, fewer than one batch of 21")
    #expect(
      failure(["batch": 21, "samples": 15])
        == "the part of synthetic/train that is used has 15 samples, fewer than one batch of 21")
    #expect(
      failure(["batch": 10, "epochs": 1, "learning_rate": 1e30]).hasPrefix("training diverged at epoch 1"))
  }
}

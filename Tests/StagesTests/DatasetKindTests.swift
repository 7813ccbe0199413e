import Canonical
import ContentStore
import Formats
import Foundation
import Testing

@Suite struct DatasetKindTests {
  @Test func theTrainHalfOfADatasetDoesNotKnowOfTheTestHalf() throws {  // parts of a manifest
    let bench = try Bench()
    let (few, many) = (try bench.textures(test: 10), try bench.textures(test: 20))
    #expect(few != many)
    #expect(try bench.member("train", of: few) == bench.member("train", of: many))
    #expect(try bench.member("test", of: few) != bench.member("test", of: many))
    let marked = try [few, many].map { data in
      try bench.run("dataset/shortcut", ["seed": 3], ["data": data])["dataset"]!
    }
    #expect(try bench.member("train", of: marked[0]) == bench.member("train", of: marked[1]))
  }

  @Test func aShortcutNamesTheImagesOfItsBase() throws {
    let bench = try Bench()
    let data = try bench.textures()
    let marked = try bench.run("dataset/shortcut", ["seed": 3], ["data": data])["dataset"]!
    for half in ["train", "test"] {
      let samples = "\(half)/samples.safetensors"
      #expect(try bench.member(samples, of: marked) == bench.member(samples, of: data))
      let description = try bench.json(bench.member("\(half)/description.json", of: marked))
      #expect(description["shortcut"]?["seed"]?.stringValue == "3")
      #expect(description["dataset"]?.stringValue == "synthetic" && description["count"]?.intValue == 20)
    }
    #expect(
      try bench.failure(
        "dataset/shortcut", [:], ["data": bench.arrays("vectors", shape: [7], labels: nil)]
      )
      .hasPrefix("a shortcut needs images with labels; vectors/"))
  }

  @Test func floatImagesAreStandardisedAndConstantChannelsCantBe() throws {  // C8
    let bench = try Bench()
    func dataset(_ values: [Double]) throws -> Artifact {
      let source = bench.folder.appending(path: UUID().uuidString)
      try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
      try SafetensorsFile.write(
        [
          "samples": StoredArray(doubles: values, shape: [2, 1, 8, 8]),
          "labels": StoredArray(integers: [0, 1]),
        ], to: source.appending(path: "train.safetensors"))
      return try bench.run("dataset/arrays", ["title": "mine"], externals: ["path": source])["dataset"]!
    }
    let network = try bench.network(
      on: dataset((0..<128).map { Double($0 % 2) / 2 }), "small_cnn", seed: 0, ["batch": 2])
    let metadata = try SafetensorsFile(contentsOf: bench.url(network)).metadata
    #expect(metadata["mean"] == "0.25" && metadata["std"] == "0.25")
    let flat = try dataset([Double](repeating: 0.5, count: 128))
    #expect(
      bench.failure("train", ["architecture": "small_cnn", "batch": 2], ["data": flat])
        == "channel 0 of mine/train is the same in all pixels and can't be standardised; write standardise: false"
    )
    _ = try bench.network(on: flat, "small_cnn", seed: 0, ["batch": 2, "standardise": false])
  }
}

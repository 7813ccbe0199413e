// Images, labels, networks and activations that don't belong together: an error that says what each side is.

import Canonical
import ContentStore
import Formats
import Foundation
import Testing

@Suite struct BelongingTests {
  private func digits(_ bench: Bench) throws -> Artifact {
    try bench.arrays("digits", shape: [1, 28, 28], labels: (0..<12).map { $0 % 10 })
  }

  @Test func imagesOfAnotherSizeAreRefusedByEveryKind() throws {  // C1
    let bench = try Bench()
    let (colours, digits) = (try bench.textures(), try digits(bench))
    let (large, small) = (try bench.network(on: colours), try bench.network(on: digits))
    let direct: JSON = ["from": "conv2", "to": "conv2", "method": "direct", "split": "test"]
    let stitched = try bench.stitched(large, "conv2", large, "conv2", on: colours)

    #expect(
      bench.failure("evaluate", [:], ["model": large, "data": digits])
        == "the network wants 3×32×32 images, digits/test has 1×28×28")
    #expect(
      bench.failure("evaluate", [:], ["model": small, "data": colours])
        == "the network wants 1×28×28 images, synthetic/test has 3×32×32")
    #expect(
      bench.failure("evaluate", ["split": "train"], ["model": small, "reference": large, "data": digits])
        == "the reference wants 3×32×32 images, digits/train has 1×28×28")
    #expect(
      bench.failure("evaluate", [:], ["model": stitched, "data": digits])
        == "the network's front wants 3×32×32 images, digits/test has 1×28×28")
    #expect(
      bench.failure("evaluate", [:], ["model": large, "reference": stitched, "data": digits])
        == "the network wants 3×32×32 images, digits/test has 1×28×28")
    #expect(
      bench.failure("activations", ["cut": "conv2", "samples": 5], ["model": large, "data": digits])
        == "the network wants 3×32×32 images, digits/test has 1×28×28")
    #expect(
      bench.failure("stitch", direct, ["front": large, "end": large, "data": digits])
        == "the front wants 3×32×32 images, digits/test has 1×28×28")
    #expect(
      bench.failure("stitch", direct, ["front": small, "end": large, "data": digits])
        == "the end wants 3×32×32 images, digits/test has 1×28×28")
  }

  @Test func samplesThatAreNoImagesAreRefused() throws {  // C1
    let bench = try Bench()
    let vectors = try bench.arrays("vectors", shape: [7], labels: nil)
    let network = try bench.network(on: bench.textures())
    let message = "networks take images (channels × height × width), vectors/test has samples of shape [7]"
    #expect(
      bench.failure("activations", ["cut": "conv2", "samples": 5], ["model": network, "data": vectors])
        == message)
    #expect(bench.failure("evaluate", [:], ["model": network, "data": vectors]) == message)
    #expect(
      bench.failure("train", ["architecture": "small_cnn"], ["data": vectors])
        == message.replacing("test", with: "train"))
  }

  @Test func labelsBeyondTheNetworksClassesAreRefused() throws {  // C3
    let bench = try Bench()
    let many = try bench.arrays("many", labels: (0..<12).map { $0 * 9 })
    let ten = try bench.textures()
    let (network, wide) = (try bench.network(on: ten), try bench.freshNetwork(classes: 100))
    #expect(
      bench.failure("evaluate", [:], ["model": network, "data": many])
        == "the network tells 10 classes apart, many/test has labels of 100")
    #expect(
      bench.failure(
        "stitch", ["from": "conv2", "to": "conv2", "method": "task_loss", "batch": 4, "epochs": 1],
        ["front": wide, "end": network, "data": many])
        == "the end tells 10 classes apart, many/train has labels of 100")
    #expect(
      bench.failure("evaluate", [:], ["model": wide, "reference": network, "data": ten])
        == "the network tells 100 classes apart, the reference 10; their outputs can't be compared")
    // Where labels aren't read, they don't matter; fewer classes than outputs are fine.
    #expect(
      bench.failure("activations", ["cut": "conv2", "samples": 5], ["model": network, "data": many])
        == "none")
    #expect(bench.failure("evaluate", [:], ["model": wide, "data": ten]) == "none")
  }

  @Test func missingLabelsAreAnErrorWhereverTheyAreRead() throws {  // C7
    let bench = try Bench()
    let bare = try bench.arrays("bare", labels: nil)
    let network = try bench.network(on: bench.textures())
    func message(_ purpose: String, _ half: String) -> String {
      "\(purpose) needs labels, bare/\(half) has none; dataset/arrays takes them from an array 'labels' of a folder's file, from '\(half)_labels' of a single file, or from "
        + "\(half).labels.npy"
    }
    #expect(
      bench.failure("train", ["architecture": "small_cnn", "batch": 4], ["data": bare])
        == message("training", "train"))
    #expect(
      bench.failure("evaluate", [:], ["model": network, "data": bare]) == message("accuracy", "test"))
    let task: JSON = ["from": "conv2", "to": "conv2", "method": "task_loss", "batch": 4, "epochs": 1]
    #expect(
      bench.failure("stitch", task, ["front": network, "end": network, "data": bare])
        == message("the cross-entropy", "train"))
    let sum: JSON = [
      "from": "conv2", "to": "conv2", "method": "fula", "batch": 4, "epochs": 1,
      "objective": ["fula": 1, "task": 0.1],
    ]
    #expect(
      bench.failure("stitch", sum, ["front": network, "end": network, "data": bare])
        == message("the cross-entropy", "train"))
    // Closed forms and activations need none.
    #expect(
      bench.failure(
        "stitch", ["from": "conv2", "to": "conv2", "method": "direct"],
        ["front": network, "end": network, "data": bare]) == "none")
  }

  @Test func moreSamplesThanTheHalfHasAreRefusedByEveryKind() throws {  // C12
    let bench = try Bench()
    let data = try bench.textures()
    let network = try bench.network(on: data)
    func message(_ half: String) -> String {
      "synthetic/\(half) has 20 samples, fewer than the 21 asked for; write 20, or null for all"
    }
    #expect(
      bench.failure("train", ["architecture": "small_cnn", "samples": 21], ["data": data])
        == message("train"))
    #expect(
      bench.failure("evaluate", ["samples": 21], ["model": network, "data": data]) == message("test"))
    #expect(
      bench.failure("activations", ["cut": "conv2", "samples": 21], ["model": network, "data": data])
        == message("test"))
    #expect(
      bench.failure(
        "stitch", ["from": "conv2", "to": "conv2", "method": "direct", "samples": 21],
        ["front": network, "end": network, "data": data]) == message("train"))
  }

  @Test func nullSamplesMeanAllOfThem() throws {  // A14
    let bench = try Bench()
    let data = try bench.textures(test: 1001)
    let network = try bench.network(on: data)
    func count(_ parameters: [String: JSON]) throws -> Int? {
      let made = try bench.run(
        "activations", .object(["cut": "conv4"].merging(parameters) { $1 }), ["model": network, "data": data])
      return try SafetensorsFile(contentsOf: bench.url(made["activations"]!)).array("indices").count
    }
    #expect(try count([:]) == 1000)
    #expect(try count(["samples": .null]) == 1001)
  }

  @Test func activationsOfDifferentSamplesAreNotCompared() throws {  // C4
    let bench = try Bench()
    let data = try bench.textures()
    let network = try bench.network(on: data)
    func activations(_ data: Artifact, _ parameters: [String: JSON] = [:]) throws -> Artifact {
      let cut: [String: JSON] = ["cut": "conv2", "samples": 10]
      return try bench.run(
        "activations", .object(cut.merging(parameters) { $1 }), ["model": network, "data": data])[
          "activations"]!
    }
    func message(_ x: Artifact, _ y: Artifact) -> String {
      bench.failure("similarity", [:], ["x": x, "y": y])
    }
    let why = "only representations of the same samples can be compared"
    let test = try activations(data)
    #expect(message(test, test) == "none")
    #expect(
      try message(activations(data, ["split": "train"]), test)
        == "x is of synthetic/train, y of synthetic/test; \(why)")
    #expect(
      try message(test, activations(data, ["samples": 9]))
        == "x is of 10 samples of synthetic/test, y of 9; \(why)")
    let other = try activations(bench.textures(seed: 1))
    #expect(
      message(test, other).hasPrefix(
        "x and y are both of 10 samples of synthetic/test, but of different ones (SHA-256 "))
    #expect(
      try message(test, activations(bench.arrays("mine", labels: nil)))
        == "x is of synthetic/test, y of mine/test; \(why)")
  }

  @Test func theSameImagesAreTheSameSamplesWhereverTheyComeFrom() throws {  // C4
    let bench = try Bench()
    let data = try bench.textures(test: 20)
    let network = try bench.network(on: data)
    let marked = try bench.run("dataset/shortcut", [:], ["data": data])["dataset"]!
    func activations(_ data: Artifact, _ marking: String = "marked") throws -> Artifact {
      try bench.run(
        "activations", ["cut": "conv2", "samples": 10, "marking": .string(marking)],
        ["model": network, "data": data])["activations"]!
    }
    let plain = try activations(data)
    // A longer half gives the same bytes, so that what compares them isn't run again.
    #expect(try activations(bench.textures(test: 30)) == plain)
    // Marks are other pixels of the same images.
    let shown = try activations(marked)
    #expect(shown != plain)
    let value = try bench.run("similarity", [:], ["x": plain, "y": shown])["scores"]!
    let cka = try #require(bench.json(value)["linear_cka"]?.doubleValue)
    #expect(cka > 0.5 && cka < 0.9999)
    #expect(try activations(marked, "clean") == plain)
  }

  @Test func activationsThatDontTellOfWhichSamplesTheyAreGoByTheirCount() throws {  // C4
    let bench = try Bench()
    func own(_ count: Int) throws -> Artifact {
      let values = (0..<(count * 3)).map { Double($0 * $0 % 7) }
      return try bench.adopt(
        SafetensorsFile.encode(["activations": StoredArray(doubles: values, shape: [count, 3])]))
    }
    let (four, five) = (try own(4), try own(5))
    #expect(bench.failure("similarity", [:], ["x": four, "y": four]) == "none")
    #expect(
      bench.failure("similarity", [:], ["x": four, "y": five])
        == "x is of 4 samples, y of 5; only representations of the same samples can be compared")
  }
}

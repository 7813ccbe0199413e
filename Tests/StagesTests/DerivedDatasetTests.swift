// Kinds that make a dataset of others, and archives where folders stand.

import Canonical
import ContentStore
import Foundation
import Stages
import Testing
import Workflow

extension Bench {
  /// Runs a kind whose input takes a list.
  func run(_ kind: String, _ parameters: JSON, list: [Artifact], of input: String) throws -> [String:
    Artifact]
  {
    try run(kind, [Instance(parameters: parameters, inputs: [input: list])])[0].get()
  }

  fileprivate func description(_ half: String, of dataset: Artifact) throws -> JSON {
    try json(member("\(half)/description.json", of: dataset))
  }

  /// CIFAR-10's binary version, in a folder of its own.
  func cifar10(train: Int = 30, test: Int = 20) throws -> URL {
    let folder = folder.appending(path: "cifar-\(UUID().uuidString)/cifar-10-batches-bin")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, count) in [("data_batch_1.bin", train), ("test_batch.bin", test)] {
      var data = Data()
      for image in 0..<count {
        data.append(UInt8(image % 10))
        data.append(contentsOf: (0..<3072).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ image &* 31) })
      }
      try data.write(to: folder.appending(path: name))
    }
    return folder
  }
}

@Suite struct DerivedDatasetTests {
  @Test func anArchiveIsReadLikeTheFolderInIt() throws {
    let bench = try Bench()
    let folder = try bench.cifar10()
    let archive = bench.folder.appending(path: "cifar.tar.gz")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "tar", "-C", folder.deletingLastPathComponent().path, "-czf", archive.path, folder.lastPathComponent,
    ]
    try process.run()
    process.waitUntilExit()
    let unpacked = try bench.run("dataset/cifar10", ["train": 20], externals: ["path": folder])
    #expect(try bench.run("dataset/cifar10", ["train": 20], externals: ["path": archive]) == unpacked)
    // What another stage made has no name.
    let fetched = try bench.adopt(Data(contentsOf: archive))
    #expect(try bench.run("dataset/cifar10", ["train": 20], ["path": fetched]) == unpacked)
    #expect(
      bench.failure("dataset/cifar100", [:], externals: ["path": archive])
        == "\(archive.path): the archive has none of the dataset's files")
  }

  @Test func aSubsetNamesItsClassesAndLinksWhatItLeavesAsItIs() throws {
    let bench = try Bench()
    let base = try bench.run("dataset/cifar10", [:], externals: ["path": bench.cifar10()])["dataset"]!
    let animals = try bench.run("dataset/subset", ["classes": ["dog", "3"]], ["data": base])["dataset"]!
    let train = try bench.description("train", of: animals)
    #expect(train["class_names"] == ["dog", "cat"] && train["classes"] == 2 && train["count"] == 6)
    #expect(try bench.description("test", of: animals)["count"] == 4)
    let half = try bench.run("dataset/subset", ["share": 0.5, "skip": 0.5], ["data": base])["dataset"]!
    #expect(try bench.member("test", of: half) == bench.member("test", of: base))
    #expect(try bench.member("train", of: half) != bench.member("train", of: base))
    #expect(
      bench.failure("dataset/subset", ["classes": ["cats"]], ["data": base]).contains(
        "has no class 'cats'. Did you mean 'cat'? It has 0…9 (airplane, automobile, bird, cat, deer,"))
    #expect(
      bench.failure("dataset/subset", ["classes": ["cat", "3"]], ["data": base]).contains("written twice"))
  }

  @Test func aMixTakesSharesAndLeavesTheOtherHalfToTheFirst() throws {
    let bench = try Bench()
    let (a, b) = (try bench.textures(train: 40), try bench.textures(train: 40, seed: 9))
    let mix = try bench.run(
      "dataset/mix", ["shares": [0.5, 0.25], "half": "train"], list: [a, b], of: "data")["dataset"]!
    #expect(try bench.description("train", of: mix)["count"] == 30)
    #expect(try bench.member("test", of: mix) == bench.member("test", of: a))
    let counted = try bench.run("dataset/mix", ["counts": [3, 0]], list: [a, b], of: "data")["dataset"]!
    #expect(try bench.description("train", of: counted)["count"] == 3)
    func failure(_ parameters: JSON) -> String {
      do {
        _ = try bench.run("dataset/mix", parameters, list: [a, b], of: "data")
        return "none"
      } catch { return "\(error)" }
    }
    #expect(failure(["shares": [1]]) == "1 shares for 2 datasets; write one for each")
    #expect(failure(["counts": [1, 41]]) == "synthetic/train has 40 samples, fewer than the 41 asked for")
  }

  @Test func corruptionTouchesTheHalfThatItIsAskedFor() throws {
    let bench = try Bench()
    let base = try bench.textures()
    let noisy = try bench.run("dataset/corrupt", ["noise": 0.2, "half": "test"], ["data": base])["dataset"]!
    #expect(try bench.member("train", of: noisy) == bench.member("train", of: base))
    #expect(
      try bench.member("test/samples.safetensors", of: noisy)
        != bench.member("test/samples.safetensors", of: base))
    #expect(try bench.run("dataset/corrupt", [:], ["data": base])["dataset"] == base)
    // Marks stay over what was made worse.
    let marked = try bench.run("dataset/shortcut", ["correlation": 0.5], ["data": base])["dataset"]!
    let blurred = try bench.run("dataset/corrupt", ["blur": 1], ["data": marked])["dataset"]!
    #expect(try bench.description("train", of: blurred)["shortcut"]?["correlation"] == 0.5)
  }
}

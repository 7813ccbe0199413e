// What another stage made stands where a path may: kinds read it as if it lay outside.

import Canonical
import ContentStore
import Formats
import Foundation
import Testing

@Suite struct PathReferenceTests {
  @Test func aFileThatAStageMadeIsReadLikeOneOutside() throws {
    let bench = try Bench()
    let data = SafetensorsFile.encode(["a": StoredArray(doubles: [1, 2, 3, 5], shape: [2, 2])])
    let made = try bench.adopt(data)
    let outside = bench.folder.appending(path: "acts.safetensors")
    try data.write(to: outside)
    #expect(
      try bench.run("activations/import", [:], ["path": made])
        == bench.run("activations/import", [:], externals: ["path": outside]))

    let network = try bench.network(on: bench.textures())
    let imported = try bench.run(
      "model/import", ["architecture": "small_cnn", "width": 4], ["path": network])
    #expect(
      try SafetensorsFile(contentsOf: bench.url(imported["model"]!)).array("fc.weight").bytes
        == SafetensorsFile(contentsOf: bench.url(network)).array("fc.weight").bytes)
  }

  @Test func aFolderThatAStageMadeHasItsFilesByTheirNames() throws {
    let bench = try Bench()
    let outside = bench.folder.appending(path: "arrays")
    try FileManager.default.createDirectory(at: outside, withIntermediateDirectories: true)
    let samples = StoredArray(bytes: Array(0..<96), shape: [2, 3, 4, 4])
    try NumPy.write(samples, to: outside.appending(path: "train.npy"))
    try NumPy.write(StoredArray(integers: [1, 0]), to: outside.appending(path: "train.labels.npy"))
    try SafetensorsFile.write(["samples": samples], to: outside.appending(path: "test.safetensors"))
    let made = try bench.adopt(folder: outside)
    #expect(made.form == .manifest)
    #expect(
      try bench.run("dataset/arrays", [:], ["path": made])
        == bench.run("dataset/arrays", [:], externals: ["path": outside]))
  }
}

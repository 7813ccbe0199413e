import Formats
import Foundation
import Stages
import Testing
import Workflow

/// Where two safetensors files differ.
@Suite struct TensorDifferencesTests {
  private func difference(
    _ recorded: [String: StoredArray], _ now: [String: StoredArray],
    metadata: [[String: String]] = [[:], [:]]
  ) throws -> ContentDifference? {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tensors-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = try zip([recorded, now], metadata).enumerated().map { n, file in
      let url = folder.appending(path: "\(n).safetensors")
      try SafetensorsFile.encode(file.0, metadata: file.1).write(to: url)
      return url
    }
    let comparer = try #require(contentComparers().first { $0.fileExtension == "safetensors" })
    return try comparer.difference(files[0], files[1])
  }

  @Test func theFirstTensorThatDiffersIsNamedWithItsPlaceAndTheLargestDifference() throws {
    let same = StoredArray(doubles: [1, 2])
    let found = try difference(
      ["a": same, "b": StoredArray(doubles: [1, 2, 3, 4, 5, 6], shape: [2, 3]), "c": same],
      [
        "a": same, "b": StoredArray(doubles: [1, 2, 3, 4.5, 5, 4], shape: [2, 3]),
        "c": StoredArray(doubles: [9, 9]),
      ])
    #expect(
      found
        == ContentDifference(
          "tensor 'b' [1, 0]", recorded: "4.0", now: "4.5", largest: 2, extent: "2 of 6 numbers"))
  }

  @Test func tensorsThatAreNotThereOrOfAnotherShapeAreNamed() throws {
    let (two, three) = (StoredArray(doubles: [1, 2]), StoredArray(doubles: [1, 2, 3]))
    #expect(
      try difference(["a": two], ["a": two, "b": three])
        == ContentDifference("tensor 'b'", recorded: "none", now: "F64 [3]"))
    #expect(
      try difference(["a": two], ["a": three])
        == ContentDifference("tensor 'a'", recorded: "F64 [2]", now: "F64 [3]"))
  }

  @Test func numbersThatAreNoneDifferByTheirBits() throws {
    let found = try difference(
      ["a": StoredArray(doubles: [1, .nan])], ["a": StoredArray(doubles: [1, 2])])
    #expect(found?.place == "tensor 'a' [1]")
    #expect(found?.recorded == "nan")
    #expect(found?.largest == 0)
  }

  @Test func otherMetadataIsTold() throws {
    let a = ["a": StoredArray(doubles: [1])]
    #expect(
      try difference(a, a, metadata: [["cut": "stem"], ["cut": "conv1"]])
        == ContentDifference("metadata 'cut'", recorded: "stem", now: "conv1"))
    #expect(try difference(a, a) == nil)
  }
}

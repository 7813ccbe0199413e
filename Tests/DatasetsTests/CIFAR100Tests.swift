import Datasets
import Foundation
import Testing

/// A record whose pixels tell which it is.
private func record(_ labels: [UInt8], _ pixel: UInt8) -> [UInt8] {
  labels + (0..<3072).map { UInt8(truncatingIfNeeded: $0) &+ pixel }
}

@Suite struct CIFAR100Tests {
  @Test func bothSetsOfLabelsAreRead() throws {
    let scratch = try Scratch()
    try scratch.write("train.bin", record([19, 99], 1) + record([0, 4], 2) + record([3, 0], 3))
    try scratch.write("test.bin", record([7, 50], 9))
    let fine = try CIFAR100.read(directory: scratch.url)
    let train = try #require(fine.train)
    #expect(train.samples.labels == [99, 4, 0] && fine.test?.samples.labels == [50])
    #expect(train.description.classes == 100 && train.description.sampleShape == [3, 32, 32])
    #expect(train.description.classNames?[4] == "beaver" && train.description.classNames?[99] == "worm")
    guard case .bytes(let pixels) = train.samples.values else { return #expect(Bool(false), "pixels") }
    #expect(pixels[0] == 1 && pixels[3072] == 2 && pixels[2 * 3072 + 5] == 8)
    let coarse = try #require(try CIFAR100.read(directory: scratch.url, labels: .coarse, train: 2).train)
    #expect(coarse.samples.labels == [19, 0] && coarse.description.classNames?[0] == "aquatic_mammals")
    #expect(coarse.description.classes == 20)
    #expect(try CIFAR100.headers(directory: scratch.url) == (train: 3, test: 1, shape: [3, 32, 32]))
  }

  @Test func theNamesAreThoseOfTheDataset() {
    let fine = CIFAR100.Labels.fine.classNames
    #expect(fine.count == 100 && fine == fine.sorted() && Set(fine).count == 100)
    let coarse = CIFAR100.Labels.coarse.classNames
    #expect(coarse.count == 20 && Set(coarse).count == 20)
    #expect(
      coarse.filter { $0 != "large_man-made_outdoor_things" }
        == coarse.filter { $0 != "large_man-made_outdoor_things" }.sorted())
  }

  @Test func wrongFilesSayFilePlaceAndExpectation() throws {
    let scratch = try Scratch()
    let folder = scratch.url
    func message() -> String {
      problem { _ = try CIFAR100.read(directory: folder) }.replacing(folder.path, with: "F")
    }
    #expect(message() == "F: has no train.bin (CIFAR-100's binary version)")
    try scratch.write("test.bin", record([7, 50], 9))
    try scratch.write("train.bin", record([20, 1], 0))
    #expect(message() == "F/train.bin: label 20 at byte 0, expected 0…19")
    try scratch.write("train.bin", record([1, 1], 0) + record([1, 100], 0))
    #expect(message() == "F/train.bin: label 100 at byte 3075, expected 0…99")
    let short =
      "F/train.bin: found 6147 bytes, expected a multiple of 3074 (2 labels + 3,072 pixels); record 1 at byte 3074 is "
      + "truncated"
    try scratch.write("train.bin", record([1, 1], 0) + record([1, 1], 0).dropLast())
    #expect(message() == short)
    // It shows before anything is read.
    #expect(
      problem { _ = try CIFAR100.headers(directory: folder) }.replacing(folder.path, with: "F") == short)
    try scratch.write("train.bin", [])
    #expect(message().hasPrefix("F/train.bin: found 0 bytes, expected a multiple of 3074"))
    try scratch.write("train.bin", record([1, 1], 0))
    #expect(
      problem { _ = try CIFAR100.read(directory: folder, train: 2) }
        .hasSuffix("train.bin has 1 samples, fewer than the 2 asked for; write 1, or null for all"))
  }
}

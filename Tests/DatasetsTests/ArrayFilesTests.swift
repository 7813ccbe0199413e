import Datasets
import Formats
import Foundation
import Tensor
import Testing

@Test func arraysOfOnesOwnBecomeADataset() throws {
  let scratch = try Scratch()
  let activations = scratch.url.appending(path: "a.npy")
  try NumPy.write(StoredArray(doubles: (0..<12).map { Double($0) }, shape: [4, 3]), to: activations)
  let vectors = try #require(
    Dataset(name: "mine", train: nil, test: ArraySource(samples: activations)).test)
  #expect(vectors.description.sampleShape == [3] && vectors.description.classes == 0)
  let loader = try BatchLoader(vectors, options: .init(batch: 3))
  #expect(!loader.hasLabels && loader.stepsPerEpoch == 2)
  #expect(loader.batch(step: 1).samples == Tensor(shape: [1, 3], values: [9, 10, 11]))

  let images = scratch.url.appending(path: "i.safetensors")
  try SafetensorsFile.write(
    ["x": StoredArray(bytes: Array(0..<8), shape: [2, 1, 2, 2]), "labels": StoredArray(integers: [2, 0])],
    to: images)
  let labelled = try #require(Dataset(name: "mine", train: ArraySource(samples: images), test: nil).train)
  #expect(labelled.description.classes == 3)
  #expect(labelled.samples.labels == [2, 0])
  #expect(
    problem { _ = try Dataset(name: "mine", train: ArraySource(samples: images), test: nil, classes: 2) }
      == "\(images.path): labels: label 2 at index 0, expected 0…1")
}

@Test func valuesThatImagesCantHaveAreNamedWithTheirPlace() throws {  // C8
  let scratch = try Scratch()
  let file = scratch.url.appending(path: "a.npy")
  func message(_ values: [Double], _ shape: [Int]) throws -> String {
    try NumPy.write(StoredArray(doubles: values, shape: shape), to: file)
    return problem { _ = try Dataset(name: "mine", train: nil, test: ArraySource(samples: file)) }
      .replacing(file.path, with: "a.npy")
  }
  #expect(try message([1, .nan], [1, 2]) == "a.npy: nan at [0, 1]; expected finite numbers")
  #expect(
    try message([0, 1, 0.5, 255], [1, 1, 2, 2])
      == "a.npy: 255.0 at [0, 0, 1, 1]; images are in [0, 1], or uint8 from 0 to 255")
  #expect(
    try message([0, 1, -0.5, 1], [2, 1, 1, 2])
      == "a.npy: -0.5 at [1, 0, 0, 0]; images are in [0, 1], or uint8 from 0 to 255")
  #expect(
    try message([0, .infinity], [1, 1, 1, 2])
      == "a.npy: inf at [0, 0, 0, 1]; images are in [0, 1], or uint8 from 0 to 255")
  #expect(try message([0, 255], [1, 2]) == "none")
}

@Test func labelsThatAreNoClassesAreNamedWithTheirPlace() throws {  // H14
  let scratch = try Scratch()
  let file = scratch.url.appending(path: "a.safetensors")
  func message(_ labels: [Int], classes: Int? = nil) throws -> String {
    try SafetensorsFile.write(
      [
        "samples": StoredArray(bytes: Array(0..<8), shape: [2, 4]),
        "labels": StoredArray(integers: labels),
      ], to: file)
    return problem {
      _ = try Dataset(
        name: "mine", train: ArraySource(samples: file, samplesName: "samples"), test: nil, classes: classes)
    }.replacing(file.path, with: "a.safetensors")
  }
  for wrong in [-1, 65_536, 1_000_000_000, 1 << 31, Int.max, Int.min] {
    for classes in [nil, 10] {
      #expect(
        try message([0, wrong], classes: classes)
          == "a.safetensors: labels: label \(wrong) at index 1; labels are classes counted from 0, at most 65536 of them"
      )
    }
  }
  #expect(try message([0, 65_535]) == "none")
  #expect(try message([0]) == "a.safetensors: labels: found 1 labels, expected 2, one for each sample")
}

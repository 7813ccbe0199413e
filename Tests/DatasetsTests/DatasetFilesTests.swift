import Datasets
import Formats
import Foundation
import Tensor
import Testing

@Test func aDatasetReadsBackFromItsFiles() throws {
  let scratch = try Scratch()
  let dataset = try SyntheticImages(train: 20, test: 10).dataset().withShortcut(Shortcut(seed: 3))
  let files = try dataset.write(to: scratch.url)
  #expect(files.keys.sorted() == ["dataset.json", "test.safetensors", "train.safetensors"])
  let read = try Dataset(files: files)
  #expect(read.description == dataset.description)
  #expect(read.train?.labels == dataset.train?.labels)
  let options = BatchLoader.Options(batch: 20, shuffle: true, augmentation: .flipCrop)
  let a = try BatchLoader(dataset, split: .train, options: options).batch(epoch: 2, step: 0)
  let b = try BatchLoader(read, split: .train, options: options).batch(epoch: 2, step: 0)
  #expect(a.samples == b.samples && a.labels == b.labels)
}

@Test func theShortcutIsOnlyADescriptionOverTheSameFiles() throws {
  let scratch = try Scratch()
  var files = try SyntheticImages(train: 20, test: 10).dataset().write(to: scratch.url)
  let marked = try Dataset(files: files).withShortcut(Shortcut())
  let json = scratch.url.appending(path: "marked.json")
  try marked.description.encode().write(to: json)
  files[DatasetDescription.fileName] = json
  #expect(try Dataset(files: files).description.shortcut == Shortcut())
}

@Test func wrongDatasetFilesAreNamed() throws {
  let scratch = try Scratch()
  let directory = scratch.url
  #expect(problem { _ = try Dataset(directory: directory) }.contains("there is no dataset.json"))
  let dataset = SyntheticImages(train: 0, test: 10).dataset()
  try dataset.write(to: directory)
  #expect(
    problem { _ = try Dataset(directory: directory).samples(.train) }
      == "dataset 'synthetic' has no train split")
  try SafetensorsFile.write(
    ["samples": StoredArray(bytes: [1, 2], shape: [1, 2])], to: directory.appending(path: "test.safetensors"))
  #expect(
    problem { _ = try Dataset(directory: directory) }.contains(
      "samples have shape [1, 2], expected N × [3, 32, 32]"))
  try scratch.write("dataset.json", Array("{}".utf8))
  #expect(
    problem { _ = try Dataset(directory: directory) }.contains("dataset.json: is not a dataset description"))
}

@Test func arraysOfOnesOwnBecomeADataset() throws {
  let scratch = try Scratch()
  let activations = scratch.url.appending(path: "a.npy")
  try NumPy.write(StoredArray(doubles: (0..<12).map { Double($0) }, shape: [4, 3]), to: activations)
  let vectors = try Dataset(name: "mine", train: nil, test: ArraySource(samples: activations))
  #expect(vectors.description.sampleShape == [3] && vectors.description.classes == 0)
  let loader = try BatchLoader(vectors, split: .test, options: .init(batch: 3))
  #expect(!loader.hasLabels && loader.stepsPerEpoch == 2)
  #expect(loader.batch(step: 1).samples == Tensor(shape: [1, 3], values: [9, 10, 11]))

  let images = scratch.url.appending(path: "i.safetensors")
  try SafetensorsFile.write(
    ["x": StoredArray(bytes: Array(0..<8), shape: [2, 1, 2, 2]), "labels": StoredArray(integers: [2, 0])],
    to: images)
  let labelled = try Dataset(name: "mine", train: ArraySource(samples: images), test: nil)
  #expect(labelled.description.classes == 3)
  #expect(labelled.train?.labels == [2, 0])
  #expect(
    problem { _ = try Dataset(name: "mine", train: ArraySource(samples: images), test: nil, classes: 2) }
      .contains("i.safetensors: labels: label 2 at index 0, expected 0…1"))
  try NumPy.write(StoredArray(doubles: [1, .nan], shape: [1, 2]), to: activations)
  #expect(
    problem { _ = try Dataset(name: "mine", train: nil, test: ArraySource(samples: activations)) }
      .contains("element 1 is not a finite number"))
}

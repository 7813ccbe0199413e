import Datasets
import Formats
import Foundation
import Tensor
import Testing

@Test func aDatasetReadsBackFromItsFiles() throws {
  let scratch = try Scratch()
  var dataset = SyntheticImages(train: 20, test: 10).dataset()
  var marked = try #require(dataset.train)
  marked.description = try marked.description.withShortcut(Shortcut(size: 5, correlation: 0.25, seed: .max))
  marked.description.classNames = (0..<10).map { "texture \($0)" }
  dataset.train = marked
  try dataset.write(to: scratch.url)
  for (name, written) in [("train", dataset.train), ("test", dataset.test)] {
    let written = try #require(written)
    let read = try half(name, in: scratch.url)
    #expect(read.description == written.description)
    #expect(read.samples.labels == written.samples.labels)
    let options = BatchLoader.Options(batch: 10, shuffle: true, augmentation: .flipCrop)
    let a = try BatchLoader(written, options: options).batch(epoch: 2, step: 0)
    let b = try BatchLoader(read, options: options).batch(epoch: 2, step: 0)
    #expect(a.samples == b.samples && a.labels == b.labels)
  }
}

@Test func eachHalfStandsForItself() throws {
  let scratch = try Scratch()
  func train(_ dataset: Dataset, _ name: String) throws -> [Data] {
    let folder = scratch.url.appending(path: name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try dataset.write(to: folder)
    return try [Half.descriptionFile, Half.samplesFile].map {
      try Data(contentsOf: folder.appending(path: "train/\($0)"))
    }
  }
  let more = try train(SyntheticImages(train: 20, test: 30).dataset(), "more")
  #expect(try train(SyntheticImages(train: 20, test: 10).dataset(), "less") == more)
  #expect(try train(SyntheticImages(train: 20, test: 0).dataset(), "none") == more)
}

@Test func wrongDatasetFilesAreNamed() throws {
  let scratch = try Scratch()
  let directory = scratch.url
  let dataset = SyntheticImages(train: 0, test: 10).dataset()
  try dataset.write(to: directory)
  #expect(dataset.train == nil && dataset.test?.description.name == "synthetic/test")
  let samples = directory.appending(path: "test/samples.safetensors")
  try SafetensorsFile.write(["samples": StoredArray(bytes: [1, 2], shape: [1, 2])], to: samples)
  #expect(
    problem { _ = try half("test", in: directory) }
      == "\(samples.path): samples have shape [1, 2], expected [10, 3, 32, 32]")
  let description = directory.appending(path: "test/description.json")
  for (text, reason) in [
    ("{}", "members are missing or wrong"), ("{", "not valid JSON at byte 1: expected '\"'"),
    (
      #"{"dataset":"a","split":"test","count":1,"sample_shape":[2],"classes":0,"channels":{}}"#,
      "members are missing or wrong"
    ),
    (
      #"{"dataset":"a","split":"test","count":1,"sample_shape":[2],"classes":0,"shortcut":{"seed":-1}}"#,
      "members are missing or wrong"
    ),
  ] {
    try Data(text.utf8).write(to: description)
    #expect(
      problem { _ = try half("test", in: directory) }
        == "\(description.path): is not the description of a dataset's half: \(reason)")
  }
  #expect(
    problem { _ = try Half(files: [Half.descriptionFile: description]) }
      == "not a dataset's half: description.json or samples.safetensors is missing among its files "
      + "(description.json)")
}

/// Opens one half of a dataset that was written to a directory.
private func half(_ name: String, in directory: URL) throws -> Half {
  let files = [Half.descriptionFile, Half.samplesFile].map {
    ($0, directory.appending(path: "\(name)/\($0)"))
  }
  return try Half(files: Dictionary(uniqueKeysWithValues: files))
}

@Test func floatImagesHaveStatisticsOfTheirChannelsToo() throws {  // C8
  let values: [Float] = [0, 0.5, 1, 0.25, 0.5, 0.5, 0.5, 0.5]
  let samples = Samples(
    values: .floats(Tensor(shape: [1, 2, 2, 2], values: values)), sampleShape: [2, 2, 2], count: 1,
    labels: nil)
  let found = try #require(ChannelStatistics(of: samples))
  #expect(found.mean == [0.4375, 0.5])
  // Squares of −7/16, 1/16, 9/16, −3/16 over four.
  #expect(found.deviation == [(140.0 / 256 / 4).squareRoot(), 0])
  let bytes = Samples(
    values: .bytes(Data([0, 255, 0, 255, 9, 9, 9, 9])), sampleShape: [2, 2, 2], count: 1, labels: nil)
  #expect(ChannelStatistics(of: bytes) == ChannelStatistics(mean: [0.5, 9.0 / 255], deviation: [0.5, 0]))
}

@Test func moreSamplesThanThereAreAreRefused() throws {  // C12
  let half = try #require(SyntheticImages(train: 20, test: 0).dataset().train)
  #expect(
    problem { _ = try BatchLoader(half, options: .init(limit: 21)) }
      == "synthetic/train has 20 samples, fewer than the 21 asked for; write 20, or null for all")
  #expect(try BatchLoader(half, options: .init(limit: 20)).count == 20)
  #expect(
    problem { _ = try BatchLoader(half, options: .init(batch: 30, dropLast: true)) }
      == "synthetic/train has 20 samples, fewer than one batch of 30")
  #expect(
    problem { _ = try BatchLoader(half, options: .init(batch: 11, dropLast: true, limit: 10)) }
      == "the part of synthetic/train that is used has 10 samples, fewer than one batch of 11")
}

@Test func sampleIdentitiesAreOfContentNotOfNames() throws {  // C4
  func identity(_ half: Half, _ limit: Int? = nil, _ marking: Marking = .marked) throws -> SampleIdentity {
    try BatchLoader(half, options: .init(marking: marking, limit: limit)).identity
  }
  let half = try #require(SyntheticImages(train: 20, test: 20).dataset().train)
  let renamed = Half(of: "other", .test, classes: 10, samples: half.samples)
  let whole = try identity(half)
  #expect(whole.name == "synthetic/train" && whole.count == 20 && whole.marks == "none")
  #expect(try identity(renamed).hasSameSamples(as: whole))
  // A half that grows behind the samples that are read is still the same ones.
  let longer = try #require(SyntheticImages(train: 30, test: 0).dataset().train)
  #expect(try identity(longer, 20) == whole)
  #expect(try !identity(half, 10).hasSameSamples(as: whole))
  let others = try #require(SyntheticImages(train: 20, test: 20).dataset().test)
  #expect(try !identity(others).hasSameSamples(as: whole))

  // Marks are told, but give the same samples.
  var marked = half
  marked.description = try half.description.withShortcut(Shortcut(seed: 3))
  #expect(try identity(marked).hasSameSamples(as: whole))
  #expect(try identity(marked).marks == "marked: pixel, place class, 4 pixels, seed 3")
  #expect(try identity(marked, nil, .rolled).marks == "rolled: pixel, place class, 4 pixels, seed 3")
  #expect(try identity(marked, nil, .clean) == whole)

  let floats = Samples(
    values: .floats(Tensor(zeros: [1, 1, 8, 8])), sampleShape: [1, 8, 8], count: 1, labels: nil)
  let bytes = Samples(values: .bytes(Data(count: 256)), sampleShape: [4, 8, 8], count: 1, labels: nil)
  #expect(
    try !identity(Half(of: "a", .test, classes: 0, samples: floats)).hasSameSamples(
      as: identity(Half(of: "a", .test, classes: 0, samples: bytes))))
}

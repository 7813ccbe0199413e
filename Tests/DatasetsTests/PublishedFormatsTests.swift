import Datasets
import Foundation
import Tensor
import Testing

struct Scratch: ~Copyable {
  let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ name: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: url.appending(path: name)) }
}

/// The message of the error that `body` throws, or "none".
func problem(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "none"
  } catch { return "\(error)" }
}

private func idx(_ magic: UInt8, _ shape: [UInt8], _ values: [UInt8]) -> [UInt8] {
  [0, 0, 8, magic] + shape.flatMap { [0, 0, 0, $0] } + values
}

private func writeMNIST(_ scratch: borrowing Scratch) throws {
  try scratch.write("train-images-idx3-ubyte", idx(3, [2, 2, 3], Array(0..<12)))
  try scratch.write("train-labels-idx1-ubyte", idx(1, [2], [9, 0]))
  try scratch.write("t10k-images.idx3-ubyte", idx(3, [1, 2, 3], [255, 0, 0, 0, 0, 1]))
  try scratch.write("t10k-labels.idx1-ubyte", idx(1, [1], [4]))
}

@Test func headersTellSizesWithoutTheData() throws {
  let scratch = try Scratch()
  try writeMNIST(scratch)
  try scratch.write("train-images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 234, 96, 0, 0, 0, 28, 0, 0, 0, 28])
  let mnist = try MNIST.headers(directory: scratch.url)
  #expect(mnist == (train: 60_000, test: 1, shape: [1, 28, 28]))
  #expect(
    problem { _ = try CIFAR10.headers(directory: scratch.url) }.hasSuffix(
      "has no data_batch_1.bin … data_batch_5.bin (CIFAR-10's binary version)"))
  try scratch.write("data_batch_1.bin", [UInt8](repeating: 0, count: 3073 * 2))
  try scratch.write("data_batch_2.bin", [UInt8](repeating: 0, count: 3073))
  try scratch.write("test_batch.bin", [UInt8](repeating: 0, count: 3073))
  #expect(try CIFAR10.headers(directory: scratch.url) == (train: 3, test: 1, shape: [3, 32, 32]))
}

@Test func idxFilesAreRead() throws {
  let scratch = try Scratch()
  try writeMNIST(scratch)
  let dataset = try MNIST.read(directory: scratch.url)
  #expect(dataset.train?.description.sampleShape == [1, 2, 3])
  #expect(dataset.train?.samples.labels == [9, 0])
  #expect(dataset.test?.samples.labels == [4])
  let batch = try BatchLoader(#require(dataset.test)).batch(step: 0)
  #expect(batch.samples.shape == [1, 1, 2, 3])
  #expect(batch.samples.values == [1, 0, 0, 0, 0, Float(1) / 255])
  let limited = try MNIST.read(directory: scratch.url, train: 1)
  #expect(limited.train?.samples.count == 1 && limited.train?.samples.labels == [9])
  // 0…11: mean 5.5, variance 143/12.
  let channels = try #require(dataset.train?.description.channels)
  #expect(abs(channels.mean[0] - 5.5 / 255) < 1e-12)
  #expect(abs(channels.deviation[0] - (143.0 / 12).squareRoot() / 255) < 1e-12)
}

@Test func wrongIdxFilesSayFilePlaceAndExpectation() throws {
  let scratch = try Scratch()
  let directory = scratch.url
  func message() -> String { problem { _ = try MNIST.read(directory: directory) } }
  #expect(message().contains("has no file train-images-idx3-ubyte or train-images-idx3-ubyte.gz"))
  try writeMNIST(scratch)
  #expect(message() == "none")
  try scratch.write("train-images-idx3-ubyte", idx(3, [2, 2, 3], Array(0..<11)))
  #expect(
    message().contains("train-images-idx3-ubyte: found 11 bytes from byte 16 on, expected 12 for [2, 2, 3]"))
  try scratch.write("train-images-idx3-ubyte", idx(1, [2, 2, 3], Array(0..<12)))
  #expect(message().contains("found magic number 2049 at byte 0, expected 2051"))
  try scratch.write("train-images-idx3-ubyte", [0, 0, 8])
  #expect(message().contains("found 3 bytes, expected an IDX header of 16"))
  try scratch.write("train-images-idx3-ubyte", idx(3, [2, 2, 3], Array(0..<12)))
  try scratch.write("train-labels-idx1-ubyte", idx(1, [2], [9, 10]))
  #expect(message().contains("train-labels-idx1-ubyte: label 10 at byte 9, expected 0…9"))
  try scratch.write("train-labels-idx1-ubyte", idx(1, [1], [9]))
  #expect(message().contains("found 1 labels for the 2 images of"))
}

@Test func askingForMoreImagesThanThereAreSaysHowManyThereAre() throws {  // C12
  let scratch = try Scratch()
  let directory = scratch.url
  try writeMNIST(scratch)
  #expect(
    problem { _ = try MNIST.read(directory: directory, train: 3) }
      == "\(directory.path)/train-images-idx3-ubyte has 2 samples, fewer than the 3 asked for; write 2, or null "
      + "for all")
  #expect(try MNIST.read(directory: directory, train: 2, test: 1).test?.description.count == 1)

  let record = [UInt8](repeating: 5, count: 3073)
  for name in ["data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"] { try scratch.write(name, record) }
  #expect(
    problem { _ = try CIFAR10.read(directory: directory, train: 50_000) }
      == "\(directory.path) (data_batch_1.bin, data_batch_2.bin) has 2 samples, fewer than the 50000 asked for; "
      + "write 2, or null for all")
}

@Test func headersThatClaimWhatMemoryCantHoldAreRefused() throws {  // H14
  let scratch = try Scratch()
  try writeMNIST(scratch)
  let directory = scratch.url
  func message(_ bytes: [UInt8]) throws -> String {
    let file = directory.appending(path: "train-images-idx3-ubyte")
    try Data(bytes).write(to: file)
    return problem { _ = try MNIST.read(directory: directory) }.replacing(file.path + ": ", with: "")
  }
  let most: [UInt8] = [255, 255, 255, 255]
  #expect(
    try message([0, 0, 8, 3, 0, 0, 0, 0] + most + most)
      == "its header says [0, 4294967295, 4294967295]; there is nothing in it")
  #expect(
    try message([0, 0, 8, 3] + most + most + most)
      == "its header says [4294967295, 4294967295, 4294967295], more than memory can address")
  #expect(try message(idx(3, [2, 0, 3], [])) == "its header says [2, 0, 3]; there is nothing in it")

  // A header of [2, 2, 3] with 4,096 pixels behind it, compressed.
  let compressed: [UInt8] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 198, 193, 9, 0, 32, 16, 192, 176, 162, 159, 219, 127, 98, 17, 156,
    66, 18, 40, 180, 102, 87, 235, 117, 31, 0, 0, 0, 248, 220, 1, 57, 144, 154, 198, 16, 16, 0, 0,
  ]
  try FileManager.default.removeItem(at: directory.appending(path: "train-images-idx3-ubyte"))
  try scratch.write("train-images-idx3-ubyte.gz", compressed)
  #expect(
    problem { _ = try MNIST.read(directory: directory) }.hasSuffix(
      "compressed data are damaged: they give more than the 28 bytes that are declared"))
}

@Test func damagedIdxFilesAreRefused() throws {  // H14
  let scratch = try Scratch()
  try writeMNIST(scratch)
  let directory = scratch.url
  let whole = idx(3, [2, 2, 3], Array(0..<12))
  func isRefused(_ bytes: [UInt8]) throws -> Bool {
    try Data(bytes).write(to: directory.appending(path: "train-images-idx3-ubyte"))
    return problem { _ = try MNIST.read(directory: directory) } != "none"
  }
  for length in 0..<whole.count { #expect(try isRefused(Array(whole.prefix(length))), "cut at \(length)") }
  // Every bit of the header; pixels may be anything.
  for bit in 0..<(16 * 8) {
    var flipped = whole
    flipped[bit / 8] ^= 1 << (bit % 8)
    #expect(try isRefused(flipped), "bit \(bit) flipped")
  }
}

@Test func cifarFilesAreReadInTheOrderOfTheirNumbers() throws {
  let scratch = try Scratch()
  let record = { (label: UInt8, value: UInt8) in [label] + [UInt8](repeating: value, count: 3072) }
  try scratch.write("data_batch_10.bin", record(3, 30))
  try scratch.write("data_batch_2.bin", record(1, 10) + record(2, 20))
  try scratch.write("test_batch.bin", record(9, 255))
  let dataset = try CIFAR10.read(directory: scratch.url)
  #expect(dataset.train?.samples.labels == [1, 2, 3])
  let batch = try BatchLoader(#require(dataset.train)).batch(step: 0)
  #expect(batch.samples.shape == [3, 3, 32, 32])
  #expect(batch.samples.values[2 * 3072] == Float(30) / 255)
  #expect(try CIFAR10.read(directory: scratch.url, train: 2).train?.samples.count == 2)
}

@Test func wrongCifarFilesSayFilePlaceAndExpectation() throws {
  let scratch = try Scratch()
  let directory = scratch.url
  func message() -> String { problem { _ = try CIFAR10.read(directory: directory) } }
  let record = [UInt8](repeating: 5, count: 3073)
  #expect(message().contains("has no data_batch_1.bin"))
  try scratch.write("data_batch_1.bin", record + record)
  #expect(message().contains("has no test_batch.bin"))
  try scratch.write("test_batch.bin", record + record.dropLast(1))
  #expect(message().contains("test_batch.bin: found 6145 bytes, expected a multiple of 3073"))
  #expect(message().contains("record 1 at byte 3073 is truncated"))
  try scratch.write("test_batch.bin", record + [10] + record.dropFirst())
  #expect(message().contains("test_batch.bin: label 10 at byte 3073, expected 0…9"))
  #expect(
    problem { _ = try CIFAR10.read(directory: URL(filePath: "/no/such")) }.contains("/no/such: is not a dir"))
}

@Test(.enabled(if: FileManager.default.fileExists(atPath: sharedData.path), "needs ../shared/data"))
func thePublishedDatasetsAreRead() throws {
  let mnist = try MNIST.read(directory: sharedData.appending(path: "mnist"))
  #expect(mnist.train?.samples.count == 60_000 && mnist.test?.samples.count == 10_000)
  #expect(Array(mnist.train!.samples.labels!.prefix(5)) == [5, 0, 4, 1, 9])
  let channels = try #require(mnist.train?.description.channels)
  #expect(abs(channels.mean[0] - 0.1307) < 1e-4 && abs(channels.deviation[0] - 0.3081) < 1e-4)
  let cifar = try CIFAR10.read(directory: sharedData.appending(path: "cifar-10-batches-bin"))
  #expect(cifar.train?.samples.count == 20_000 && cifar.test?.samples.count == 10_000)
  #expect(abs(cifar.train!.description.channels!.mean[0] - 0.4914) < 0.01)
}

private let sharedData = URL(filePath: #filePath).deletingLastPathComponent()
  .appending(path: "../../../shared/data").standardized

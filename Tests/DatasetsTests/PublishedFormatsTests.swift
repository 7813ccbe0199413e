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

@Test func idxFilesAreRead() throws {
  let scratch = try Scratch()
  try writeMNIST(scratch)
  let dataset = try MNIST.read(directory: scratch.url)
  #expect(dataset.description.sampleShape == [1, 2, 3])
  #expect(dataset.train?.labels == [9, 0])
  #expect(dataset.test?.labels == [4])
  let batch = try BatchLoader(dataset, split: .test).batch(step: 0)
  #expect(batch.samples.shape == [1, 1, 2, 3])
  #expect(batch.samples.values == [1, 0, 0, 0, 0, Float(1) / 255])
  let limited = try MNIST.read(directory: scratch.url, train: 1)
  #expect(limited.train?.count == 1 && limited.train?.labels == [9])
  // 0…11: mean 5.5, variance 143/12.
  let channels = try #require(dataset.description.channels)
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

@Test func cifarFilesAreReadInTheOrderOfTheirNumbers() throws {
  let scratch = try Scratch()
  let record = { (label: UInt8, value: UInt8) in [label] + [UInt8](repeating: value, count: 3072) }
  try scratch.write("data_batch_10.bin", record(3, 30))
  try scratch.write("data_batch_2.bin", record(1, 10) + record(2, 20))
  try scratch.write("test_batch.bin", record(9, 255))
  let dataset = try CIFAR10.read(directory: scratch.url)
  #expect(dataset.train?.labels == [1, 2, 3])
  let batch = try BatchLoader(dataset, split: .train).batch(step: 0)
  #expect(batch.samples.shape == [3, 3, 32, 32])
  #expect(batch.samples.values[2 * 3072] == Float(30) / 255)
  #expect(try CIFAR10.read(directory: scratch.url, train: 2).train?.count == 2)
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
  #expect(mnist.train?.count == 60_000 && mnist.test?.count == 10_000)
  #expect(Array(mnist.train!.labels!.prefix(5)) == [5, 0, 4, 1, 9])
  let channels = try #require(mnist.description.channels)
  #expect(abs(channels.mean[0] - 0.1307) < 1e-4 && abs(channels.deviation[0] - 0.3081) < 1e-4)
  let cifar = try CIFAR10.read(directory: sharedData.appending(path: "cifar-10-batches-bin"))
  #expect(cifar.train?.count == 20_000 && cifar.test?.count == 10_000)
  #expect(abs(cifar.description.channels!.mean[0] - 0.4914) < 0.01)
}

private let sharedData = URL(filePath: #filePath).deletingLastPathComponent()
  .appending(path: "../../../shared/data").standardized

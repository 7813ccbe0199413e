// Owns CIFAR-10 in its binary version: which files there are, and what the classes are called.
import Foundation

/// CIFAR-10.
public enum CIFAR10 {
  public static let shape = CIFARRecords.shape
  /// The classes, as batches.meta.txt has them.
  public static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]
  private static let records = CIFARRecords(labels: [10], label: 0)
  private static let testBatch = "test_batch.bin"

  /// Whether a file of this name is one that is read.
  public static func reads(_ name: String) -> Bool {
    name == testBatch || name.wholeMatch(of: /data_batch_[0-9]+\.bin/) != nil
  }

  /// Reads `data_batch_*.bin`, as many as are there, in the order of their numbers, and `test_batch.bin`.
  ///
  /// - Parameters:
  ///   - train: how many training images to keep, from the first; nil for all.
  ///   - test: likewise of the test images.
  public static func read(directory: URL, train: Int? = nil, test: Int? = nil) throws -> Dataset {
    let batches = try batches(in: directory)
    func half(_ names: [String], _ limit: Int?) throws -> Samples {
      try records.samples(
        in: names.map { directory.appending(path: $0) }, limit: limit,
        name: "\(directory.path) (\(names.joined(separator: ", ")))")
    }
    return Dataset(
      name: "cifar10", classes: 10, classNames: classNames, train: try half(batches, train),
      test: try half([testBatch], test))
  }

  /// How many images each half has, as the files' sizes tell, and the images' shape.
  public static func headers(directory: URL) throws -> (train: Int, test: Int, shape: [Int]) {
    let train = try batches(in: directory).map { try records.count(in: directory.appending(path: $0)) }
    return (train.reduce(0, +), try records.count(in: directory.appending(path: testBatch)), shape)
  }

  /// The files of the training half, where those of both halves are there.
  private static func batches(in directory: URL) throws -> [String] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    } catch {
      throw DatasetError(directory, "is not a directory that can be read")
    }
    let batches = names.compactMap { name in
      name.wholeMatch(of: /data_batch_([0-9]+)\.bin/).flatMap { match in Int(match.1).map { ($0, name) } }
    }.sorted { $0.0 < $1.0 }
    guard !batches.isEmpty else {
      throw DatasetError(directory, "has no data_batch_1.bin … data_batch_5.bin (CIFAR-10's binary version)")
    }
    guard names.contains(testBatch) else { throw DatasetError(directory, "has no \(testBatch)") }
    return batches.map(\.1)
  }
}

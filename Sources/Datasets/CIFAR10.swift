// Owns the binary format of CIFAR-10 (cs.toronto.edu/~kriz/cifar.html): records of one label byte and 3,072
// pixels, planes R, G, B.
import Foundation

/// CIFAR-10.
public enum CIFAR10 {
  private static let shape = [3, 32, 32]
  private static let recordSize = 3073

  /// Reads `data_batch_*.bin`, as many as are there, in the order of their numbers, and `test_batch.bin`.
  ///
  /// - Parameters:
  ///   - train: how many training images to keep, from the first; nil for all.
  ///   - test: likewise of the test images.
  public static func read(directory: URL, train: Int? = nil, test: Int? = nil) throws -> Dataset {
    let batches = try batches(in: directory)
    return Dataset(
      name: "cifar10", classes: 10,
      train: try samples(batches, in: directory, limit: train),
      test: try samples(["test_batch.bin"], in: directory, limit: test))
  }

  /// How many images each half has, as the files' sizes tell, and the images' shape.
  public static func headers(directory: URL) throws -> (train: Int, test: Int, shape: [Int]) {
    func count(_ names: [String]) -> Int {
      names.reduce(0) { count, name in
        let size = try? directory.appending(path: name).resourceValues(forKeys: [.fileSizeKey]).fileSize
        return count + (size ?? 0) / recordSize
      }
    }
    return (count(try batches(in: directory)), count(["test_batch.bin"]), shape)
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
    guard names.contains("test_batch.bin") else { throw DatasetError(directory, "has no test_batch.bin") }
    return batches.map(\.1)
  }

  private static func samples(_ names: [String], in directory: URL, limit: Int?) throws -> Samples {
    var pixels = Data()
    var labels: [Int32] = []
    for file in names.map({ directory.appending(path: $0) }) {
      // All files are checked, whatever the limit: a damaged one should not pass by luck.
      let data: Data
      do {
        data = try Data(contentsOf: file, options: .mappedIfSafe)
      } catch {
        throw DatasetError(file, "can't be read: \(error.localizedDescription)")
      }
      guard !data.isEmpty, data.count % recordSize == 0 else {
        let whole = data.count / recordSize
        throw DatasetError(
          file,
          "found \(data.count) bytes, expected a multiple of \(recordSize) (1 label + 3,072 pixels); "
            + "record \(whole) at byte \(whole * recordSize) is truncated")
      }
      try data.withUnsafeBytes { raw in
        for offset in stride(from: 0, to: raw.count, by: recordSize) {
          guard raw[offset] <= 9 else {
            throw DatasetError(file, "label \(raw[offset]) at byte \(offset), expected 0…9")
          }
          guard labels.count < limit ?? .max else { continue }
          labels.append(Int32(raw[offset]))
          pixels.append(contentsOf: raw[(offset + 1)..<(offset + recordSize)])
        }
      }
    }
    return try Samples(values: .bytes(pixels), sampleShape: shape, count: labels.count, labels: labels)
      .first(limit, of: "\(directory.path) (\(names.joined(separator: ", ")))")
  }
}

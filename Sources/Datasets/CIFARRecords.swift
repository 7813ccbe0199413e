// Owns the records of CIFAR's binary versions (cs.toronto.edu/~kriz/cifar.html): label bytes, then 3,072 pixels, planes
// R, G, B. Which labels a record has is its dataset's business.
import Foundation

/// Records of one form.
struct CIFARRecords {
  static let shape = [3, 32, 32]
  private static let pixels = 3072
  /// How many classes each label byte of a record counts over.
  let labels: [Int]
  /// The label byte that is read.
  let label: Int

  private var size: Int { labels.count + CIFARRecords.pixels }

  /// How many records a file has, as its size tells.
  func count(in file: URL) throws -> Int {
    let bytes: Int
    do {
      bytes = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
    } catch {
      throw DatasetError(file, "can't be read: \(error.localizedDescription)")
    }
    guard bytes > 0, bytes % size == 0 else {
      let whole = bytes / size
      throw DatasetError(
        file,
        "found \(bytes) bytes, expected a multiple of \(size) (\(labels.count) label"
          + "\(labels.count == 1 ? "" : "s") + 3,072 pixels); record \(whole) at byte \(whole * size) is truncated"
      )
    }
    return bytes / size
  }

  /// Reads the records of files, the first `limit` of them; nil: all. A block at a time: the pixels are in memory once.
  /// - Parameter name: what it calls them all.
  func samples(in files: [URL], limit: Int?, name: String) throws -> Samples {
    let there = try files.map(count(in:)).reduce(0, +)
    let kept = min(there, limit ?? there)
    var pixels = Data(count: kept * CIFARRecords.pixels)
    var read: [Int32] = []
    read.reserveCapacity(kept)
    try pixels.withUnsafeMutableBytes { out in
      for file in files {
        // All files are checked, whatever the limit: a damaged one should not pass by luck.
        try blocks(of: file) { block, offset in
          for start in stride(from: 0, to: block.count, by: size) {
            for (byte, classes) in labels.enumerated() where Int(block[start + byte]) >= classes {
              throw DatasetError(
                file,
                "label \(block[start + byte]) at byte \(offset + start + byte), expected 0…\(classes - 1)")
            }
            guard read.count < kept else { continue }
            let image = block[(start + labels.count)..<(start + size)]
            UnsafeMutableRawBufferPointer(rebasing: out[(read.count * CIFARRecords.pixels)...])
              .copyMemory(from: UnsafeRawBufferPointer(rebasing: image))
            read.append(Int32(block[start + label]))
          }
        }
      }
    }
    guard read.count == kept else { throw DatasetError("\(name) changed while it was read") }
    return try Samples(
      values: .bytes(pixels), sampleShape: CIFARRecords.shape, count: kept, labels: read
    ).first(limit, of: name)
  }

  /// Reads a file in blocks of whole records.
  private func blocks(of file: URL, _ body: (UnsafeRawBufferPointer, _ offset: Int) throws -> Void) throws {
    var offset = 0
    do {
      let handle = try FileHandle(forReadingFrom: file)
      defer { try? handle.close() }
      while let block = try handle.read(upToCount: 256 * size), !block.isEmpty {
        guard block.count % size == 0 else { throw DatasetError(file, "changed while it was read") }
        try block.withUnsafeBytes { try body($0, offset) }
        offset += block.count
      }
    } catch let error as DatasetError {
      throw error
    } catch {
      throw DatasetError(file, "can't be read: \(error.localizedDescription)")
    }
  }
}

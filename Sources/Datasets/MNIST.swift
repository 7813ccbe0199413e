// Owns the IDX format that MNIST is published in (yann.lecun.com/exdb/mnist): four big-endian words, then bytes.
import Formats
import Foundation

/// MNIST and the datasets published in its form (Fashion-MNIST, KMNIST).
public enum MNIST {
  /// Reads the four IDX files of a directory, plain or gzip-compressed; images 1 × rows × columns.
  ///
  /// - Parameters:
  ///   - train: how many training images to keep, from the first; nil for all.
  ///   - test: likewise of the test images.
  public static func read(directory: URL, name: String = "mnist", train: Int? = nil, test: Int? = nil) throws
    -> Dataset
  {
    let trainSplit = try split("train", in: directory, limit: train)
    let testSplit = try split("t10k", in: directory, limit: test)
    guard trainSplit.sampleShape == testSplit.sampleShape else {
      throw DatasetError(
        directory,
        "training images are \(trainSplit.sampleShape), test images \(testSplit.sampleShape); expected the same"
      )
    }
    return Dataset(name: name, classes: 10, train: trainSplit, test: testSplit)
  }

  /// Whether a file of this name may be one that is read.
  public static func reads(_ name: String) -> Bool {
    name.wholeMatch(of: /(train|t10k)-(images[-.]idx3|labels[-.]idx1)-ubyte(\.gz)?/) != nil
  }

  /// What the headers of the files say: how many images each half has, and the images' shape.
  public static func headers(directory: URL) throws -> (train: Int, test: Int, shape: [Int]) {
    func shape(_ prefix: String) throws -> [Int] {
      _ = try find("\(prefix)-labels", "idx1-ubyte", in: directory)
      return try IDX.shape(of: find("\(prefix)-images", "idx3-ubyte", in: directory), axes: 3)
    }
    let (train, test) = (try shape("train"), try shape("t10k"))
    return (train[0], test[0], [1, train[1], train[2]])
  }

  private static func split(_ prefix: String, in directory: URL, limit: Int?) throws -> Samples {
    let imagesFile = try find("\(prefix)-images", "idx3-ubyte", in: directory)
    let labelsFile = try find("\(prefix)-labels", "idx1-ubyte", in: directory)
    let images = try IDX(contentsOf: imagesFile, axes: 3)
    let labels = try IDX(contentsOf: labelsFile, axes: 1)
    guard images.shape[0] == labels.shape[0] else {
      throw DatasetError(
        labelsFile, "found \(labels.shape[0]) labels for the \(images.shape[0]) images of \(imagesFile.path)")
    }
    for (index, label) in labels.values.enumerated() where label > 9 {
      throw DatasetError(labelsFile, "label \(label) at byte \(8 + index), expected 0…9")
    }
    let all = Samples(
      values: .bytes(images.values), sampleShape: [1, images.shape[1], images.shape[2]],
      count: images.shape[0], labels: labels.values.map { Int32($0) })
    return try all.first(limit, of: imagesFile.path)
  }

  /// The published name, with `-` or `.` before `idx`, compressed or not.
  private static func find(_ stem: String, _ suffix: String, in directory: URL) throws -> URL {
    for candidate in ["\(stem)-\(suffix)", "\(stem).\(suffix)"] {
      for ending in ["", ".gz"] {
        let url = directory.appending(path: candidate + ending)
        if FileManager.default.fileExists(atPath: url.path) { return url }
      }
    }
    throw DatasetError(directory, "has no file \(stem)-\(suffix) or \(stem)-\(suffix).gz")
  }
}

/// One IDX file of unsigned bytes.
private struct IDX {
  let shape: [Int]
  let values: Data

  init(contentsOf url: URL, axes: Int) throws {
    let header = 4 * (1 + axes)
    let data = try readDecompressed(
      url,
      declared: DeclaredSize(header: header) { data in
        header + (try IDX.extents(of: data, axes: axes, url).reduce(1, *))
      })
    shape = try IDX.extents(of: data, axes: axes, url)
    let size = shape.reduce(1, *)
    guard data.count - header == size else {
      throw DatasetError(
        url,
        "found \(data.count - header) bytes from byte \(header) on, expected \(size) for \(shape)"
          + (data.count - header < size ? "; it is truncated" : ""))
    }
    values = data.suffix(size)
  }

  /// The extents that a file's header declares.
  static func shape(of url: URL, axes: Int) throws -> [Int] {
    try extents(of: readBeginning(url, bytes: 4 * (1 + axes)), axes: axes, url)
  }

  /// The extents that a header declares, none of them 0, and no more than memory can address.
  private static func extents(of data: Data, axes: Int, _ url: URL) throws -> [Int] {
    func word(_ index: Int) -> Int {
      data.dropFirst(4 * index).prefix(4).reduce(0) { $0 << 8 | Int($1) }
    }
    let header = 4 * (1 + axes)
    guard data.count >= header else {
      throw DatasetError(
        url, "found \(data.count) bytes, expected an IDX header of \(header); it is truncated")
    }
    let magic = 0x0800 | axes
    guard word(0) == magic else {
      throw DatasetError(
        url,
        "found magic number \(word(0)) at byte 0, expected \(magic) (unsigned bytes in \(axes) dimensions)")
    }
    let shape = (1...axes).map(word)
    guard !shape.contains(0) else {
      throw DatasetError(url, "its header says \(shape); there is nothing in it")
    }
    // Words have 32 bits: three of them can't overflow what is compared here.
    let product = shape.reduce(1.0) { $0 * Double($1) }
    guard product < 0x1p62 else {
      throw DatasetError(url, "its header says \(shape), more than memory can address")
    }
    return shape
  }
}

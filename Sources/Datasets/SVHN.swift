// Owns the cropped digits of Street View House Numbers (Netzer et al. 2011, ufldl.stanford.edu/housenumbers): X is
// rows × columns × 3 × N in MATLAB's order, y has 10 for the digit 0.
import Formats
import Foundation

/// SVHN, cropped digits.
public enum SVHN {
  public static let shape = [3, 32, 32]
  public static let classNames = (0...9).map(String.init)

  /// Reads `train_32x32.mat` and `test_32x32.mat`.
  ///
  /// - Parameters:
  ///   - train: how many training images to keep, from the first; nil for all.
  ///   - test: likewise of the test images.
  public static func read(directory: URL, train: Int? = nil, test: Int? = nil) throws -> Dataset {
    func half(_ split: Split, _ limit: Int?) throws -> Samples {
      let file = try self.file(split, in: directory)
      return try samples(in: file).first(limit, of: file.path)
    }
    return Dataset(
      name: "svhn", classes: 10, classNames: classNames, train: try half(.train, train),
      test: try half(.test, test))
  }

  /// How many images each half has, as the arrays' extents tell, and the images' shape.
  public static func headers(directory: URL) throws -> (train: Int, test: Int, shape: [Int]) {
    func count(_ split: Split) throws -> Int {
      let file = try self.file(split, in: directory)
      return try self.count(ofImages: MatFile(contentsOf: file).shape(of: "X"), in: file)
    }
    return (try count(.train), try count(.test), shape)
  }

  private static func file(_ split: Split, in directory: URL) throws -> URL {
    let url = directory.appending(path: "\(split)_32x32.mat")
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw DatasetError(directory, "has no \(split)_32x32.mat (SVHN's cropped digits)")
    }
    return url
  }

  private static func count(ofImages extents: [Int], in file: URL) throws -> Int {
    guard extents.count == 4, extents.prefix(3) == [32, 32, 3], extents[3] > 0 else {
      throw DatasetError(file, "X is \(extents), expected 32 × 32 × 3 × N")
    }
    return extents[3]
  }

  private static func samples(in file: URL) throws -> Samples {
    let mat = try MatFile(contentsOf: file)
    let labels = try self.labels(mat.array("y"), in: file)
    var images = try mat.array("X")
    let count = try self.count(ofImages: images.shape, in: file)
    guard images.elementType == .u8 else {
      throw DatasetError(file, "X holds \(images.elementType.rawValue), expected U8 pixels")
    }
    guard labels.count == count else {
      throw DatasetError(file, "found \(labels.count) labels in y for the \(count) images in X")
    }
    // MATLAB's planes stand on their side: in place, each is turned over its diagonal.
    images.bytes.withUnsafeMutableBytes { pixels in
      for plane in stride(from: 0, to: pixels.count, by: 1024) {
        for row in 0..<32 {
          for column in 0..<row {
            let (a, b) = (plane + row * 32 + column, plane + column * 32 + row)
            (pixels[a], pixels[b]) = (pixels[b], pixels[a])
          }
        }
      }
    }
    return Samples(values: .bytes(images.bytes), sampleShape: shape, count: count, labels: labels)
  }

  private static func labels(_ y: MatArray, in file: URL) throws -> [Int32] {
    let values = StoredArray(y.elementType, shape: y.shape, bytes: y.bytes).doubles()
    return try values.enumerated().map { index, value in
      guard (1...10).contains(value), value == value.rounded() else {
        throw DatasetError(file, "label \(value) at index \(index) of y, expected 1…10 (10 is the digit 0)")
      }
      return value == 10 ? 0 : Int32(value)
    }
  }
}

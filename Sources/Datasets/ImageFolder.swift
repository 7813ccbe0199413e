// Owns datasets from a folder of PNG and JPEG files: a folder for each class, in `train` and `test` or without halves.
import Formats
import Foundation
import Tensor

/// A folder of images.
public struct ImageFolder: Sendable {
  /// The image files of each class, by half; the classes in the order of their names.
  public let classes: [String]
  private let files: [Split: [[URL]]]

  /// Lists a folder: `train/CLASS/*` and `test/CLASS/*`, or `CLASS/*` for all, of which `testShare` of each class,
  /// drawn by the seed, are test images. Files are in the order of their names.
  public init(_ folder: URL, testShare: Double, seed: UInt64) throws {
    let there = try ImageFolder.folders(in: folder)
    let halves = Split.allCases.filter { there.contains($0.rawValue) }
    if halves.isEmpty {
      guard there.count >= 2 else {
        throw DatasetError(
          folder,
          "has \(there.isEmpty ? "no folder" : "only the folder '\(there[0])'"), expected one for each of at least "
            + "two classes, or train/ and test/ with such")
      }
      classes = there
      let all = try there.map { try ImageFolder.images(in: folder.appending(path: $0)) }
      var (train, test): ([[URL]], [[URL]]) = ([], [])
      for (label, files) in all.enumerated() {
        let count = Int((testShare * Double(files.count)).rounded())
        let held = Set(
          Philox(seed: seed, purpose: .heldOutImages, index: UInt32(label)).sample(count, of: files.count))
        guard count < files.count, count > 0 || testShare == 0 else {
          throw DatasetError(
            folder.appending(path: there[label]),
            "has \(files.count) image\(files.count == 1 ? "" : "s"), too few for a test_share of \(testShare)"
          )
        }
        train.append(files.indices.filter { !held.contains($0) }.map { files[$0] })
        test.append(files.indices.filter { held.contains($0) }.map { files[$0] })
      }
      files = testShare == 0 ? [.train: train] : [.train: train, .test: test]
      return
    }
    guard there.count == halves.count else {
      let other = there.first { Split(rawValue: $0) == nil }!
      throw DatasetError(
        folder, "has '\(other)' beside \(halves[0]); expected train/ and test/ with the classes in them")
    }
    let named = try halves.map { try ImageFolder.folders(in: folder.appending(path: $0.rawValue)) }
    guard named[0].count >= 2 else {
      throw DatasetError(
        folder.appending(path: halves[0].rawValue),
        "has \(named[0].count) classes (folders), expected two or more")
    }
    for (half, names) in zip(halves, named) where names != named[0] {
      let odd = Set(names).symmetricDifference(named[0]).sorted()[0]
      throw DatasetError(folder, "'\(odd)' is a class of only one of \(halves[0]) and \(half)")
    }
    classes = named[0]
    var files: [Split: [[URL]]] = [:]
    for half in halves {
      files[half] = try named[0].map {
        try ImageFolder.images(in: folder.appending(path: half.rawValue).appending(path: $0))
      }
    }
    self.files = files
  }

  /// How many images a half has; nil where there is no such half.
  public func count(_ split: Split) -> Int? { files[split].map { $0.map(\.count).reduce(0, +) } }

  /// Decodes the images; beside the pixels that they become there is one in memory for each thread.
  /// - Parameters:
  ///   - size: the side of the squares that they become (`squared`); nil: as they are, which must be all of one size.
  ///   - channels: 1 (grey) or 3 (RGB).
  ///   - progress: told the share that is done.
  public func dataset(
    name: String, size: Int?, channels: Int, progress: (Double) -> Void = { _ in }
  ) throws -> Dataset {
    let first =
      try files[.train].map { $0[0][0] }.map { try ImagePixels.size(of: $0) }
      ?? ImagePixels.size(of: files[.test]![0][0])
    let (height, width) = size.map { ($0, $0) } ?? (first.height, first.width)
    let all = Split.allCases.compactMap { count($0) }.reduce(0, +)
    var done = 0
    func half(_ split: Split) throws -> Samples? {
      guard let byClass = files[split] else { return nil }
      let labelled = byClass.enumerated().flatMap { label, files in files.map { (Int32(label), $0) } }
      let plane = height * width
      var pixels = Data(count: labelled.count * channels * plane)
      try pixels.withUnsafeMutableBytes { (out: UnsafeMutableRawBufferPointer) throws -> Void in
        for first in stride(from: 0, to: labelled.count, by: ImageFolder.atOnce) {
          let count = min(ImageFolder.atOnce, labelled.count - first)
          try Team.run(count) { piece, _ in
            let (position, file) = (first + piece, labelled[first + piece].1)
            var image = try ImagePixels(contentsOf: file, channels: channels)
            if let size { image = image.squared(size) }
            guard image.width == width, image.height == height else {
              throw DatasetError(
                file,
                "is \(image.width)×\(image.height), others are \(width)×\(height); write size: to have all of one"
              )
            }
            let start = position * channels * plane
            for channel in 0..<channels {
              for i in 0..<plane { out[start + channel * plane + i] = image.values[i * channels + channel] }
            }
          }
          done += count
          progress(Double(done) / Double(all))
        }
      }
      return Samples(
        values: .bytes(pixels), sampleShape: [channels, height, width], count: labelled.count,
        labels: labelled.map(\.0))
    }
    return Dataset(
      name: name, classes: classes.count, classNames: classes, train: try half(.train), test: try half(.test))
  }

  /// How many images are decoded between two words of progress.
  private static let atOnce = 64

  /// The size of the first image.
  public var firstSize: (width: Int, height: Int) {
    get throws { try ImagePixels.size(of: (files[.train] ?? files[.test]!)[0][0]) }
  }

  private static func names(in folder: URL) throws -> [String] {
    do {
      // By their bytes, whatever the language.
      return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".") }
        .sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    } catch { throw DatasetError(folder, "is not a directory that can be read") }
  }

  private static func folders(in folder: URL) throws -> [String] {
    try names(in: folder).filter { name in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: folder.appending(path: name).path, isDirectory: &isFolder)
        && isFolder.boolValue
    }
  }

  private static func images(in folder: URL) throws -> [URL] {
    let found = try names(in: folder).filter {
      ["png", "jpg", "jpeg"].contains(($0 as NSString).pathExtension.lowercased())
    }
    guard !found.isEmpty else { throw DatasetError(folder, "is a class without images (.png, .jpg, .jpeg)") }
    return found.map { folder.appending(path: $0) }
  }
}

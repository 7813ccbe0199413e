import Datasets
import Foundation
import Testing

private func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

private func element(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
  little(type) + little(UInt32(body.count)) + body + [UInt8](repeating: 0, count: (8 - body.count % 8) % 8)
}

private func matrix(_ name: String, _ shape: [Int32], _ values: [UInt8]) -> [UInt8] {
  element(
    14,
    element(6, [9, 0, 0, 0, 0, 0, 0, 0]) + element(5, shape.flatMap(little)) + element(1, Array(name.utf8))
      + element(2, values))
}

private func file(images: Int, side: Int32 = 32, labels: [UInt8]) -> [UInt8] {
  let header = [UInt8](repeating: 32, count: 124) + [0, 1, 0x49, 0x4d]
  let x = (0..<(images * 3072)).map { index in
    // MATLAB's order: row fastest, then column, channel, image.
    let (row, column, channel, image) = (index % 32, index / 32 % 32, index / 1024 % 3, index / 3072)
    return UInt8(truncatingIfNeeded: row + 7 * column + 50 * channel + 13 * image)
  }
  return header + matrix("X", [side, 32 * 32 / side, 3, Int32(images)], x)
    + matrix("y", [Int32(labels.count), 1], labels)
}

@Suite struct SVHNTests {
  @Test func imagesAreTurnedAndTenIsTheDigitZero() throws {
    let scratch = try Scratch()
    try scratch.write("train_32x32.mat", file(images: 3, labels: [1, 10, 9]))
    try scratch.write("test_32x32.mat", file(images: 1, labels: [5]))
    #expect(try SVHN.headers(directory: scratch.url) == (train: 3, test: 1, shape: [3, 32, 32]))
    let dataset = try SVHN.read(directory: scratch.url)
    let train = try #require(dataset.train)
    #expect(train.samples.labels == [1, 0, 9] && train.description.classNames == (0...9).map { "\($0)" })
    guard case .bytes(let pixels) = train.samples.values else { return #expect(Bool(false), "pixels") }
    for (image, channel, row, column) in [(0, 0, 0, 0), (0, 0, 0, 1), (1, 2, 31, 4), (2, 1, 6, 30)] {
      #expect(
        pixels[pixels.startIndex + ((image * 3 + channel) * 32 + row) * 32 + column]
          == UInt8(truncatingIfNeeded: row + 7 * column + 50 * channel + 13 * image))
    }
    #expect(try SVHN.read(directory: scratch.url, train: 2).train?.samples.labels == [1, 0])
  }

  @Test func wrongFilesSayWhatIsWrong() throws {
    let scratch = try Scratch()
    let folder = scratch.url
    func message() -> String {
      problem { _ = try SVHN.read(directory: folder) }.replacing(folder.path, with: "F")
    }
    try scratch.write("test_32x32.mat", file(images: 1, labels: [5]))
    #expect(message() == "F: has no train_32x32.mat (SVHN's cropped digits)")
    try scratch.write("train_32x32.mat", file(images: 2, labels: [1, 11]))
    #expect(message() == "F/train_32x32.mat: label 11.0 at index 1 of y, expected 1…10 (10 is the digit 0)")
    try scratch.write("train_32x32.mat", file(images: 2, labels: [1, 0]))
    #expect(message() == "F/train_32x32.mat: label 0.0 at index 1 of y, expected 1…10 (10 is the digit 0)")
    try scratch.write("train_32x32.mat", file(images: 2, labels: [1]))
    #expect(message() == "F/train_32x32.mat: found 1 labels in y for the 2 images in X")
    try scratch.write("train_32x32.mat", file(images: 2, side: 16, labels: [1, 2]))
    let shape = "F/train_32x32.mat: X is [16, 64, 3, 2], expected 32 × 32 × 3 × N"
    #expect(message() == shape)
    #expect(problem { _ = try SVHN.headers(directory: folder) }.replacing(folder.path, with: "F") == shape)
  }
}

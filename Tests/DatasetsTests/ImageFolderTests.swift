// PNG files written here by the published format, and a JPEG file.

import Datasets
import Formats
import Foundation
import Tensor
import Testing

/// A PNG of 8 bits a channel, its data in stored blocks.
private func png(_ width: Int, _ height: Int, channels: Int = 3, _ value: (Int, Int, Int) -> UInt8) -> [UInt8]
{
  var rows: [UInt8] = []
  for y in 0..<height {
    rows.append(0)
    for x in 0..<width { for channel in 0..<channels { rows.append(value(x, y, channel)) } }
  }
  func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
  func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = ~UInt32(0)
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? (sum >> 1) ^ 0xedb8_8320 : sum >> 1 }
    }
    return ~sum
  }
  func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
    let named = Array(name.utf8) + body
    return big(UInt32(body.count)) + named + big(checksum(named))
  }
  var (a, b): (UInt32, UInt32) = (1, 0)
  for byte in rows {
    a = (a + UInt32(byte)) % 65_521
    b = (b + a) % 65_521
  }
  let length = UInt16(rows.count)
  let lengths = [UInt8(length & 255), UInt8(length >> 8), UInt8(~length & 255), UInt8(~length >> 8)]
  let stream: [UInt8] = [0x78, 1, 1] + lengths + rows + big(b << 16 | a)
  let kind: UInt8 = channels == 1 ? 0 : channels == 3 ? 2 : 6
  let header = big(UInt32(width)) + big(UInt32(height)) + [8, kind, 0, 0, 0]
  let magic: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
  return magic + chunk("IHDR", header) + chunk("IDAT", stream) + chunk("IEND", [])
}

/// 16 × 8: red 16·x, green 30·y, blue 100, by libjpeg at quality 95.
private let jpeg = [UInt8](
  Data(
    base64Encoded: """
      /9j/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDA\
      kKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK\
      CgoKCgr/wAARCAAIABADAREAAhEBAxEB/8QAFAABAAAAAAAAAAAAAAAAAAAACP/EABoQAAAHAAAAAAAAAAAAAAAAAA\
      AHCSYzQ1H/xAAWAQEBAQAAAAAAAAAAAAAAAAAHBQn/xAAaEQACAgMAAAAAAAAAAAAAAAAAByOhBTEy/9oADAMBAAIR\
      AxEAPwAzFQl9E3cqFfMtvclg+tnlxLYmSoS+ibuVApzLb3JZoAtnlxLZ/9k=
      """)!)

private struct Folder: ~Copyable {
  let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ path: String, _ bytes: [UInt8]) throws {
    let file = url.appending(path: path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  func read(testShare: Double = 0, size: Int? = nil, channels: Int = 3, seed: UInt64 = 0) throws -> Dataset {
    try ImageFolder(url, testShare: testShare, seed: seed).dataset(
      name: "mine", size: size, channels: channels)
  }

  func problem(testShare: Double = 0, size: Int? = nil) -> String {
    do {
      _ = try read(testShare: testShare, size: size)
      return "none"
    } catch { return "\(error)".replacing(url.path, with: "F") }
  }
}

private func pixels(_ half: Half?) -> [UInt8] {
  guard let half, case .bytes(let data) = half.samples.values else { return [] }
  return Array(data)
}

@Suite struct ImageFolderTests {
  @Test func foldersOfHalvesAreReadInTheOrderOfNames() throws {
    let folder = try Folder()
    try folder.write("train/b/2.png", png(4, 2) { x, y, c in UInt8(x + 10 * y + 100 * c) })
    try folder.write("train/a/1.png", png(4, 2) { _, _, _ in 7 })
    try folder.write("train/b/1.PNG", png(4, 2, channels: 1) { x, _, _ in UInt8(x) })
    try folder.write("test/a/x.png", png(4, 2) { _, _, _ in 9 })
    try folder.write("test/b/x.png", png(4, 2, channels: 4) { _, _, c in c == 3 ? 0 : 200 })
    try folder.write("test/b/notes.txt", Array("no".utf8))
    let dataset = try folder.read()
    #expect(dataset.train?.samples.labels == [0, 1, 1] && dataset.test?.samples.labels == [0, 1])
    #expect(dataset.train?.description.classNames == ["a", "b"])
    #expect(dataset.train?.description.sampleShape == [3, 2, 4])
    let train = pixels(dataset.train)
    #expect(Set(train[0..<24]) == [7])
    // Grey is three equal channels; planes, not pixels side by side.
    #expect(train[24..<48].enumerated().allSatisfy { Int($1) == $0 % 4 })
    #expect(Array(train[48..<56]) == [0, 1, 2, 3, 10, 11, 12, 13] && train[56] == 100 && train[64] == 200)
    // What is transparent is black.
    #expect(Set(pixels(dataset.test)[24...]) == [0])
  }

  @Test func aShareOfEachClassIsHeldOutByTheSeed() throws {
    let folder = try Folder()
    for name in ["a", "b"] {
      for i in 0..<10 { try folder.write("\(name)/\(i).png", png(2, 2, channels: 1) { _, _, _ in UInt8(i) }) }
    }
    func numbers(_ half: Half?) -> [UInt8] {
      stride(from: 0, to: pixels(half).count, by: 4).map { pixels(half)[$0] }
    }
    let dataset = try folder.read(testShare: 0.3, channels: 1, seed: 4)
    #expect(dataset.test?.samples.labels == [0, 0, 0, 1, 1, 1] && dataset.train?.samples.count == 14)
    let (train, test) = (numbers(dataset.train), numbers(dataset.test))
    #expect((train[..<7] + test[..<3]).sorted() == Array(0..<10))
    #expect(numbers(try folder.read(testShare: 0.3, channels: 1, seed: 4).test) == test)
    #expect(numbers(try folder.read(testShare: 0.3, channels: 1, seed: 5).test) != test)
    #expect(try folder.read(testShare: 0, channels: 1).test == nil)
  }

  @Test func imagesAreTheSameHoweverManyThreadsDecodeThem() throws {
    defer { Team.limit = 1 }
    let folder = try Folder()
    for i in 0..<70 {
      try folder.write(
        "\(i % 2)/\(i).png", png(5, 4) { x, y, c in UInt8(truncatingIfNeeded: i + 3 * x + 5 * y + c) })
    }
    Team.limit = 1
    let alone = try folder.read(size: 3)
    Team.limit = 4
    let together = try folder.read(size: 3)
    #expect(pixels(together.train) == pixels(alone.train) && pixels(alone.train).count == 70 * 27)
    #expect(together.train?.samples.labels == alone.train?.samples.labels)
    try folder.write("0/4.png", Array("no".utf8))
    #expect(folder.problem(size: 3).hasPrefix("F/0/4.png: no image that can be read: "))
  }

  @Test func imagesAreBroughtToASizeByAreaAndCutInTheMiddle() throws {
    let folder = try Folder()
    // 8 × 4 to 2 × 2: the middle four columns, each pixel the mean of 2 × 2.
    try folder.write("a/1.png", png(8, 4, channels: 1) { x, y, _ in UInt8(10 * x + y) })
    // 2 × 2 larger: between the nearest.
    try folder.write("b/1.png", png(3, 3, channels: 1) { x, y, _ in UInt8(60 * x + 3 * y) })
    let small = pixels(try folder.read(size: 2, channels: 1).train)
    #expect(Array(small[..<4]) == [26, 46, 28, 48])  // 25.5, 45.5, 27.5, 47.5
    // 3 to 2 pixels: one and a half each; (0 + 30) / 1.5 = 20, and 100.
    #expect(Array(small[4...]) == [21, 101, 25, 105])
    try folder.write("b/1.png", png(2, 2, channels: 1) { x, _, _ in UInt8(80 * x) })
    let large = pixels(try folder.read(size: 4, channels: 1).train)
    #expect(Array(large[16..<20]) == [0, 20, 60, 80])
  }

  @Test func jpegFilesAreDecodedAndTurnedGrey() throws {
    let folder = try Folder()
    try folder.write("a/1.jpg", jpeg)
    try folder.write("b/1.jpeg", jpeg)
    let colour = pixels(try folder.read().train)
    for (x, y) in [(0, 0), (5, 3), (15, 7), (9, 6)] {
      for (channel, expected) in [16 * x, 30 * y, 100].enumerated() {
        #expect(abs(Int(colour[channel * 128 + y * 16 + x]) - expected) <= 4, "\(x), \(y), \(channel)")
      }
    }
    let grey = pixels(try folder.read(channels: 1).train)
    let light = 0.299 * 80 + 0.587 * 90 + 0.114 * 100
    #expect(abs(Double(grey[3 * 16 + 5]) - light) <= 3)
    #expect(try folder.read(channels: 1).train?.description.sampleShape == [1, 8, 16])
  }

  @Test func unreadableImagesAreNamedWithTheirPaths() throws {
    let folder = try Folder()
    let good = png(4, 4) { x, _, _ in UInt8(x) }
    try folder.write("a/1.png", good)
    for (bytes, message) in [
      (Array(good.prefix(60)), "F/b/1.png: no image that can be read: "),
      (Array("hello".utf8), "F/b/1.png: no image that can be read: is neither PNG nor JPEG"),
      ([], "F/b/1.png: no image that can be read: is neither PNG nor JPEG"),
      (Array(jpeg.prefix(280)), "F/b/1.png: no image that can be read: "),
      (good.enumerated().map { $0 == 50 ? $1 ^ 1 : $1 }, "F/b/1.png: no image that can be read: "),
    ] {
      try folder.write("b/1.png", bytes)
      #expect(folder.problem(size: 4).hasPrefix(message), "\(bytes.count)")
    }
    try folder.write("b/1.png", png(4, 5) { _, _, _ in 1 })
    #expect(folder.problem() == "F/b/1.png: is 4×5, others are 4×4; write size: to have all of one")
    #expect(folder.problem(size: 4) == "none")
  }

  @Test func foldersThatAreNoDatasetSayWhy() throws {
    let folder = try Folder()
    #expect(
      folder.problem()
        == "F: has no folder, expected one for each of at least two classes, or train/ and test/ with such")
    let image = png(2, 2) { _, _, _ in 1 }
    try folder.write("a/1.png", image)
    #expect(
      folder.problem().hasPrefix("F: has only the folder 'a', expected one for each of at least two classes"))
    try folder.write("b/notes.txt", [])
    #expect(folder.problem() == "F/b: is a class without images (.png, .jpg, .jpeg)")
    try folder.write("b/1.png", image)
    #expect(folder.problem(testShare: 0.5) == "F/a: has 1 image, too few for a test_share of 0.5")
    #expect(folder.problem() == "none")
    try folder.write("train/a/1.png", image)
    #expect(folder.problem() == "F: has 'a' beside train; expected train/ and test/ with the classes in them")
    let halves = try Folder()
    try halves.write("train/a/1.png", image)
    #expect(halves.problem() == "F/train: has 1 classes (folders), expected two or more")
    try halves.write("train/b/1.png", image)
    try halves.write("test/a/1.png", image)
    #expect(halves.problem() == "F: 'b' is a class of only one of train and test")
  }
}

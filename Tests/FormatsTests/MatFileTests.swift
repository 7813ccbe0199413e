// .mat files put together by the published description of the format.

import Formats
import Foundation
import Testing

private func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

private func element(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
  let padding = [UInt8](repeating: 0, count: (8 - body.count % 8) % 8)
  return little(type) + little(UInt32(body.count)) + body + padding
}

/// An array of a MATLAB class, its values stored as a type.
private func matrix(
  _ name: String, _ shape: [Int32], class kind: UInt8, type: UInt32, _ values: [UInt8]
) -> [UInt8] {
  // A name of one to four letters stands in its tag.
  let small = name.utf8.count <= 4
  let named =
    small
    ? little(UInt16(1)) + little(UInt16(name.utf8.count)) + Array(name.utf8)
      + [UInt8](repeating: 0, count: 4 - name.utf8.count)
    : element(1, Array(name.utf8))
  return element(
    14,
    element(6, [kind, 0, 0, 0, 0, 0, 0, 0]) + element(5, shape.flatMap(little)) + named
      + element(type, values)
  )
}

/// Compressed as zlib does it, in blocks that are stored.
private func compressed(_ body: [UInt8]) -> [UInt8] {
  var stream: [UInt8] = [0x78, 1]
  for start in stride(from: 0, to: body.count, by: 65_535) {
    let block = body[start..<min(body.count, start + 65_535)]
    stream +=
      [start + 65_535 >= body.count ? 1 : 0] + little(UInt16(block.count)) + little(~UInt16(block.count))
    stream += block
  }
  var (a, b): (UInt32, UInt32) = (1, 0)
  for byte in body {
    a = (a + UInt32(byte)) % 65_521
    b = (b + a) % 65_521
  }
  stream += withUnsafeBytes(of: (b << 16 | a).bigEndian) { Array($0) }
  return little(UInt32(15)) + little(UInt32(stream.count)) + stream
}

private let header =
  Array("MATLAB 5.0 MAT-file".utf8) + [UInt8](repeating: 32, count: 105) + [0, 1, 0x49, 0x4d]

private func opened<T>(_ bytes: [UInt8], _ body: (MatFile) throws -> T) throws -> T {
  let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).mat")
  defer { try? FileManager.default.removeItem(at: url) }
  try Data(bytes).write(to: url)
  return try body(MatFile(contentsOf: url))
}

private func problem(_ bytes: [UInt8], _ name: String = "X") -> String {
  do {
    _ = try opened(bytes) { try $0.array(name) }
    return "none"
  } catch let error as FormatError { return error.problem } catch { return "\(error)" }
}

@Suite struct MatFileTests {
  @Test func arraysAreReadPlainAndCompressed() throws {
    #expect(header.count == 128)
    let x = matrix("X", [2, 3, 2], class: 9, type: 2, Array(0..<12))
    let labels = matrix(
      "labels", [3, 1], class: 6, type: 9, [1.0, 10, 2.5].flatMap { little($0.bitPattern) })
    for file in [x + labels, compressed(x) + compressed(labels), compressed(labels) + x] {
      try opened(header + file) { mat in
        #expect(try mat.shape(of: "X") == [2, 3, 2])
        let array = try mat.array("X")
        #expect(array.elementType == .u8 && array.shape == [2, 3, 2] && Array(array.bytes) == Array(0..<12))
        let y = try mat.array("labels")
        #expect(y.elementType == .f64 && y.shape == [3, 1])
        #expect(StoredArray(y.elementType, shape: y.shape, bytes: y.bytes).doubles() == [1, 10, 2.5])
      }
    }
  }

  @Test func smallElementsStandInTheirTags() throws {
    // y = [1, 2] as MATLAB writes it: two bytes in a tag.
    let body =
      element(6, [9, 0, 0, 0, 0, 0, 0, 0]) + element(5, little(Int32(2)) + little(Int32(1)))
      + little(UInt16(1)) + little(UInt16(1)) + [UInt8(ascii: "y"), 0, 0, 0]
      + little(UInt16(2)) + little(UInt16(2)) + [1, 2, 0, 0]
    let values = try opened(header + element(14, body)) { try Array($0.array("y").bytes) }
    #expect(values == [1, 2])
  }

  @Test func wrongFilesSayWhatIsWrong() {
    let x = matrix("X", [2, 3], class: 9, type: 2, Array(0..<6))
    #expect(problem(Array("nothing".utf8)).hasPrefix("is no .mat file of level 5 in little-endian order"))
    #expect(
      problem(Array(header.prefix(124)) + [0, 2, 0x49, 0x4d])
        == "is a .mat file of version 7.3 (HDF5); save it with -v7, or as .npz for dataset/arrays")
    #expect(problem(header + x, "Z") == "has no array 'Z'; it has X")
    #expect(problem(header, "Z") == "has no array 'Z'; it has none")
    #expect(
      problem(Array((header + x).dropLast(8))).hasPrefix(
        "ends early: the element at byte 128 wants bytes up to"))
    #expect(problem(header + [1, 2, 3]) == "ends early: a tag is wanted at byte 128, there are 131 bytes")
    #expect(
      problem(header + matrix("X", [2, 4], class: 9, type: 2, Array(0..<6)))
        == "X: found 6 bytes of values, expected 8 for [2, 4] of U8")
    #expect(
      problem(header + matrix("X", [2, 3], class: 1, type: 2, Array(0..<6)))
        == "has an array of MATLAB's class 1; known are real numbers (6 to 15)")
    #expect(
      problem(header + matrix("X", [-2, 3], class: 9, type: 2, []))
        == "damaged array: its extents are [-2, 3]")
    var damaged = compressed(x)
    damaged[damaged.count - 1] ^= 1
    #expect(problem(header + damaged).hasPrefix("compressed data are damaged: "))
    // A few bytes that claim to be 2⁴⁸.
    #expect(
      problem(header + matrix("X", [1 << 16, 1 << 16, 1 << 16], class: 9, type: 2, [])).hasPrefix(
        "damaged array: its extents are"))
  }
}

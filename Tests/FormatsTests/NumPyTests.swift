import Formats
import Foundation
import Tensor
import Testing

// Written by NumPy 2.4.6.
private let compressedArchive = """
  UEsDBC0AAAAIAAAAIQCHKnrk//////////8FABQAYS5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6l\
  oG6TZqKuo6Cell9UUpSYF59flJIKEg8pKk0FChdnJBakArkaRjoKxpo6CrUK5AMuBjA4YA8kQNiBgaEBSCs4AABQSwMELQAAAAgA\
  AAAhAGfe/2j//////////wUAFABuLm5weQEAEACQAAAAAAAAAEoAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6W\
  X1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjqaOgq1ChQALmYGCPgPBQBQSwECLQMtAAAACAAAACEAhyp65FUAAACYAAAABQAA\
  AAAAAAAAAAAAgAEAAAAAYS5ucHlQSwECLQMtAAAACAAAACEAZ97/aEoAAACQAAAABQAAAAAAAAAAAAAAgAGMAAAAbi5ucHlQSwUG\
  AAAAAAIAAgBmAAAADQEAAAAA
  """
private let storedArchive = """
  UEsDBC0AAAAAAAAAIQCCX1jr//////////8FABQAYS5ucHkBABAAhAAAAAAAAACEAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzog\
  J3x1MScsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAyKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAg\
  ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAQIDBFBLAQItAy0AAAAAAAAAIQCCX1jrhAAAAIQAAAAFAAAAAAAAAAAA\
  AACAAQAAAABhLm5weVBLBQYAAAAAAQABADMAAAC7AAAAAAA=
  """
/// `arange(24.0).reshape(2, 3, 4).transpose(2, 1, 0)`: Fortran order.
private let transposed = """
  k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoNCwgMywgMiksIH0gICAg\
  ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAPA/AAAAAAAA\
  AEAAAAAAAAAIQAAAAAAAABBAAAAAAAAAFEAAAAAAAAAYQAAAAAAAABxAAAAAAAAAIEAAAAAAAAAiQAAAAAAAACRAAAAAAAAAJkAA\
  AAAAAAAoQAAAAAAAACpAAAAAAAAALEAAAAAAAAAuQAAAAAAAADBAAAAAAAAAMUAAAAAAAAAyQAAAAAAAADNAAAAAAAAANEAAAAAA\
  AAA1QAAAAAAAADZAAAAAAAAAN0A=
  """

/// What `body` makes of a file of these bytes, which is gone afterwards.
private func withFile<T>(_ name: String, _ data: Data, _ body: (URL) throws -> T) throws -> T {
  let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: directory) }
  let url = directory.appending(path: name)
  try data.write(to: url)
  return try body(url)
}

@Test func archivesOfNumPyAreReadStoredAndDeflated() throws {
  let arrays = try withFile("c.npz", Data(base64Encoded: compressedArchive)!, NumPy.readArchive)
  #expect(arrays.keys.sorted() == ["a", "n"])
  #expect(arrays["a"]!.shape == [2, 3])
  #expect(arrays["a"]!.tensor().values == [0, 0.5, 1, 1.5, 2, 2.5])
  #expect(try arrays["n"]!.integers() == [3, -1])

  let stored = try withFile("s.npz", Data(base64Encoded: storedArchive)!, NumPy.readArchive)
  #expect(stored["a"]!.elementType == .u8)
  #expect(try stored["a"]!.integers() == [1, 2, 3, 4])
}

@Test func shapesAreInTheHeaders() throws {
  func shapes(_ name: String, _ text: String) throws -> [String: [Int]] {
    try withFile(name, Data(base64Encoded: text.replacing("\n", with: ""))!) { url in
      let file = try ArrayFile(contentsOf: url)
      return Dictionary(uniqueKeysWithValues: try file.names.map { ($0, try file.shape(of: $0)) })
    }
  }
  #expect(try shapes("c.npz", compressedArchive) == ["a": [2, 3], "n": [2]])
  #expect(try shapes("s.npz", storedArchive) == ["a": [2, 2]])
  #expect(try shapes("t.npy", transposed) == ["t": [4, 3, 2]])
  // The data needn't be there.
  let header = Data(base64Encoded: transposed.replacing("\n", with: ""))!.prefix(128)
  #expect(try shapes("h.npy", header.base64EncodedString()) == ["h": [4, 3, 2]])
}

@Test func damagedArchivesAreRefused() throws {
  let whole = Data(base64Encoded: compressedArchive)!
  for length in 0..<whole.count {
    #expect(throws: FormatError.self, "cut at \(length)") {
      try withFile("short.npz", whole.prefix(length), NumPy.readArchive)
    }
  }
  let arrays = try withFile("whole.npz", whole, NumPy.readArchive).mapValues { $0.doubles() }
  for bit in 0..<(whole.count * 8) {
    var flipped = whole
    flipped[bit / 8] ^= 1 << (bit % 8)
    // What nobody reads (dates, attributes) and names of members may change; values may not.
    let read = try? withFile("flipped.npz", flipped, NumPy.readArchive).mapValues { $0.doubles() }
    let foreign = (read ?? [:]).values.filter { !arrays.values.contains($0) }
    #expect(foreign.isEmpty, "bit \(bit) flipped")
  }
}

private typealias DirectoryEntry = (name: String, size: UInt32, member: UInt32)

/// An archive of two empty deflated members, with a directory that says of them what it likes.
private func archive(_ entries: [DirectoryEntry]) -> Data {
  func little<T: FixedWidthInteger>(_ value: T) -> Data {
    withUnsafeBytes(of: value.littleEndian) { Data($0) }
  }
  let member = little(UInt32(0x0403_4b50)) + Data(count: 26) + Data([3, 0])
  var out = member + member
  let directory = out.count
  for entry in entries {
    out += little(UInt32(0x0201_4b50)) + Data(count: 6) + little(UInt16(8)) + Data(count: 8)
    out += little(UInt32(2)) + little(entry.size) + little(UInt16(entry.name.utf8.count))
    out += Data(count: 12) + little(entry.member * UInt32(member.count)) + Data(entry.name.utf8)
  }
  out += little(UInt32(0x0605_4b50)) + Data(count: 6) + little(UInt16(entries.count))
  return out + little(UInt32(out.count - directory)) + little(UInt32(directory)) + little(UInt16(0))
}

@Test func archivesThatGrowBeyondMemoryAreRefused() throws {  // H14
  func problem(_ entries: DirectoryEntry...) throws -> String {
    do {
      _ = try withFile("bomb.npz", archive(entries), NumPy.readArchive)
      return "none"
    } catch let error as FormatError { return error.problem }
  }
  #expect(try problem(("a", 0, 0), ("b", 0, 1)) == "none")
  #expect(try problem(("a", 0, 0), ("b", 0, 0)) == "zip archive: 'a' and 'b' overlap")
  #expect(try problem(("a.npy", 1, 0)) == "zip archive: 'a.npy' has 0 bytes, its directory entry says 1")
  #expect(
    try problem(("a", .max - 1, 0), ("b", .max - 1, 1))
      == "zip archive: its entries unpack to more than 4 GiB; save the arrays without compression")
}

@Test func fortranOrderBecomesRowMajor() throws {
  let array = try NumPy.decode(Data(base64Encoded: transposed)!, file: "t.npy")
  #expect(array.shape == [4, 3, 2])
  // Element (i, j, k) is 12k + 4j + i.
  var expected: [Double] = []
  for i in 0..<4 { for j in 0..<3 { for k in 0..<2 { expected.append(Double(12 * k + 4 * j + i)) } } }
  #expect(array.doubles() == expected)
}

@Test func npyFilesReadBackAsWritten() throws {
  try withFile("w.npy", Data()) { url in
    try NumPy.write(StoredArray(doubles: [0.1, 2, 3], shape: [3]), to: url)
    #expect(try Data(contentsOf: url).count == 128 + 24)
    let read = try NumPy.read(url)
    #expect(read.doubles() == [0.1, 2, 3])
    #expect(read.shape == [3])
  }
}

@Test func wrongNpyFilesSayWhatIsWrong() throws {
  func problem(_ text: String, data: Int = 0) -> String {
    let header = Array(text.utf8)
    let bytes: [UInt8] =
      [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0] + header
      + [UInt8](repeating: 0, count: data)
    do {
      _ = try NumPy.decode(Data(bytes), file: "x.npy")
      return "none"
    } catch { return "\(error)" }
  }
  #expect(problem("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", data: 4) == "none")
  #expect(
    problem("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", data: 4).contains(
      "element type '>f4'"))
  #expect(
    problem("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", data: 4)
      == "x.npy: found 4 bytes of data, expected 8 for <f4 [2]")
  #expect(problem("{'descr': [('a', '<f4')], 'shape': (1,)}").contains("arrays of records are not read"))
  #expect(throws: FormatError.self) { try NumPy.decode(Data("hello, world".utf8), file: "x.npy") }
}

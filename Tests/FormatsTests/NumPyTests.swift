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

private func temporaryFile(_ name: String, _ data: Data) throws -> URL {
  let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  let url = directory.appending(path: name)
  try data.write(to: url)
  return url
}

@Test func archivesOfNumPyAreReadStoredAndDeflated() throws {
  let url = try temporaryFile("c.npz", Data(base64Encoded: compressedArchive)!)
  let arrays = try NumPy.readArchive(url)
  #expect(arrays.keys.sorted() == ["a", "n"])
  #expect(arrays["a"]!.shape == [2, 3])
  #expect(arrays["a"]!.tensor().values == [0, 0.5, 1, 1.5, 2, 2.5])
  #expect(try arrays["n"]!.integers() == [3, -1])

  let stored = try NumPy.readArchive(temporaryFile("s.npz", Data(base64Encoded: storedArchive)!))
  #expect(stored["a"]!.elementType == .u8)
  #expect(try stored["a"]!.integers() == [1, 2, 3, 4])
}

@Test func damagedArchivesAreRefused() throws {
  let whole = Data(base64Encoded: compressedArchive)!
  for length in stride(from: 0, to: whole.count - 1, by: 7) {
    let url = try temporaryFile("short.npz", whole.prefix(length))
    #expect(throws: FormatError.self, "cut at \(length)") { try NumPy.readArchive(url) }
  }
  var flipped = whole
  flipped[90] ^= 4  // inside the deflated data
  let url = try temporaryFile("flipped.npz", flipped)
  #expect(throws: FormatError.self) { try NumPy.readArchive(url) }
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
  let url = try temporaryFile("w.npy", Data())
  try NumPy.write(StoredArray(doubles: [0.1, 2, 3], shape: [3]), to: url)
  #expect(try Data(contentsOf: url).count == 128 + 24)
  let read = try NumPy.read(url)
  #expect(read.doubles() == [0.1, 2, 3])
  #expect(read.shape == [3])
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

import Formats
import Foundation
import Testing

/// "hello\n", by gzip 1.12 without name and time.
private let hello: [UInt8] = [
  0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 0x02, 0, 0x20, 0x30, 0x3a, 0x36, 6,
  0, 0,
  0,
]

private func read(_ bytes: [UInt8]) throws -> Data {
  let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  defer { try? FileManager.default.removeItem(at: url) }
  try Data(bytes).write(to: url)
  return try readDecompressed(url)
}

@Test func gzipFilesOfOneAndMoreMembersAreRead() throws {
  #expect(try read(hello) == Data("hello\n".utf8))
  #expect(try read(hello + hello) == Data("hello\nhello\n".utf8))
  #expect(try read([1, 2, 3]) == Data([1, 2, 3]))
}

@Test func theBeginningOfAFileIsReadAlone() throws {
  func beginning(_ bytes: [UInt8], _ count: Int) throws -> Data {
    let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: url) }
    try Data(bytes).write(to: url)
    return try readBeginning(url, bytes: count)
  }
  #expect(try beginning(hello, 3) == Data("hel".utf8))
  #expect(try beginning(hello, 9) == Data("hello\n".utf8))
  #expect(try beginning(Array(hello.prefix(15)), 2) == Data("he".utf8))
  #expect(try beginning([1, 2, 3], 2) == Data([1, 2]))
  #expect(throws: FormatError.self) { try beginning([0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9], 2) }
}

@Test func damagedGzipFilesAreRefused() {
  for length in 2..<hello.count {
    #expect(throws: FormatError.self, "cut at \(length)") { try read(Array(hello.prefix(length))) }
  }
  var wrong = hello
  wrong[18] ^= 1  // the checksum
  #expect(throws: FormatError.self) { try read(wrong) }
}

@Test func compressedDataBeyondWhatIsDeclaredAreRefused() throws {  // H14
  func read(header: Int, size: Int) throws -> Data {
    let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: url) }
    try Data(hello + hello).write(to: url)
    return try readDecompressed(url, declared: DeclaredSize(header: header) { _ in size })
  }
  func problem(header: Int, size: Int) -> String {
    do {
      _ = try read(header: header, size: size)
      return "none"
    } catch let error as FormatError { return error.problem } catch { return "\(error)" }
  }
  #expect(try read(header: 4, size: 12) == Data("hello\nhello\n".utf8))
  #expect(
    problem(header: 4, size: 11)
      == "compressed data are damaged: they give more than the 11 bytes that are declared")
  #expect(
    problem(header: 4, size: largestUnpacked + 1)
      == "unpacks to more than 4 GiB; unpack it first, plain files may be of any size")
}

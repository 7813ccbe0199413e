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

@Test func damagedGzipFilesAreRefused() {
  for length in 2..<hello.count {
    #expect(throws: FormatError.self, "cut at \(length)") { try read(Array(hello.prefix(length))) }
  }
  var wrong = hello
  wrong[18] ^= 1  // the checksum
  #expect(throws: FormatError.self) { try read(wrong) }
}

@Test func csvQuotesWhatNeedsIt() {
  let text = CSV.encode(
    header: ["a", "b"], rows: [["1", "x,y"], ["say \"hi\"", "two\r\nlines"], ["", " spaced "]])
  #expect(text == "a,b\r\n1,\"x,y\"\r\n\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n, spaced \r\n")
}

// Archives that the system's tar makes, and what damage, bad names and other sorts of entries do.

import Formats
import Foundation
import Testing

private struct Workbench: ~Copyable {
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  var out: URL { folder.appending(path: "out") }

  init() throws { try FileManager.default.createDirectory(at: out, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: folder) }

  func write(_ path: String, _ bytes: Data) throws {
    let url = folder.appending(path: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try bytes.write(to: url)
  }

  func tar(_ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["tar", "-C", folder.path] + arguments
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }

  func unpack(_ name: String, _ isWanted: (String) -> Bool = { $0.hasSuffix(".bin") }) throws -> [String] {
    try unpackTar(folder.appending(path: name), into: out, where: isWanted).sorted()
  }

  func problem(_ name: String) -> String {
    do {
      return "none: \(try unpack(name))"
    } catch { return "\(error)".replacing(folder.path + "/", with: "") }
  }
}

@Suite struct TarTests {
  @Test(arguments: ["ustar", "pax", "gnu", "v7"], ["", ".gz"])
  func filesAreTakenByTheirLastNames(format: String, ending: String) throws {
    let bench = try Workbench()
    let one = Data((0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) })
    let long = format == "v7" ? "d" : String(repeating: "folder-of-a-long-name/", count: 6)
    try bench.write("in/\(long)/one.bin", one)
    try bench.write("in/two.bin", Data())
    try bench.write("in/readme.html", Data("no".utf8))
    try FileManager.default.createSymbolicLink(
      atPath: bench.folder.path + "/in/link.bin", withDestinationPath: "/etc/passwd")
    try bench.tar(
      "--format=\(format)", ending.isEmpty ? "-cf" : "-czf", "\(bench.folder.path)/a.tar\(ending)", "in")
    #expect(try bench.unpack("a.tar\(ending)") == ["one.bin", "two.bin"])
    #expect(try Data(contentsOf: bench.out.appending(path: "one.bin")) == one)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: bench.out.path).sorted() == ["one.bin", "two.bin"])
  }

  @Test func noNameLeadsOutOfTheFolder() throws {
    let bench = try Workbench()
    try bench.write("in/evil.bin", Data("evil".utf8))
    try bench.tar("-cPf", "\(bench.folder.path)/a.tar", "--transform=s,in/,../../,", "in/evil.bin")
    #expect(try bench.unpack("a.tar") == ["evil.bin"])
    #expect(FileManager.default.fileExists(atPath: bench.out.appending(path: "evil.bin").path))
    try bench.tar("-cPf", "\(bench.folder.path)/b.tar", "--transform=s,in/evil.bin,..,", "in/evil.bin")
    #expect(try bench.unpack("b.tar", { _ in true }) == [])
  }

  @Test func damageSaysWhatAndWhere() throws {
    let bench = try Workbench()
    try bench.write("x/one.bin", Data(repeating: 7, count: 5000))
    try bench.write("y/one.bin", Data(repeating: 8, count: 10))
    try bench.tar("-cf", "\(bench.folder.path)/a.tar", "x")
    let whole = try Data(contentsOf: bench.folder.appending(path: "a.tar"))
    try bench.write("short.tar", whole.prefix(3000))
    #expect(
      bench.problem("short.tar")
        == "short.tar: tar archive: ends early, 3144 bytes before the end of 'x/one.bin'")
    try bench.write("cut.tar", whole.prefix(700))
    #expect(bench.problem("cut.tar") == "cut.tar: tar archive: ends early, after 700 bytes")
    var wrong = whole
    wrong[600] ^= 1
    try bench.write("wrong.tar", wrong)
    #expect(
      bench.problem("wrong.tar")
        == "wrong.tar: tar archive: no entry at byte 512 (its checksum is wrong): damaged, or "
        + "no tar archive (.tar, .tar.gz)")
    try bench.write("empty.tar", Data())
    #expect(bench.problem("empty.tar") == "empty.tar: tar archive: the file is empty")
    try bench.tar("-czf", "\(bench.folder.path)/a.tar.gz", "x")
    let packed = try Data(contentsOf: bench.folder.appending(path: "a.tar.gz"))
    try bench.write("short.tar.gz", packed.dropLast(20))
    #expect(bench.problem("short.tar.gz") == "short.tar.gz: compressed data are damaged: they end early")
    var flipped = packed
    flipped[flipped.count - 6] ^= 1
    try bench.write("flipped.tar.gz", flipped)
    #expect(bench.problem("flipped.tar.gz").hasPrefix("flipped.tar.gz: compressed data are damaged: "))
    try bench.tar("-cf", "\(bench.folder.path)/twice.tar", "x", "y")
    #expect(bench.problem("twice.tar") == "twice.tar: tar archive: has two files called 'one.bin'")
    #expect(bench.problem("none.tar").hasPrefix("none.tar: can't be read: "))
  }
}

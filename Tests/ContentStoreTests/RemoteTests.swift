import Canonical
import ContentStore
import Foundation
import Testing

/// A sort of remote under test. Another sort is one more line in `all`: it then has to pass everything here.
struct RemoteFixture: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var make: @Sendable (Scratch) throws -> any Remote

  static let all = [
    RemoteFixture(testDescription: "directory") { try DirectoryRemote(at: $0["remote"]) }
  ]
}

extension Remote {
  func put(_ bytes: [UInt8], as stored: Digest? = nil) throws {
    var left = bytes[...]
    try putBlob(stored ?? Digest.of(bytes), size: bytes.count) { buffer in
      // Small pieces: a source may give fewer bytes than there is room for.
      let n = min(left.count, buffer.count, 10_000)
      buffer.copyBytes(from: left.prefix(n))
      left = left.dropFirst(n)
      return n
    }
  }

  func get(_ stored: Digest, limit: Int) throws -> [UInt8]? {
    var bytes: [UInt8] = []
    return try blob(stored, limit: limit) { bytes.append(contentsOf: $0) } ? bytes : nil
  }
}

/// What every remote must do.
@Suite struct RemoteTests {
  let scratch = try! Scratch()

  @Test(arguments: RemoteFixture.all) func blobsComeBack(fixture: RemoteFixture) throws {
    let remote = try fixture.make(scratch)
    for size in [0, 1, 5000, 700_001] {
      let bytes = noise(size)
      let stored = Digest.of(bytes)
      #expect(try !remote.hasBlob(stored, size: size))
      #expect(try remote.get(stored, limit: size) == nil)
      try remote.put(bytes)
      #expect(try remote.hasBlob(stored, size: size))
      #expect(try remote.get(stored, limit: size) == bytes)
      try remote.put(bytes)
      #expect(try remote.get(stored, limit: size) == bytes)
      if size > 2 { #expect(try remote.get(stored, limit: size - 2)?.count == size - 1) }
    }
  }

  @Test(arguments: RemoteFixture.all) func theFirstRecordStaysUnlessItIsKnownToBeWrong(fixture: RemoteFixture)
    throws
  {
    let remote = try fixture.make(scratch)
    let key = Digest.of("key".utf8)
    #expect(try !remote.hasRecord(key))
    #expect(try remote.record(key, limit: 100) == nil)
    #expect(try remote.putRecord([1, 2, 3], for: key, replacing: false))
    #expect(try remote.hasRecord(key))
    #expect(try !remote.putRecord([4], for: key, replacing: false))
    #expect(try remote.record(key, limit: 3) == [1, 2, 3])
    #expect(throws: StoreError.self) { try remote.record(key, limit: 2) }
    #expect(try remote.putRecord([4], for: key, replacing: true))
    #expect(try remote.record(key, limit: 3) == [4])
    #expect(try remote.keys() ?? [key] == [key])
  }

  @Test(arguments: RemoteFixture.all) func whatFailsHalfwayLeavesNothing(fixture: RemoteFixture) throws {
    let remote = try fixture.make(scratch)
    let stored = Digest.of("x".utf8)
    var calls = 0
    #expect(throws: CancellationError.self) {
      try remote.putBlob(stored, size: 20) { buffer in
        calls += 1
        if calls == 2 { throw CancellationError() }
        buffer[0] = 1
        return 1
      }
    }
    #expect(try remote.get(stored, limit: 20) == nil)
    #expect(try !remote.hasBlob(stored, size: 1))
  }

  @Test(arguments: RemoteFixture.all) func aDamagedBlobGivesWay(fixture: RemoteFixture) throws {
    let remote = try fixture.make(scratch)
    let good = noise(30_000)
    try remote.put(noise(30_000, seed: 2), as: Digest.of(good))
    try remote.put(good)
    #expect(try remote.get(Digest.of(good), limit: 30_000) == good)
  }

  @Test(arguments: RemoteFixture.all) func manyWritersOfOneBlobAllSucceed(fixture: RemoteFixture) async throws
  {
    let remote = try fixture.make(scratch)
    let bytes = noise(300_000)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { try remote.put(bytes) } }
      try await group.waitForAll()
    }
    #expect(try remote.get(Digest.of(bytes), limit: 300_000) == bytes)
  }

  @Test func aDirectoryHasTheLayoutOfACacheServer() throws {
    let remote = try DirectoryRemote(at: scratch["remote"])
    let bytes = noise(100)
    let stored = Digest.of(bytes)
    try remote.put(bytes)
    _ = try remote.putRecord([1], for: stored, replacing: false)
    #expect(try Array(Data(contentsOf: scratch["remote/v1/cas/\(stored)"])) == bytes)
    #expect(try Array(Data(contentsOf: scratch["remote/v1/ac/\(stored)"])) == [1])
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["remote/v1/temporary"].path) == [])
    let mode = try FileManager.default.attributesOfItem(atPath: scratch["remote/v1/cas/\(stored)"].path)
    #expect(mode[.posixPermissions] as? Int == 0o444)
  }

  @Test func placesAreOpenedByTheirScheme() throws {
    let base = scratch.url
    #expect(try openRemote("team", relativeTo: base).description == scratch["team"].path)
    #expect(try openRemote(scratch["team"].path, relativeTo: base).description == scratch["team"].path)
    #expect(
      try openRemote("file://" + scratch["team"].path, relativeTo: base).description == scratch["team"].path)
    let file = try scratch.write([1], to: "file")
    for (place, reason) in [
      ("gopher://x", "there is no remote of the sort 'gopher'"),
      ("no/where", "no such directory, nor the one above"),
      (file.path, "a remote is a directory, but this is a file"),
    ] {
      let problem = #expect(throws: StoreError.self) { try openRemote(place, relativeTo: base) }
      #expect("\(problem!)".contains(reason))
    }
  }
}

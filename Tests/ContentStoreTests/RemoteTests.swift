import Canonical
import ContentStore
import Foundation
import Testing

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

/// The remote that is a directory, and how places are opened. What every remote must do is in RemotesTests.
@Suite struct RemoteTests {
  let scratch = try! Scratch()

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

  @Test(.timeLimit(.minutes(1))) func aHugeFileUnderABlobsNameIsNotReadThrough() throws {
    // H6: its digest was taken, however long that took.
    let remote = try DirectoryRemote(at: scratch["remote"])
    let bytes = noise(30_000)
    let place = scratch["remote/v1/cas/\(Digest.of(bytes))"]
    try scratch.write([], to: "remote/v1/cas/\(Digest.of(bytes))")
    #expect(truncate(place.path, 1 << 42) == 0)
    #expect(try !remote.hasBlob(Digest.of(bytes), size: bytes.count))
    try remote.put(bytes)
    #expect(try remote.get(Digest.of(bytes), limit: 30_000) == bytes)
  }

  @Test func groupAndPermissionsAreThoseOfTheRootWhateverTheUmask() async throws {
    // A11, H16: folders had the first user's umask, so that a second user couldn't publish.
    let root = scratch["remote"].path
    mkdir(root, 0o755)
    chmod(root, 0o2770)
    let group: gid_t = geteuid() == 0 ? 12345 : getegid()
    #expect(chown(root, uid_t.max, group) == 0)
    chmod(root, 0o2770)
    await #expect(processExitsWith: .success) { [root = root as String] in
      umask(0o077)
      let remote = try DirectoryRemote(at: URL(fileURLWithPath: root))
      try remote.put([1, 2, 3])
      _ = try remote.putRecord([1], for: Digest.of([1]), replacing: false)
    }
    let below = try FileManager.default.subpathsOfDirectory(atPath: root)
    #expect(below.count == 7)
    for path in below {
      var status = stat()
      stat(root + "/" + path, &status)
      #expect(status.st_gid == group, "\(path)")
      #expect(status.st_mode & 0o2777 == (status.st_mode & S_IFMT == S_IFDIR ? 0o2770 : 0o440), "\(path)")
    }
  }

  @Test func aNewRemoteInASharedFolderIsShared() async throws {
    // H16: umask 077 made it private without a word.
    try FileManager.default.createDirectory(at: scratch["team"], withIntermediateDirectories: false)
    chmod(scratch["team"].path, 0o2775)
    let root = scratch["team/remote"].path
    await #expect(processExitsWith: .success) { [root = root as String] in
      umask(0o077)
      _ = try DirectoryRemote(at: URL(fileURLWithPath: root))
    }
    var status = stat()
    stat(root, &status)
    #expect(status.st_mode & 0o2777 == 0o2775)
  }

  @Test func aRemoteThatHasGoneIsNotAnEmptyOne() throws {
    // A11
    let remote = try DirectoryRemote(at: scratch["remote"])
    try remote.put([1])
    try FileManager.default.moveItem(at: scratch["remote/v1"], to: scratch["away"])
    let key = Digest.of([1])
    func expectAbsent(_ body: () throws -> Void) {
      let problem = #expect(throws: StoreError.self) { try body() }
      guard case .remoteAbsent(scratch["remote"].path, _)? = problem else {
        Issue.record("\(problem as Any)"); return
      }
    }
    expectAbsent { _ = try remote.record(key, limit: 10) }
    expectAbsent { _ = try remote.hasRecord(key) }
    expectAbsent { _ = try remote.get(key, limit: 10) }
    expectAbsent { _ = try remote.hasBlob(key, size: 1) }
    expectAbsent { _ = try remote.keys() }
    expectAbsent { try remote.put([1]) }
    expectAbsent { _ = try remote.putRecord([1], for: key, replacing: false) }
    let problem = #expect(throws: StoreError.self) { try DirectoryRemote(at: scratch["no/where"]) }
    guard case .remoteAbsent(scratch["no/where"].path, _)? = problem else { throw CancellationError() }
  }

  @Test func aFolderThatIsEmptyWhereARemoteWasIsNotTakenForANewOne() throws {
    // A11: the mount point of a filesystem that isn't mounted.
    let store = try Store.open(at: scratch["store"])
    let open = { try store.openRemote("remote", relativeTo: scratch.url) }
    let first = try open()
    try first.put([1])
    #expect(try open().identity == first.identity && first.identity != nil)
    try FileManager.default.moveItem(at: scratch["remote/v1"], to: scratch["away"])
    let problem = #expect(throws: StoreError.self) { try open() }
    #expect(
      "\(problem!)".contains("it was used before, but there is nothing now. Is its filesystem mounted?"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["remote"].path) == [])
    try FileManager.default.removeItem(at: scratch["remote"])
    #expect(throws: StoreError.self) { try open() }
    // Who wants it anew says so.
    try FileManager.default.createDirectory(at: scratch["remote/v1"], withIntermediateDirectories: true)
    #expect(try open().identity != first.identity)
    #expect(try open().get(Digest.of([1]), limit: 10) == nil)
  }

  @Test func aFolderOfOtherThingsIsNotMadeARemote() throws {
    try scratch.write([1], to: "home/thesis.tex")
    let problem = #expect(throws: StoreError.self) { try DirectoryRemote(at: scratch["home"]) }
    #expect("\(problem!)".contains(#"it holds "thesis.tex" and so on, but no remote"#))
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["home"].path) == ["thesis.tex"])
    #expect(throws: StoreError.self) { try openRemote("", relativeTo: scratch.url) }
  }

  @Test func aRemoteOfAnEarlierVersionIsOne() throws {
    try scratch.write([1], to: "remote/v1/ac/\(Digest.of([1]))")
    let remote = try DirectoryRemote(at: scratch["remote"])
    #expect(try remote.keys() == [Digest.of([1])])
    #expect(remote.identity != nil)
  }
}

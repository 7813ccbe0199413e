import Canonical
import ContentStore
import Foundation
import Testing

/// Several processes on one store, and processes that die in the middle. Each closure with `processExitsWith` runs in a
/// process of its own.
@Suite struct ProcessTests {
  let scratch = try! Scratch()

  @Test func processesAndThreadsThatPublishTheSameBlobsAllSucceed() async throws {
    let path = scratch["store"].path
    func writer(_ number: Int) async {
      await #expect(processExitsWith: .success) { [path = path as String, number = number as Int] in
        let store = try Store.open(at: URL(fileURLWithPath: path))
        await withTaskGroup(of: Void.self) { group in
          for thread in 0..<3 {
            group.addTask {
              for i in 0..<20 {
                // The same blobs and keys everywhere, and some of one's own.
                try! store.publish(floats(10_000, seed: UInt64(i)), as: "shared \(i)")
                try! store.publish(prose(100 + i), as: "own \(number) \(thread) \(i)")
              }
            }
          }
        }
      }
    }
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<4 { group.addTask { await writer(number) } }
    }
    let store = try Store.open(at: scratch["store"])
    let stats = try store.stats()
    #expect(stats.records == 20 + 4 * 3 * 20)
    #expect(stats.total.count == 20 + 20)
    for i in 0..<20 {
      let bytes = floats(10_000, seed: UInt64(i))
      #expect(try store.read(Digest.of(bytes)) == bytes)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["store/temporary"].path) == [])
  }

  @Test(arguments: [1, 4, 16, 40]) func aProcessKilledWhileItWritesLeavesTheStoreWhole(milliseconds: Int)
    async throws
  {
    try Store.open(at: scratch["store"]).publish(prose(40_000), as: "earlier")
    let path = scratch["store"].path
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [path = path as String, milliseconds = milliseconds as Int] in
      let store = try Store.open(at: URL(fileURLWithPath: path))
      try store.publish(prose(40_001), as: "just before")
      Thread.detachNewThread {
        usleep(UInt32(milliseconds) * 1000)
        kill(getpid(), SIGKILL)
      }
      for i in 0..<1_000_000 { try store.publish(noise(400_000, seed: UInt64(i + 2)), as: "\(i)") }
    }
    let store = try Store.open(at: scratch["store"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["store/temporary"].path) == [])
    for (size, name) in [(40_000, "earlier"), (40_001, "just before")] {
      let record = try #require(
        try store.record(for: Digest.of(JSON.object(["kind": .string(name)]).canonical.utf8)))
      #expect(try store.read(record.artifacts["out"]!.digest) == prose(size))
    }
    // Every record has its blob, whole; what was half written is written again.
    for i in 0..<10 {
      let bytes = noise(400_000, seed: UInt64(i + 2))
      let key = Digest.of(JSON.object(["kind": .string("\(i)")]).canonical.utf8)
      if try store.record(for: key) != nil { #expect(try store.read(Digest.of(bytes)) == bytes) }
      try store.publish(bytes, as: "\(i)")
      #expect(try store.read(Digest.of(bytes)) == bytes)
    }
  }

  @Test(.enabled(if: Tmpfs.isPossible, "a full disk needs the right to mount a small one"))
  func aFullDiskIsACleanFailure() throws {
    let disk = try Tmpfs(megabytes: 2)
    let store = try Store.open(at: disk.url.appendingPathComponent("store"))
    try store.publish(prose(40_000), as: "earlier")
    let full = StoreError.full(path: "")
    var failed = 0
    for i in 0..<20 {
      do { try store.publish(noise(300_000, seed: UInt64(i + 2)), as: "\(i)") } catch let error as StoreError
      {
        guard case .full = error else { throw error }
        #expect("\(error)".contains("no room left") && "\(full)".contains("no room left"))
        failed += 1
        let key = Digest.of(JSON.object(["kind": .string("\(i)")]).canonical.utf8)
        #expect(try store.record(for: key) == nil)
      }
    }
    #expect(failed > 10)
    let temporary = disk.url.appendingPathComponent("store/temporary").path
    #expect(try FileManager.default.contentsOfDirectory(atPath: temporary) == [])
    #expect(try store.read(Digest.of(prose(40_000))) == prose(40_000))

    // Fill the index too: what can't be recorded isn't.
    var small = 0
    for i in 0..<2000 {
      do { try store.publish(noise(8000, seed: UInt64(i + 100)), as: "small \(i)") } catch let error
        as StoreError
      {
        guard case .full = error else { throw error }
        small += 1
        if small == 3 { break }
      }
    }
    #expect(small == 3)
    let again = try Store.open(at: disk.url.appendingPathComponent("store"))
    #expect(try again.read(Digest.of(prose(40_000))) == prose(40_000))
    for blob in again.directoryBlobs { #expect(try again.read(blob).count > 0) }
  }
}

extension Store {
  /// The digests of the files under `blobs/`.
  fileprivate var directoryBlobs: [Digest] {
    let blobs = directory.appendingPathComponent("blobs").path
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: blobs)) ?? []
    return names.compactMap { Digest(hex: ($0 as NSString).lastPathComponent.prefix(64)) }
  }
}

/// A small filesystem in memory, mounted while the value lives.
final class Tmpfs: Sendable {
  let scratch: Scratch
  var url: URL { scratch["disk"] }

  init(megabytes: Int) throws {
    scratch = try Scratch()
    try FileManager.default.createDirectory(at: scratch["disk"], withIntermediateDirectories: true)
    guard mount("tmpfs", url.path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
      throw StoreError.source(path: url.path, reason: "can't be mounted")
    }
  }

  deinit { umount2(url.path, 2) }

  static let isPossible: Bool = geteuid() == 0 && (try? Tmpfs(megabytes: 1)) != nil
}

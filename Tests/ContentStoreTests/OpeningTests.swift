import Canonical
import ContentStore
import Foundation
import GRDB
import Testing

@Suite struct OpeningTests {
  let scratch = try! Scratch()

  func problem(opening url: URL) -> StoreError? {
    #expect(throws: StoreError.self) { try Store.open(at: url) }
  }

  @Test func aFileIsNoStore() throws {
    let file = try scratch.write([1], to: "file")
    #expect(problem(opening: file) == .notADirectory(path: file.path))
    let below = problem(opening: scratch["file/store"])
    guard case .cannotWrite? = below else { Issue.record("\(below as Any)"); return }
  }

  @Test func aPlaceThatNobodyCanWriteToIsNamed() throws {
    // Not even root can make folders here.
    let problem = problem(opening: URL(fileURLWithPath: "/proc/store"))
    guard case .cannotWrite("/proc/store", _)? = problem else { Issue.record("\(problem as Any)"); return }
    #expect("\(problem!)".contains("--store"))
  }

  @Test(.enabled(if: geteuid() != 0, "root may write everywhere")) func aReadOnlyFolderIsRefused() throws {
    try FileManager.default.createDirectory(at: scratch["store"], withIntermediateDirectories: true)
    chmod(scratch["store"].path, 0o555)
    let problem = problem(opening: scratch["store"])
    guard case .cannotWrite? = problem else { Issue.record("\(problem as Any)"); return }
  }

  @Test func aStoreOfALaterVersionIsRefusedAndNotTouched() throws {
    let index = scratch["store/index.sqlite"].path
    _ = try Store.open(at: scratch["store"])
    try DatabaseQueue(path: index).write { try $0.execute(sql: "PRAGMA user_version = 99") }
    #expect(problem(opening: scratch["store"]) == .newer(path: index, found: 99, supported: 1))
    let version = try DatabaseQueue(path: index).read { try Int.fetchOne($0, sql: "PRAGMA user_version") }
    #expect(version == 99)
  }

  @Test func anIndexThatIsNoDatabaseIsNamed() throws {
    try scratch.write(prose(10_000), to: "store/index.sqlite")
    let problem = problem(opening: scratch["store"])
    guard case .index(_, let reason)? = problem else { Issue.record("\(problem as Any)"); return }
    #expect(reason.contains("damaged"))
  }

  @Test func temporariesOfDeadProcessesAreRemovedAndThoseOfLivingOnesKept() throws {
    // The name of a temporary of this process, seen while a source is being read.
    var name = ""
    let remote = try DirectoryRemote(at: scratch["store"])
    try? remote.putBlob(Digest.of("x".utf8), size: 1) { _ in
      name = try FileManager.default.contentsOfDirectory(atPath: scratch["store/v1/temporary"].path)[0]
      throw CancellationError()
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["store/v1/temporary"].path) == [])
    let process = "-\(getpid())-"
    let dead = name.replacingOccurrences(of: process, with: "-4194305-")  // above the largest process id
    let elsewhere = "another-host-1-1"
    #expect(dead != name)
    for name in [name, dead, elsewhere] { try scratch.write([1], to: "store/temporary/\(name)") }
    _ = try Store.open(at: scratch["store"])
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch["store/temporary"].path)
    #expect(Set(left) == [name, elsewhere])
  }
}

import Canonical
import ContentStore
import Foundation
import Testing

/// Looking a store over finds every sort of damage, and mends it.
@Suite struct CheckTests {
  let scratch = try! Scratch()
  var store: Store { get throws { try Store.open(at: scratch["store"]) } }

  let large = noise(50_000, seed: 1)
  let small = noise(300, seed: 2)

  func file(of bytes: [UInt8]) -> URL {
    let hex = Digest.of(bytes).hex
    return scratch["store/blobs/\(hex.prefix(2))/\(hex)"]
  }

  func replace(_ bytes: [UInt8], _ file: URL) throws {
    try FileManager.default.removeItem(at: file)
    try Data(bytes).write(to: file)
  }

  private enum Harm: CaseIterable {
    case flipped, shortened, removed, inline, swapped, recordText, outputs, outputsGone, recordGone
  }

  private func harm(_ harm: Harm, _ record: Record) throws {
    let key = "x'\(record.key.hex)'"
    switch harm {
    case .flipped: try replace([large[0] ^ 1] + large.dropFirst(), file(of: large))
    case .shortened: try replace(Array(large.dropLast()), file(of: large))
    case .removed: try FileManager.default.removeItem(at: file(of: large))
    case .swapped: try replace(noise(50_000, seed: 3), file(of: large))
    case .inline: try scratch.sql("UPDATE inlineBlobs SET bytes = x'00'")
    case .recordText: try scratch.sql("UPDATE records SET text = x'00' WHERE key = \(key)")
    case .outputs: try scratch.sql("UPDATE outputs SET seal = seal + 1 WHERE key = \(key)")
    case .outputsGone: try scratch.sql("DELETE FROM outputs WHERE key = \(key)")
    case .recordGone: try scratch.sql("DELETE FROM records WHERE key = \(key)")
    }
  }

  @Test(arguments: Harm.allCases, [false, true]) private func everyDamageIsFoundAndMended(
    _ harm: Harm, withRemote: Bool
  ) throws {
    let remote = try DirectoryRemote(at: scratch["remote"])
    var store = try store
    let record = try store.publish(large, as: "large")
    let other = try store.publish(small, as: "small")
    _ = try store.push([record.key, other.key], to: remote)
    #expect(try !store.check(fast: false, repairing: false).isDamaged)
    try self.harm(harm, record)
    store = try self.store
    let found = try store.check(fast: false, repairing: false)
    #expect(found.damages.count == 1 && found.isDamaged, "\(found)")
    // Sizes tell of some.
    let fast = try store.check(fast: true, repairing: false)
    #expect(fast.damages.count == ([.flipped, .swapped].contains(harm) ? 0 : 1), "\(fast)")

    if withRemote { store.attach(remote) { _ in } }
    let mended = try store.check(fast: false, repairing: true)
    #expect(mended.damages.count == 1 && !mended.isDamaged)
    let isBlob = [.flipped, .shortened, .removed, .swapped, .inline].contains(harm)
    let isHealed = isBlob ? withRemote : [.outputs, .outputsGone].contains(harm)
    #expect(mended.damages.map(\.cure) == [isHealed ? .healed : .dropped])
    #expect(try self.store.check(fast: false, repairing: false) == StoreCheck(sound: try self.store))
    // What was dropped is made again.
    try store.publish(large, as: "large")
    try store.publish(small, as: "small")
    #expect(try store.read(.of(large)) == large && store.read(.of(small)) == small)
    #expect(try store.record(for: record.key) != nil)
  }

  @Test func aCopyInOpenThatIsDamagedIsFound() throws {
    let store = try store
    let text = prose(60_000)
    try store.publish(text)
    let copy = try store.file(for: .of(text))
    try replace(Array("other".utf8), copy)
    #expect(try store.check(fast: false, repairing: false).damages.map(\.name) == ["copy \(Digest.of(text))"])
    #expect(try !store.check(fast: false, repairing: true).isDamaged)
    #expect(try Array(Data(contentsOf: store.file(for: .of(text)))) == text)
  }

  @Test func instancesOfLastRunsAreNamed() throws {
    let store = try store
    let run = try store.beginRun(project: "p", file: "f.yaml", commandLine: [])
    let record = try store.publish(large)
    try store.note(run, ["b", "a"].map { InstanceNote(name: $0, key: record.key, state: .executed) })
    try FileManager.default.removeItem(at: file(of: large))
    let found = try store.check(fast: true, repairing: false).damages
    #expect(found.map(\.instances) == [["f.yaml: a", "f.yaml: b"]])
    #expect(found.map(\.reason) == ["its file is gone"])
  }

  @Test func progressGoesByBytesToTheirSum() throws {
    let store = try store
    try store.publish(large, as: "large")
    try store.publish(small, as: "small")
    var seen: [[Int]] = []
    _ = try store.check(fast: false, repairing: false) { seen.append([$0, $1]) }
    #expect(seen.count == 2 && seen.last == [50_300, 50_300])
  }
}

extension StoreCheck {
  /// What looking over a sound store says.
  fileprivate init(sound store: Store) throws {
    self.init()
    let stats = try store.stats()
    (blobs, bytes, records) = (stats.total.count, stats.total.stored, stats.records)
  }
}

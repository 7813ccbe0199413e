import Canonical
import ContentStore
import Foundation
import Testing

@Test func whatComputedAResultIsKnownWithoutItsRecord() throws {
  let scratch = try Scratch()
  let store = try Store.open(at: scratch["store"])
  func facts(_ set: String, _ version: String) -> JSON {
    [
      "instructionSet": .string(set), "versions": ["oneDNN": .string(version)],
      "host": .string("h\(version)"),
    ]
  }
  let keys = try [
    facts("avx512", "2.6.3"), facts("avx512", "3.1.1"), facts("avx2", "2.6.3"), [:], facts("avx512", "2.6.3"),
  ].enumerated().map { try store.publish(prose(100), as: "\($0)", facts: $1).key }
  let outputs = try store.outputs(for: keys)
  let platforms = keys.map { outputs[$0]?.platform }
  #expect(platforms[0] == Record.platformNumber(of: facts("avx512", "2.6.3")))
  #expect(platforms[4] == platforms[0])
  #expect(platforms[3] == 0)
  #expect(Set(platforms).count == 4)
}

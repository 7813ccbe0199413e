import Canonical
import ContentStore
import Foundation
import Testing

@Test func resultsOfOtherPlatformsAreCounted() throws {
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
  #expect(try store.countOfOtherPlatforms(keys, than: facts("avx512", "2.6.3")) == 2)
  #expect(try store.countOfOtherPlatforms(keys, than: facts("avx2", "2.6.3")) == 3)
  #expect(try store.countOfOtherPlatforms(Array(keys.prefix(1)), than: facts("avx512", "2.6.3")) == 0)
}

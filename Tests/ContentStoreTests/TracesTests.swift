import Canonical
import ContentStore
import Testing

@Test func tracesOfAnActionAreKeptTheNewestFirstAndNotForEver() throws {
  let scratch = try Scratch()
  let (action, other) = (Digest.of("action".utf8), Digest.of("other".utf8))
  do {
    let store = try Store.open(at: scratch["store"])
    for n in 0..<12 { try store.keep(trace: "{\"files\":[\"\(n)\"]}", of: action) }
    try store.keep(trace: "{}", of: other)
    try store.keep(trace: "{}", of: other)
  }
  let store = try Store.open(at: scratch["store"])
  let found = try store.traces(of: [action, other, .of("none".utf8)])
  #expect(found.keys.sorted() == [action, other].sorted())
  #expect(found[other] == ["{}"])
  #expect(found[action]?.count == 8)
  // Kept again, an old one is the newest.
  try store.keep(trace: "{\"files\":[\"5\"]}", of: action)
  #expect(try store.traces(of: [action])[action]?.first == "{\"files\":[\"5\"]}")
}

import Canonical
import ContentStore
import Foundation
import Testing

@Suite struct SealsTests {
  private let scratch = try! Scratch()
  private let seal = Digest.of("everything".utf8)

  private func note(_ name: String, _ key: String, _ state: InstanceState) -> InstanceNote {
    InstanceNote(name: name, key: .of(key.utf8), state: state)
  }

  @Test func aSealHoldsUntilAnythingElseIsNotedOfItsFile() throws {
    let store = try Store.open(at: scratch["store"])
    func isSealed(_ file: String) throws -> Bool {
      try store.isSealed(seal, project: "p", file: file)
    }
    let run = try store.beginRun(project: "p", file: "f", commandLine: [])
    #expect(try !isSealed("f") && !isSealed("never"))
    try store.note(run, [note("a", "1", .executed), note("b", "1", .cached)])
    try store.seal(run, seal)
    #expect(try isSealed("f") && !isSealed("g"))
    #expect(try !store.isSealed(.of("else".utf8), project: "p", file: "f"))
    // What is no news changes nothing, nor does another file's.
    let again = try store.beginRun(project: "p", file: "f", commandLine: [])
    try store.note(again, [note("a", "1", .cached), note("b", "1", .cached)])
    let other = try store.beginRun(project: "p", file: "g", commandLine: [])
    try store.note(other, [note("a", "2", .executed)])
    #expect(try isSealed("f"))
    for news in [note("a", "2", .executed), note("new", "1", .cached), note("b", "1", .failed)] {
      try store.seal(again, seal)
      #expect(try isSealed("f"))
      try store.note(again, [news])
      #expect(try !isSealed("f"), "\(news.name)")
    }
  }
}

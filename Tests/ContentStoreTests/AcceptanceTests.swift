import Canonical
import ContentStore
import Foundation
import Testing

/// What records say of results that were taken over from other code.
@Suite struct AcceptanceTests {
  private let from = Digest.of("earlier".utf8)

  private func record(_ accepted: [Acceptance]) -> Record {
    Record(action: ["kind": "x"], artifacts: [:], blobs: [], facts: [:], accepted: accepted)
  }

  private var acceptance: Acceptance {
    Acceptance(
      from: from, time: "2026-01-02T03:04:05.000Z", changes: ["source A.swift changed"],
      evidence: [Acceptance.Evidence(instance: "x[n=1]", from: from, key: .of("new".utf8))], candidates: 3,
      facts: ["host": "here"])
  }

  @Test func whatItSaysIsReadBack() throws {
    let record = record([acceptance])
    let read = try Record(parsing: Array(record.text.utf8))
    #expect(read == record)
    #expect(read.accepted == [acceptance])
    #expect(read.accepted[0].instances == ["x[n=1]"])
    #expect(read.accepted[0].changes == ["source A.swift changed"])
    #expect(self.record([]).text.contains("accepted") == false)
  }

  /// A later version may say it in another way, which is kept and disturbs nobody.
  @Test(arguments: [
    ("\"yes\"", 0), ("[1,{\"of\":2}]", 0), ("[{\"from\":\"no digest\"}]", 0),
    ("[{\"from\":\"\(Digest.of("earlier".utf8))\",\"more\":[1]}]", 1),
  ])
  func whatIsSaidInAnotherWayIsKept(_ said: String, _ count: Int) throws {
    let plain = record([]).text
    let text = plain.replacing("{\"action\":", with: "{\"accepted\":\(said),\"action\":")
    let read = try Record(parsing: Array(text.utf8))
    #expect(read.accepted.count == count)
    #expect(read.text == text)
    #expect(read.key == record([]).key)
  }

  @Test func theStoreKnowsWhichResultsWereAccepted() throws {
    let scratch = try Scratch()
    let store = try Store.open(at: scratch["store"])
    let mine = record([acceptance])
    _ = try store.publish(mine, blobs: [])
    #expect(try store.acceptedKeys() == [mine.key: from])
    #expect(try store.record(for: mine.key)?.accepted == [acceptance])
  }
}

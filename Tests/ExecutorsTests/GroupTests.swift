// Jobs with several members: what is whose.

import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

extension Workbench {
  fileprivate func choir(_ voices: [(String, String)], seconds: Double = 0, shared: Double = 0) -> Job {
    let alone = voices.map { voice, how -> Job in
      let parameters: JSON = [
        "voice": .string(voice), "how": .string(how), "seconds": .number(seconds),
        "shared_seconds": .number(shared),
      ]
      return self.job("choir", parameters, outputs: ["song"])
    }
    var job = alone[0]
    job.members = alone.enumerated().map { i, job in
      var member = job.members[0]
      member.instance = i
      member.log = folder.appendingPathComponent("logs/\(i).log").path
      return member
    }
    return job
  }
}

@Test func eachMemberHasItsOwnResultAndLogAndWhatIsPrintedForAllStandsInEach() throws {
  let bench = try Workbench()
  let job = bench.choir([("alto", "well"), ("bass", "well")])
  let results = try bench.run(job)
  for (i, voice) in ["alto", "bass"].enumerated() {
    let result = try bench.success(try #require(results[i]), of: job, member: i)
    #expect(result.texts == ["song": voice])
    #expect(result.facts["jobMembers"] == 2)
  }
  // The alto is over when the last lines come.
  #expect(
    bench.logText(0) == """
      rehearsing 2
      humming alto
      singing
      singing alto
      voice alto

      """)
  #expect(
    bench.logText(1) == """
      rehearsing 2
      humming bass
      singing
      alto cleared its room
      singing bass
      voice bass

      """)
  #expect(
    try FileManager.default.contentsOfDirectory(atPath: bench.folder.path + "/logs").sorted() == [
      "0.log", "1.log",
    ])
}

@Test func aMembersFailureIsItsOwnAndOthersGoOn() throws {
  let bench = try Workbench()
  let job = bench.choir([("alto", "throw"), ("bass", "well")])
  let results = try bench.run(job)
  guard case .failure(let failure)? = results[0], case .success? = results[1] else {
    Issue.record("not just the alto failed: \(results)")
    return
  }
  #expect(failure == Failure(.other, "alto is hoarse"))
  #expect(bench.logText(0).hasSuffix("\nbobbin: alto is hoarse\n"))
  #expect(!bench.logText(1).contains("hoarse"))
}

@Test func aMembersResultComesAsSoonAsItIsOver() throws {
  let bench = try Workbench()
  let job = bench.choir([("alto", "well"), ("bass", "well")], seconds: 0.2)
  var order: [String] = []
  _ = try bench.run(job) { event in
    switch event {
    case .finished(let instance, _, _):
      order.append("finished \(instance)")
      // The second member works for a while yet.
      if instance == 0 { #expect(!bench.logText(1).contains("voice bass")) }
    case .ended: order.append("ended")
    default: break
    }
  }
  #expect(order == ["finished 0", "finished 1", "ended"])
}

@Test func aLostWorkerLosesOnlyTheMembersThatWereNotOver() throws {
  let bench = try Workbench()
  let job = bench.choir([("alto", "well"), ("bass", "kill"), ("tenor", "well")])
  var lost: [[Int]] = []
  let results = try bench.run(job) { if case .lost(let instances, _, _) = $0 { lost.append(instances) } }
  #expect(lost == [[1, 2]])
  #expect(try bench.success(try #require(results[0]), of: job).texts == ["song": "alto"])
  guard case .failure(let failure)? = results[2] else {
    Issue.record("the tenor isn't lost")
    return
  }
  #expect(failure.cause == .signal(9))
  // What it did last says most.
  #expect(failure.message.hasSuffix("  | singing bass\nlog: \(bench.folder.path)/logs/1.log"))
  #expect(bench.logText(2).hasPrefix("rehearsing 3\nhumming tenor\nsinging\nalto cleared its room\n"))
  #expect(
    bench.logText(2).hasSuffix("bobbin: killed by SIGKILL (9): somebody killed it, or memory ran out\n"))
  #expect(!FileManager.default.fileExists(atPath: bench.folder.path + "/logs/0.log-shared"))
}

@Test func whatPassesInAMembersTurnIsItsOwnAndTheRestIsShared() throws {
  let bench = try Workbench()
  // 0.6 s for all, 0.1 s for each.
  let job = bench.choir([("alto", "well"), ("bass", "well"), ("tenor", "well")], seconds: 0.1, shared: 0.6)
  var seconds: [Int: Double] = [:]
  let start = Date()
  let results = try bench.run(job) { if case .finished(let i, _, let own) = $0 { seconds[i] = own } }
  let wall = Date().timeIntervalSince(start)
  for i in 0..<3 {
    guard case .success(_, _, let facts)? = results[i] else {
      Issue.record("\(i) failed")
      return
    }
    // A third of what is shared, and its own: not less processor time than that, nor all of it.
    let cpu = try #require(facts["cpuSeconds"]?.doubleValue)
    #expect((0.29..<0.6).contains(cpu))
    #expect(try #require(seconds[i]) >= 0.29)
  }
  #expect(seconds.values.reduce(0, +) <= wall)
}

@Test func aGroupIsEndedByTheShutdown() throws {
  let bench = try Workbench()
  try bench.executor.submit(bench.choir([("alto", "well"), ("bass", "well")], seconds: 1000))
  try waitUntil { bench.logText(0).contains("singing alto") }
  bench.executor.shutdown()
  #expect(processes(mentioning: bench.folder) == [])
  #expect(
    try FileManager.default.contentsOfDirectory(atPath: bench.folder.path + "/logs").sorted() == [
      "0.log", "1.log",
    ])
}

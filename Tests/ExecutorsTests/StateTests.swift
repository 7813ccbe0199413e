// States on their way through workers: saved, told, handed back; of commands too.

import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

/// A driver that keeps the last state it is told of, in a store of its own, as the scheduler does.
private final class Keeper {
  let bench: Workbench
  private(set) var places: [String] = []
  private var last: (state: WorkState, blobs: [WrittenBlob])?

  init() throws { bench = try Workbench() }

  func see(_ event: ExecutorEvent) {
    guard case .saved(_, let state, let blobs) = event else { return }
    places.append(state.place)
    last = (state, blobs)
    _ = FileManager.default.createFile(atPath: saved + "\(places.count)", contents: nil)
  }

  /// With a number behind it the path of a file that is there when so many states were told of.
  var saved: String { bench.folder.appendingPathComponent("saved-").path }

  /// The job with what its member goes on from.
  func resuming(_ job: Job) throws -> Job {
    let (state, blobs) = try #require(last)
    let store = try Store.open(at: URL(fileURLWithPath: job.store))
    try store.keep(
      Record(
        action: job.members[0].action.json, artifacts: ["state": state.artifact], blobs: blobs.map(\.form),
        facts: [:]), blobs: blobs)
    var job = job
    job.members[0].state = state
    for blob in blobs { job.files[blob.digest] = try store.file(for: blob.digest).path }
    return job
  }
}

@Test(arguments: [1, 100_000]) func aKilledWorkersLastStateIsToldAndHandedBack(bytes: Int) throws {
  let keeper = try Keeper()
  let parameters: JSON = ["steps": 4, "bytes": .integer(bytes), "killed": 3]
  let failure = try keeper.bench.failure(
    keeper.bench.job("walker", parameters, outputs: ["way"]), whileRunning: keeper.see)
  #expect(failure.contains("SIGKILL"))
  #expect(keeper.places == ["step 1", "step 2", "step 3"])
  let again = try keeper.resuming(
    keeper.bench.job("walker", ["steps": 4, "bytes": .integer(bytes)], outputs: ["way"]))
  let (texts, _, _) = try keeper.bench.success(again)
  #expect(texts == ["way": "xxxx"])
  let log = keeper.bench.logText()
  #expect(log.hasPrefix("bobbin: resumed after step 3\nstep 4\n"))
  #expect(log.contains("bobbin: its state after the end was not saved: "))
}

@Test func aStateThatWasTakenAwayIsDoneWithout() throws {
  let keeper = try Keeper()
  var job = keeper.bench.job("walker", ["steps": 2], outputs: ["way"])
  let (artifact, path) = try keeper.bench.blob("x")
  job.members[0].state = WorkState(point: 1, place: "step 1", artifact: artifact)
  job.members[0].notes = ["the state after step 2 can't be used: it is damaged"]
  job.files[artifact.digest] = path
  try FileManager.default.removeItem(atPath: path)
  let (texts, _, _) = try keeper.bench.success(job)
  #expect(texts == ["way": "xx"])
  #expect(
    keeper.bench.logText().hasPrefix(
      """
      bobbin: the state after step 2 can't be used: it is damaged
      bobbin: the state after step 1 is gone; beginning at the beginning
      step 1

      """))
}

/// Counts in the output `state`, one line a step, says when that is complete and waits until it was `saved`; before
/// step 3 it ends badly unless there is a file `through`.
private func counting(_ through: String, saved: String, shape: String) -> String {
  let write =
    shape == "folder"
    ? """
    rm -rf ${out.state}; mkdir -p ${out.state}.new/deep; echo $n > ${out.state}.new/deep/n; mv ${out.state}.new ${out.state}
    """ : "echo $n > ${out.state}.new; mv ${out.state}.new ${out.state}"
  let read = shape == "folder" ? "${out.state}/deep/n" : "${out.state}"
  return """
    n=0
    if [ -e \(read) ]; then n=$(cat \(read)); fi
    while [ $n -lt 4 ]; do
      if [ $n = 2 ] && [ ! -e \(through) ]; then exit 7; fi
      n=$((n + 1)); echo went $n
      \(write)
      echo '{"progress": 0.'$n', "checkpoint": "step '$n'"}' >> "$BOBBIN_PROGRESS"
      until [ -e \(saved)$n ]; do sleep 0.01; done
    done
    """
}

@Test(arguments: ["file", "folder"]) func aCommandsLastCheckpointIsThereWhenItRunsAgain(shape: String) throws
{
  let keeper = try Keeper()
  let through = keeper.bench.folder.appendingPathComponent("through").path
  func job(resume: String?) -> Job {
    keeper.bench.command(
      counting(through, saved: keeper.saved, shape: shape), outputs: ["state"], resume: resume)
  }
  let failure = try keeper.bench.typedFailure(job(resume: "state"), whileRunning: keeper.see)
  #expect(failure.cause == .exitStatus(7))
  #expect(keeper.places == ["step 1", "step 2"])
  try Data().write(to: URL(fileURLWithPath: through))
  let results = try keeper.bench.run(keeper.resuming(job(resume: "state")), whileRunning: keeper.see)
  guard case .success? = results[0] else {
    Issue.record("\(results)")
    return
  }
  let lines = keeper.bench.logText().split(separator: "\n")
  #expect(lines.first == "bobbin: resumed after step 2")
  #expect(lines.filter { $0.hasPrefix("went") } == ["went 3", "went 4"])
  #expect(keeper.places == ["step 1", "step 2", "step 3", "step 4"])
}

@Test func acommandWithoutResumeIsToldThatItsCheckpointIsIgnored() throws {
  let keeper = try Keeper()
  let line = #"for i in 1 2; do echo '{"checkpoint": true}' >> "$BOBBIN_PROGRESS"; done"#
  _ = try keeper.bench.run(keeper.bench.command(line), whileRunning: keeper.see)
  #expect(keeper.places.isEmpty)
  #expect(
    keeper.bench.logText().hasSuffix(
      "\nbobbin: a checkpoint is ignored: the stage doesn't say resume: ${out.NAME}\n"))
}

@Test func aCheckpointOfNothingIsSaidAndOneWithoutAPlaceIsCalledTheLast() throws {
  let keeper = try Keeper()
  let line = #"""
    echo '{"checkpoint": true}' >> "$BOBBIN_PROGRESS"
    until grep -q 'w[a]s told of' '\#(keeper.bench.log)'; do sleep 0.01; done
    echo 1 > ${out.state}; echo '{"checkpoint": true}' >> "$BOBBIN_PROGRESS"
    """#
  _ = try keeper.bench.run(
    keeper.bench.command(line, outputs: ["state"], resume: "state"), whileRunning: keeper.see)
  #expect(keeper.places == ["its last checkpoint"])
  #expect(
    keeper.bench.logText().contains("bobbin: a checkpoint was told of, but there is no state.txt\n"))
}

// The values of secret variables: seen by a command, and by nobody else.

import Foundation
import Testing
import Workflow

@Suite struct SecretTests {
  let bench: Workbench
  init() throws { bench = try Workbench() }

  private func command(_ line: String, _ secret: String, outputs: [String] = []) -> Job {
    var job = bench.command(line, outputs: outputs, environment: ["TOKEN": secret, "PLAIN": "plainly"])
    job.members[0].secrets = ["TOKEN"]
    return job
  }

  @Test func aCommandSeesTheValueAndItsLogDoesNot() throws {
    let line = "echo a $TOKEN b $PLAIN; echo $TOKEN$TOKEN; printf %s \"$TOKEN\" > ${out.x}"
    #expect(try bench.success(command(line, "hf_1234", outputs: ["x"])).texts == ["x": "hf_1234"])
    #expect(bench.logText().hasSuffix("\na *** b plainly\n******\n"))
  }

  @Test func aMessageDoesNotQuoteIt() throws {
    let message = try bench.failure(command("echo no $TOKEN for you; exit 3", "hf_1234"))
    #expect(message == "the command ended with status 3\n  | no *** for you")
    #expect(!bench.logText().contains("hf_1234"))
  }

  @Test func aKilledWorkersLogDoesNotHoldIt() throws {
    let line = "echo $TOKEN; echo $PPID > '\(bench.folder.path)/worker'; sleep 100"
    var killed = false
    let message = try bench.failure(command(line, "hf_1234")) { _ in
      if killed { return }
      killed = true
      kill(try bench.process("worker"), SIGKILL)
    }
    #expect(message.contains("| ***"))
    #expect(!message.contains("hf_1234") && !bench.logText().contains("hf_1234"))
    #expect(bench.logText().contains("\n***\n"))
  }

  @Test func progressDoesNotShowIt() throws {
    var seen: [String] = []
    let line = #"printf '{"progress": 0.5, "with": "<%s>"}\n' $TOKEN >> $BOBBIN_PROGRESS"#
    _ = try bench.run(command(line, "hf_1234")) {
      if case .progress(_, let progress) = $0 { seen += progress.detail.map(\.value) }
    }
    #expect(seen == ["<***>"])
  }

  @Test func theLinesOfALongOneAreHiddenOneByOne() throws {
    let key = "-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----"
    _ = try bench.success(command(#"printf '%s\n' "$TOKEN" | grep -n . "#, key))
    #expect(bench.logText().hasSuffix("\n1:***\n2:***\n3:***\n"))
  }

  /// `***` in the place of each "1" would tell what it is.
  @Test func whatIsTooShortIsNotLookedFor() throws {
    _ = try bench.success(command("echo 101", "1"))
    #expect(bench.logText().hasSuffix("\n101\n"))
  }

  @Test func aPipeInALogsPlaceIsNotWaitedFor() throws {
    var job = command("echo $TOKEN", "hf_1234")
    job.members[0].log = bench.folder.appendingPathComponent("pipe").path
    #expect(mkfifo(job.members[0].log, 0o600) == 0)
    _ = try bench.success(job)
  }
}

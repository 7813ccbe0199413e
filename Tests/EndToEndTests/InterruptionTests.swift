// Killed workers, killed drivers, Ctrl-C: nothing half-done is kept, nothing finished is lost, nothing is left running.

import Foundation
import Testing

@Suite(.serialized) struct InterruptionTests {
  private static let pipeline = """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 2000, test: 10 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, epochs: 1000, seed: "${matrix.seed}" }
    """

  /// A run that has finished `images` and is training.
  /// - Parameter errors: the file of what it says; without one, `images` is made in a run of its own before.
  private func training(errors: String? = nil) throws -> (Project, Child, workers: [Int32]) {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    if errors == nil { #expect(try project.bobbin("run", "p.yaml", "images").status == 0) }
    let run = try project.start(
      ["run", "p.yaml", "--jobs", "2"],
      errors: errors.map { .file(project.root.path + "/" + $0) } ?? .nowhere)
    for _ in 0..<300 {
      let workers = Self.descendants(of: run.pid)
      if workers.count == 2, workers.allSatisfy({ Self.cpuTicks($0) > 20 }) { return (project, run, workers) }
      usleep(100_000)
    }
    kill(run.pid, SIGTERM)
    _ = run.waitForEnd()
    throw NotTraining()
  }

  private struct NotTraining: Error {}

  /// Processes below `pid`, by /proc.
  private static func descendants(of pid: Int32) -> [Int32] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
    let parents = Dictionary(uniqueKeysWithValues: all.map { ($0, field(4, of: $0)) })
    var found: [Int32] = []
    var frontier = [pid]
    while let parent = frontier.popLast() {
      let children = parents.filter { $0.value == Int(parent) }.map(\.key)
      found += children
      frontier += children
    }
    return found.sorted()
  }

  private static func cpuTicks(_ pid: Int32) -> Int { field(14, of: pid) ?? 0 }

  private static func field(_ number: Int, of pid: Int32) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let name = text.lastIndex(of: ")")
    else { return nil }
    // Fields count from 1, and the third follows the name.
    let rest = text[text.index(after: name)...].split(separator: " ")
    return rest.count > number - 3 ? Int(rest[number - 3]) : nil
  }

  private static func isAlive(_ pid: Int32) -> Bool {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
    return !text.contains(") Z ")
  }

  private func waitForEnd(of pids: [Int32]) -> Bool {
    for _ in 0..<100 {
      if !pids.contains(where: Self.isAlive) { return true }
      usleep(100_000)
    }
    return false
  }

  @Test func aKilledWorkerFailsOneInstanceAndSaysSo() throws {
    let project = try Project()
    let once = Self.pipeline.replacing("epochs: 1000", with: "epochs: 12")
      .replacing("uses: train\n", with: "retry: 0\n    uses: train\n")
    try project.write("p.yaml", once)
    // So that whoever works long is at a training.
    #expect(try project.bobbin("run", "p.yaml", "images").status == 0)
    let run = try project.start(["run", "p.yaml", "--jobs", "2", "--keep-going"])
    var killed = false
    for _ in 0..<600 where !killed {
      if let worker = Self.descendants(of: run.pid).first(where: { Self.cpuTicks($0) > 150 }) {
        kill(worker, SIGKILL)
        killed = true
      }
      usleep(50_000)
    }
    #expect(killed)
    #expect(run.waitForEnd() == 1)
    // The rest went on and is kept; a rerun completes.
    let rerun = try project.bobbin("run", "p.yaml")
    #expect(rerun.status == 0, "\(rerun.errors)")
    #expect(rerun.lastLine.hasPrefix("executed 1, cached 2,"), "\(rerun.lastLine)")
  }

  @Test func aKilledDriverLeavesNoProcessAndNoDamage() throws {
    let (project, run, workers) = try training()
    kill(run.pid, SIGKILL)
    _ = run.waitForEnd()
    #expect(waitForEnd(of: workers))
    let again = try project.bobbin("run", "p.yaml", "images")
    #expect(again.lastLine.hasPrefix("executed 0, cached 1,"))
    try project.write("p.yaml", Self.pipeline.replacing("epochs: 1000", with: "epochs: 1"))
    let rerun = try project.bobbin("run", "p.yaml")
    #expect(rerun.lastLine.hasPrefix("executed 2, cached 1,"), "\(rerun.lastLine)")
  }

  /// F10: what is kept, and that a rerun goes on from there.
  @Test(arguments: [SIGINT, SIGTERM])
  func anInterruptionSaysWhatIsKept(_ signal: Int32) throws {
    let (project, run, workers) = try training(errors: "errors")
    kill(run.pid, signal)
    #expect(run.waitForEnd() == 130)
    #expect(waitForEnd(of: workers))
    let errors = try String(contentsOf: project.root.appending(path: "errors"), encoding: .utf8)
    #expect(
      errors.hasSuffix(
        "\ninterrupted: 1 instance that finished in this run is kept; the same command goes on from there\n"),
      "\(errors)")
    let status = try project.bobbin("status", "p.yaml").output
    #expect(
      status == """
        up to date   images
        interrupted  model (2): while computed, when a run was interrupted
        the last run was interrupted; what it had finished is kept
        1 up to date, 0 stale, 0 pending, 0 missing, 2 interrupted

        """)
  }

  /// F10: the second Ctrl-C ends it at once, wherever it is; a third and fourth find nobody.
  @Test func aSecondCtrlCEndsItAtOnce() throws {
    let (project, run, workers) = try training(errors: "errors")
    for _ in 0..<4 {
      kill(run.pid, SIGINT)
      usleep(300)
    }
    #expect(run.waitForEnd() == 130)
    #expect(waitForEnd(of: workers))
    let errors = try String(contentsOf: project.root.appending(path: "errors"), encoding: .utf8)
    #expect(errors.contains("the same command goes on from there\n"), "\(errors)")
    #expect(try project.bobbin("run", "p.yaml", "images").lastLine.hasPrefix("executed 0, cached 1,"))
  }

  /// H16: many gigabytes are being hashed.
  @Test func readingLargeInputsShowsProgressAndEndsWhenInterrupted() throws {
    let project = try Project()
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        last: { run: "tail -c 1 ${in.big} > ${out.file}", inputs: { big: big.bin }, outputs: { file: file.txt } }
      """)
    try project.write("big.bin", "")
    // It takes no room, and minutes to be read.
    try #require(truncate(project.root.path + "/big.bin", 800 << 30) == 0)
    let errors = project.root.path + "/errors"
    let output = project.root.path + "/output"
    let run = try project.start(["run", "p.yaml"], output: .file(output), errors: .file(errors))
    var said = ""
    for _ in 0..<600 where !said.contains("reading") {
      usleep(50_000)
      said = try String(contentsOfFile: errors, encoding: .utf8)
    }
    #expect(said.contains(/reading  .* of 800 GiB  .*\/s  .* left\n/), "\(said)")
    kill(run.pid, SIGINT)
    let began = Date()
    #expect(run.waitForEnd() == 130)
    // Far less than what it had before it.
    #expect(Date().timeIntervalSince(began) < 30)
    #expect(
      try String(contentsOfFile: output, encoding: .utf8).hasPrefix(
        "executed 0, cached 0, failed 0, skipped 1 in "))
    #expect(
      try String(contentsOfFile: errors, encoding: .utf8).hasSuffix(
        "interrupted: nothing had finished in this run; the same command goes on from there\n"))
  }

  @Test func ctrlCEndsCleanlyAndKeepsWhatHadFinished() throws {
    let (project, run, workers) = try training()
    kill(run.pid, SIGINT)
    #expect(run.waitForEnd() == 130)
    #expect(waitForEnd(of: workers))
    #expect(try project.bobbin("run", "p.yaml", "images").lastLine.hasPrefix("executed 0, cached 1,"))
    let scratch = try FileManager.default.contentsOfDirectory(
      atPath: project.root.appending(path: "cache/scratch").path)
    #expect(scratch.isEmpty, "\(scratch)")
  }
}

// `bobbin run --executor slurm`, over a cluster of shell scripts.

import Canonical
import FakeSlurm
import Foundation
import Testing

/// A project beside a cluster.
private final class Cluster {
  let project: Project
  let slurm: FakeSlurm
  let environment: [String: String]

  init(_ pipeline: String) throws {
    project = try Project()
    slurm = try FakeSlurm(in: project.root.appending(path: ".slurm"))
    environment = ["PATH": "\(slurm.programs):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"]
    try project.write("p.yaml", pipeline)
  }

  deinit { slurm.end() }

  func run(_ words: String...) throws -> Finished {
    try project.bobbin(["run", "p.yaml", "--executor", "slurm", "--json"] + words, environment: environment)
  }

  /// How often each instance's command was begun.
  var begun: [String: Int] {
    let lines = (try? String(contentsOf: project.root.appending(path: "begun"), encoding: .utf8)) ?? ""
    return Dictionary(lines.split(separator: "\n").map { (String($0), 1) }, uniquingKeysWith: +)
  }

  /// How many tasks were submitted.
  var tasks: Int {
    slurm.calls().reduce(0) { sum, call in
      let last = call.split(separator: " ").first { $0.hasPrefix("--array=0-") }.flatMap {
        Int($0.dropFirst(10))
      }
      return sum + (last ?? -1) + 1
    }
  }

  func waitUntil(_ holds: () -> Bool) throws {
    for _ in 0..<2000 {
      if holds() { return }
      usleep(20_000)
    }
    throw NeverHappened()
  }

  private struct NeverHappened: Error {}
}

@Suite(.serialized) struct SlurmRunTests {
  /// Native stages with a grid beside a command, one that stays here.
  private static let mixed = """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 130, test: 10 }, executor: local }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: mlp, epochs: 1, seed: "${matrix.seed}" }
      words:
        matrix: { n: [1, 2, 3] }
        run: echo ${matrix.n} > ${out.text}
        outputs: { text: words.txt }
        resources: { cpus: 2 }
    """

  /// Six commands that take a while, side by side, and one that reads them.
  private static let commands = """
    version: 1
    stages:
      slow:
        matrix: { n: [1, 2, 3, 4, 5, 6] }
        run: echo ${matrix.n} >> "$BEGUN"; sleep 2; echo ${matrix.n} > ${out.text}
        environment: [BEGUN]
        outputs: { text: slow.txt }
      all:
        run: cat ${slow} > ${out.text}
        outputs: { text: all.txt }
    """

  @Test func aClusterGivesTheDigestsOfALocalRun() throws {
    let cluster = try Cluster(Self.mixed)
    let there = try cluster.run()
    #expect(there.status == 0)
    let here = try cluster.project.bobbin("run", "p.yaml", "--json", "--store", "other")
    #expect(here.status == 0)
    #expect(try there.json["executed"] == here.json["executed"])
    #expect(try there.artifacts == here.artifacts)
    // `images` stayed here; two models and three commands went out, by what they need.
    #expect(cluster.tasks == 5)
    #expect(cluster.slurm.calls().count { $0.contains("--cpus-per-task=2") } == 1)
    #expect(try cluster.run().json["executed"] == 0)
    let spool = cluster.project.root.appending(path: "cache/slurm").path
    #expect(try FileManager.default.contentsOfDirectory(atPath: spool).isEmpty)
    let shown = try cluster.project.bobbin("show", "p.yaml", "words[n=1]")
    #expect(shown.output.contains("slurm"))
  }

  @Test func nothingThatRanOrRunsIsSubmittedAgainAfterTheDriverWasKilled() throws {
    let cluster = try Cluster(Self.commands)
    let begun = cluster.project.root.appending(path: "begun").path
    let environment = cluster.environment.merging(["BEGUN": begun]) { $1 }
    let words = ["run", "p.yaml", "--executor", "slurm", "--json"]
    let first = try cluster.project.start(words, environment: environment)
    try cluster.waitUntil { cluster.begun.count == 6 }
    kill(first.pid, SIGKILL)
    _ = first.waitForEnd()
    // Some have ended by the time that somebody looks again.
    try cluster.waitUntil { cluster.slurm.states.values.contains("COMPLETED") }
    let second = try cluster.project.bobbin(words, environment: environment)
    #expect(second.status == 0)
    #expect(try second.json["executed"] == 7)
    #expect(cluster.begun == Dictionary(uniqueKeysWithValues: (1...6).map { ("\($0)", 1) }))
    #expect(cluster.tasks == 7)
    let all = try cluster.project.bobbin("get", "p.yaml", "all", environment: environment)
    #expect(all.output == "1\n2\n3\n4\n5\n6\n")
  }

  @Test func anInterruptedRunSaysWhatGoesOnAndTheSameCommandTakesItUp() throws {
    let cluster = try Cluster(Self.commands)
    let begun = cluster.project.root.appending(path: "begun").path
    let environment = cluster.environment.merging(["BEGUN": begun]) { $1 }
    let errors = cluster.project.root.appending(path: "errors").path
    let first = try cluster.project.start(
      ["run", "p.yaml", "--executor", "slurm"], environment: environment, errors: .file(errors))
    try cluster.waitUntil { cluster.begun.count == 6 }
    kill(first.pid, SIGINT)
    #expect(first.waitForEnd() == 130)
    let said = try String(contentsOfFile: errors, encoding: .utf8)
    #expect(
      said.contains(
        "instances are left queued or running on the cluster (Slurm job 1). The same command goes on with them; "
          + "`scancel 1` ends them"))
    let second = try cluster.project.bobbin(
      ["run", "p.yaml", "--executor", "slurm", "--json"], environment: environment)
    #expect(second.status == 0)
    #expect(cluster.tasks == 7)
    #expect(cluster.begun.values.allSatisfy { $0 == 1 })
  }

  @Test func anExecutorThatIsNotThereIsAMistakeOfTheCommandLine() throws {
    let project = try Project()
    try project.write("p.yaml", Self.mixed)
    let wrong = try project.bobbin("run", "p.yaml", "--executor", "slrum")
    #expect(wrong.status == 2)
    #expect(wrong.errors.contains("--executor: there is no 'slrum'. Did you mean 'slurm'?"))
    let absent = try project.bobbin(
      "run", "p.yaml", "--executor", "slurm", environment: ["PATH": project.root.path])
    #expect(absent.status == 2)
    #expect(
      absent.errors.contains(
        "error: --executor slurm: there is no sbatch on PATH, so this machine can't submit to Slurm"))
  }
}

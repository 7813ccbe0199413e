// `bobbin run --executor slurm` on a real Slurm of two nodes, where it can be had.

import Canonical
import Foundation
import Testing

/// The cluster of `Tests/Services/slurm`, for as long as this lives.
private final class RealCluster {
  let configuration: String
  private let folder: URL
  private let process: Process
  private let input = Pipe()

  /// Nil where there is none to be had, which is said.
  init?() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "slurm-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    process = Process()
    process.executableURL = Project.package.appending(path: "Tests/Services/slurm")
    process.arguments = [folder.path]
    process.standardInput = input
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    var text = ""
    while !text.hasSuffix("ready\n") {
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { break }
      text += String(decoding: more, as: UTF8.self)
    }
    let lines = text.split(separator: "\n")
    guard lines.last == "ready", let line = lines.first(where: { $0.hasPrefix("SLURM_CONF=") }) else {
      process.waitUntilExit()
      try? FileManager.default.removeItem(at: folder)
      if process.terminationStatus == 75 {
        print("skipped: no Slurm")
      } else {
        Issue.record("Tests/Services/slurm ended with status \(process.terminationStatus)")
      }
      return nil
    }
    configuration = String(line.dropFirst("SLURM_CONF=".count))
  }

  deinit {
    input.fileHandleForWriting.closeFile()
    // Whoever was started meanwhile may have inherited the other end; the script is then ended otherwise.
    let deadline = Date() + 30
    while process.isRunning, Date() < deadline { usleep(50_000) }
    if process.isRunning {
      Issue.record("Tests/Services/slurm doesn't end when nobody reads it")
      kill(process.processIdentifier, SIGKILL)
    }
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: folder)
  }

  /// What one of Slurm's programs prints.
  func ask(_ words: String...) throws -> String {
    let asking = Process()
    asking.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    asking.arguments = words
    asking.environment = ProcessInfo.processInfo.environment.merging(["SLURM_CONF": configuration]) { $1 }
    let output = Pipe()
    asking.standardOutput = output
    try asking.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    asking.waitUntilExit()
    return text
  }
}

@Suite(.serialized) struct SlurmServiceTests {
  /// Small stages of both sorts, and commands that take a while.
  private static let pipeline = """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 130, test: 10 }, executor: local }
      model: { uses: train, with: { data: "${images}", architecture: mlp, epochs: 1 } }
      slow:
        matrix: { n: [1, 2, 3, 4] }
        run: echo ${matrix.n} >> "$BEGUN"; sleep 8; echo ${matrix.n} > ${out.text}
        environment: [BEGUN]
        outputs: { text: slow.txt }
        resources: { memory: 300M, time: 5m }
    """

  @Test func killedAndStartedAgainARunOnARealClusterGivesTheDigestsOfALocalOneButForWhatWasCancelled() throws
  {
    guard let cluster = try RealCluster() else { return }
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    let begun = project.root.appending(path: "begun")
    let environment = ["SLURM_CONF": cluster.configuration, "BEGUN": begun.path]
    func lines() -> [String] {
      ((try? String(contentsOf: begun, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
    }
    let words = ["run", "p.yaml", "--executor", "slurm", "--json", "--keep-going"]
    let first = try project.start(words, environment: environment)
    for _ in 0..<600 where lines().count < 4 { usleep(50_000) }
    kill(first.pid, SIGKILL)
    _ = first.waitForEnd()
    #expect(lines().sorted() == ["1", "2", "3", "4"])
    // The array of the commands is the one that asks for memory.
    let tasks = try cluster.ask("squeue", "-h", "-r", "-t", "R", "-o", "%i %m").split(separator: "\n")
    let cancelled = try #require(tasks.first { $0.hasSuffix(" 300M") }?.split(separator: " ").first)
    _ = try cluster.ask("scancel", String(cancelled))
    let second = try project.bobbin(words, environment: environment)
    #expect(second.status == 1)
    let states = try second.states
    #expect(states.values.count { $0 == "failed" } == 1)
    #expect(second.errors.contains("Slurm's task \(cancelled) was cancelled on the cluster (scancel)"))
    // Nothing that ran was submitted again.
    #expect(lines().sorted() == ["1", "2", "3", "4"])
    let here = try project.bobbin(
      ["run", "p.yaml", "--json", "--store", "other"], environment: environment)
    #expect(here.status == 0)
    let artifacts = try second.artifacts
    for (name, artifact) in try here.artifacts where states[name] != "failed" {
      #expect(artifacts[name] == artifact, "\(name)")
    }
    // What failed runs again, and nothing else.
    let third = try project.bobbin(words, environment: environment)
    #expect(third.status == 0)
    #expect(try third.json["executed"] == 1)
  }
}

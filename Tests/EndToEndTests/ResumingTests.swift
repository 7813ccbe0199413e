// Trainings and commands that are cut short: the next run goes on where they were, to the same bytes.

import Canonical
import Foundation
import Testing

@Suite(.serialized) struct ResumingTests {
  private static func pipeline(_ epochs: Int, _ more: String = "schedule: constant") -> String {
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 20, test: 10 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, width: 2, batch: 10, epochs: \(epochs), \(more) }
    """
  }

  private func training(_ epochs: Int, _ more: String = "schedule: constant") throws -> Project {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline(epochs, more))
    return project
  }

  private func text(ofLog project: Project) throws -> String {
    let logs = project.root.appending(path: "cache/logs")
    let name = "\(Digest.of("model".utf8).hex.prefix(32)).log"
    let logFolders = (try? FileManager.default.contentsOfDirectory(atPath: logs.path)) ?? []
    let files = logFolders.map { logs.appending(path: "\($0)/\(name)") }
    return files.compactMap { try? String(contentsOf: $0, encoding: .utf8) }.first ?? ""
  }

  /// The epochs that the log of the last run tells of.
  private func told(_ project: Project) throws -> [Int] {
    let told = try text(ofLog: project).matches(of: /(?m)^epoch (\d+)\//).compactMap { Int($0.1) }
    return told.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
  }

  private func run(_ project: Project) throws -> (artifacts: JSON?, resumed: String?) {
    let run = try project.bobbin("run", "p.yaml", "--json")
    #expect(run.status == 0, "\(run.errors)")
    let model = try run.json["instances"]?.arrayValue?.first { $0["name"] == "model" }
    return (model?["artifacts"], model?["resumed"]?.stringValue)
  }

  @Test("a run that is killed ten times at random moments ends with the bits of one that wasn't")
  func killedAtRandom() throws {
    let (whole, _) = try run(training(200))
    let project = try training(200)
    #expect(try project.bobbin("run", "p.yaml", "images").status == 0)
    var random = Generator(state: 7)
    // The last epoch after which a run went on, and the last one that was told of.
    var reached = 0
    var seen = 0
    for trial in 0..<10 {
      let run = try project.start(["run", "p.yaml"])
      if trial % 2 == 0 {
        // Wherever it is then: starting, reading, training, saving.
        usleep(UInt32(20_000 + random.next() % 180_000))
      } else {
        // In the middle of it, however fast the machine is.
        let deadline = Date(timeIntervalSinceNow: 60)
        while try told(project).last ?? 0 <= seen, Date() < deadline { usleep(1000) }
        usleep(UInt32(random.next() % 20_000))
      }
      kill(run.pid, SIGKILL)
      _ = run.waitForEnd()
      let log = try text(ofLog: project)
      seen = max(seen, try told(project).last ?? 0)
      guard let resumed = log.firstMatch(of: /resumed after epoch (\d+)\n/).flatMap({ Int($0.1) }) else {
        continue
      }
      // No epoch whose state was there is gone through again, and none is left out.
      #expect(resumed >= reached, "\(log)")
      reached = resumed
      if let first = try told(project).first { #expect(first == resumed + 1, "\(log)") }
    }
    #expect(reached > 0)
    let (artifacts, resumed) = try run(project)
    #expect(artifacts == whole)
    let place = try #require(resumed, "ten runs came to the end")
    let after = try #require(Int(place.dropFirst("epoch ".count)))
    #expect(after >= reached)
    #expect(try text(ofLog: project).hasPrefix("bobbin: resumed after epoch \(after)\n"))
    #expect(try told(project) == Array(stride(from: after + 1, through: 200, by: 1)))
    #expect(try project.bobbin("show", "p.yaml", "model").output.contains("resumed"))
  }

  @Test(
    "a training that is made longer goes on, where the rates so far don't depend on the length",
    arguments: ["small_cnn", "resnet8"])
  func longer(_ architecture: String) throws {
    func pipeline(_ epochs: Int) -> String {
      Self.pipeline(epochs).replacing("small_cnn", with: architecture)
    }
    let project = try Project()
    try project.write("p.yaml", pipeline(6))
    #expect(try run(project).resumed == nil)
    try project.write("p.yaml", pipeline(9))
    let longer = try run(project)
    #expect(longer.resumed == "epoch 6")
    #expect(try told(project) == [7, 8, 9])
    let fresh = try Project()
    try fresh.write("p.yaml", pipeline(9))
    #expect(try longer.artifacts == run(fresh).artifacts)
  }

  @Test(
    "a training with other rates so far begins at the beginning",
    arguments: [
      ("schedule: steps", "schedule: steps"),
      ("schedule: constant", "schedule: constant, learning_rate: 0.05"),
      ("schedule: constant", "schedule: constant, seed: 1"), ("schedule: constant", "schedule: steps"),
    ])
  func otherRates(before: String, after: String) throws {
    let project = try training(3, before)
    _ = try run(project)
    try project.write("p.yaml", Self.pipeline(6, after))
    let other = try run(project)
    #expect(other.resumed == nil)
    #expect(try told(project).first == 1)
    #expect(try other.artifacts == run(training(6, after)).artifacts)
  }

  @Test func aCommandThatFailedGoesOnFromItsLastCheckpointUnlessItIsToBeginAnew() throws {
    let project = try Project()
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        count:
          run: |
            n=$(cat ${out.state} 2>/dev/null || echo 0)
            while [ $n -lt 3 ]; do
              n=$((n + 1)); echo "step $n"
              echo $n > ${out.state}.new; mv ${out.state}.new ${out.state}
              echo '{"checkpoint": "step '$n'"}' >> "$BOBBIN_PROGRESS"
              if [ $n = 2 ] && [ ! -e "$SWITCH" ]; then exit 1; fi
            done
            cp ${out.state} ${out.total}
          environment: []
          outputs: { state: state.txt, total: total.txt }
          resume: "${out.state}"
      """.replacing("$SWITCH", with: "\(project.root.path)/through"))
    #expect(try project.bobbin("run", "p.yaml").status == 1)
    let anew = try project.bobbin("run", "p.yaml", "--no-resume")
    #expect(anew.status == 1 && !anew.errors.contains("--no-resume"), "\(anew.errors)")
    #expect(try project.bobbin("log", "p.yaml", "count").output.contains("\nstep 1\nstep 2\n"))
    #expect(
      try project.bobbin("cache", "stats").output.contains("\nstates       1, 2 B, of work under way\n"))
    try project.write("through", "")
    let again = try project.bobbin("run", "p.yaml", "--json")
    #expect(again.status == 0, "\(again.errors)")
    #expect(try again.json["instances"]?.arrayValue?.first?["resumed"] == "step 2")
    let log = try project.bobbin("log", "p.yaml", "count").output
    #expect(log.hasPrefix("bobbin: resumed after step 2\n") && log.hasSuffix("\nstep 3\n"), "\(log)")
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
private struct Generator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

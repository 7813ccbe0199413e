// What `verify` computes again and says of it, and what `accept` takes over from other code.

import Canonical
import Foundation
import Testing

@Suite struct VerifyTests {
  private static let pipeline = """
    version: 1
    stages:
      images:
        uses: dataset/synthetic
        with: { train: 20, test: 10 }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: mlp, epochs: 1, batch: 4, seed: "${matrix.seed}" }
      scores:
        matrix: { network: "${model}" }
        uses: evaluate
        with: { model: "${matrix.network}", data: "${images}" }
      table: { uses: table, with: { rows: "${scores}" } }
      words:
        run: sh scripts/count.sh ${table.csv} > ${out.words}
        code: [scripts/count.sh]
        outputs: { words: words.txt }
    """

  private func project() throws -> Project {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    try project.write("scripts/count.sh", "wc -l < \"$1\"\n")
    return project
  }

  /// Every file under a store's folder, by path, with what `sqlite3` would see left to the commands.
  private func blobs(_ project: Project) throws -> Set<String> {
    let folder = project.root.appending(path: "cache/blobs")
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    return Set((files?.allObjects as? [URL] ?? []).map(\.lastPathComponent))
  }

  @Test func everyBitOfAPipelineIsEqualAndItsStoreStaysAsItIs() throws {
    let project = try project()
    let first = try project.bobbin("run", "p.yaml", "--json")
    #expect(first.status == 0, "\(first.errors)")
    let (before, show) = (try blobs(project), try project.bobbin("show", "p.yaml", "table").output)
    let all = try project.bobbin("verify", "p.yaml", "--all", "--jobs", "2")
    #expect(all.status == 0, "\(all.output)\(all.errors)")
    #expect(all.output.hasPrefix("verified 7, different 0, not in the cache 0 in "), "\(all.output)")
    #expect(all.errors.hasPrefix("computing 7 of 7 instances in the cache again\n"))
    #expect(try blobs(project) == before)
    #expect(try project.bobbin("show", "p.yaml", "table").output == show)
    let scratch = project.root.appending(path: "cache/scratch").path
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch).isEmpty)
    let again = try project.bobbin("run", "p.yaml", "--json")
    #expect(try Set(again.states.values) == ["cached"])
    #expect(try again.artifacts == first.artifacts)
    // A sample, named by a seed.
    let json = try project.bobbin("verify", "p.yaml", "--sample", "3", "--seed", "5", "--json")
    #expect(try ["verified", "different", "candidates"].map { try json.json[$0]?.intValue } == [3, 0, 7])
    let same = try project.bobbin("verify", "p.yaml", "--sample", "3", "--seed", "5", "--json")
    #expect(try same.states == json.states)
  }

  @Test func aCommandThatWritesRandomBytesIsCaughtAndNamed() throws {
    let project = try Project()
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        steady: { run: "echo steady > ${out.file}", outputs: { file: a.txt } }
        dice:
          matrix: { n: [1, 2] }
          run: "test ${matrix.n} -gt 0; head -c 60000 /dev/urandom > ${out.file}"
          outputs: { file: a.bin }
        clock: { run: "date +%N | sed 's/.*/{ \\"t\\": { \\"ns\\": 1& } }/' > ${out.file}", outputs: { file: t.json } }
        reader: { run: "wc -c < ${dice[n=1].file} > ${out.file}", outputs: { file: n.txt } }
      """)
    let ran = try project.bobbin("run", "p.yaml", "steady", "dice", "clock")
    #expect(ran.status == 0, "\(ran.errors)")
    let before = try blobs(project)
    let verified = try project.bobbin("verify", "p.yaml")
    #expect(verified.status == 1)
    let lines = verified.output.split(separator: "\n").map(String.init)
    try #require(lines.count == 8, "\(verified.output)")
    let same =
      "             it was computed with the same instruction set and libraries, so the stage isn't reproducible"
    for n in 0...1 {
      #expect(lines[2 * n].hasPrefix("different    dice[n=\(n + 1)]: file: byte "), "\(lines)")
      #expect(lines[2 * n + 1] == same)
    }
    #expect(lines[4].hasPrefix("different    clock: file: field t.ns: 1"))
    #expect(lines[4].contains("; largest difference "))
    #expect(lines[6] == "not in the cache, so not verified: reader")
    #expect(lines[7].hasPrefix("verified 1, different 3, not in the cache 1 in "))
    #expect(try blobs(project) == before)
    // What wasn't run isn't verified silently.
    let nothing = try project.bobbin("verify", "p.yaml", "reader")
    #expect(nothing.status == 1)
    #expect(nothing.output.contains("verified 0, different 0, not in the cache 1 in "))
  }

  @Test func aChangeOfCodeThatGivesTheSameBitsIsAcceptedAndSaidForEver() throws {
    let project = try project()
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        part:
          matrix: { n: [1, 2, 3] }
          run: sh scripts/part.sh ${matrix.n} > ${out.part}
          code: [scripts/part.sh]
          outputs: { part: part.txt }
        whole: { run: "cat ${part} > ${out.whole}", outputs: { whole: whole.txt } }
      """)
    try project.write("scripts/part.sh", "echo part $1\n")
    #expect(try project.bobbin("run", "p.yaml").status == 0)
    let nothing = try project.bobbin("accept", "p.yaml", "part")
    #expect(nothing.status == 1)
    #expect(
      nothing.errors == "error: there is nothing to accept: 3 instances of 'part', and up to date\n")

    try project.write("scripts/part.sh", "# says which part\necho part $1\n")
    #expect(
      try project.bobbin("status", "p.yaml").output.hasSuffix("0 up to date, 3 stale, 1 pending, 0 missing\n")
    )
    let accepted = try project.bobbin("accept", "p.yaml", "part", "--sample", "1")
    #expect(accepted.status == 0, "\(accepted.errors)")
    #expect(accepted.errors.hasPrefix("computing 1 of 3 instances with the new code\n"))
    let lines = accepted.output.split(separator: "\n").map(String.init)
    #expect(lines.first == "accepted     part (3)")
    #expect(
      lines.last?.hasPrefix("accepted 3, verified 1 of them with the new code, not accepted 0 in ") == true)
    #expect(
      try project.bobbin("status", "p.yaml").output == """
        up to date   part (3): accepted from other code
        up to date   whole
        4 up to date, 0 stale, 0 pending, 0 missing

        """)
    #expect(try project.bobbin("run", "p.yaml").lastLine.hasPrefix("executed 0, cached 4, failed 0"))
    let shown = try JSON(parsing: try project.bobbin("show", "p.yaml", "part[n=2]").output)
    let acceptance = shown["record"]?["accepted"]?.arrayValue?.first
    #expect(acceptance?["changes"] == ["source scripts/part.sh changed"])
    #expect(acceptance?["evidence"]?.arrayValue?.count == 1)

    let explained = try project.bobbin("explain", "p.yaml", "part[n=2]").output
    #expect(explained.contains("\naccepted from key "), "\(explained)")
    #expect(explained.contains(", since 1 instance gave the same bits: source scripts/part.sh changed\n"))

    // What gives other bits is refused, and named.
    try project.write("scripts/part.sh", "echo piece $1\n")
    let refused = try project.bobbin("accept", "p.yaml", "part")
    #expect(refused.status == 1)
    #expect(
      refused.output.contains("different    part[n=1]: part: byte 1: 0x61 → 0x69; 7 bytes against 8\n"),
      "\(refused.output)")
    #expect(
      refused.output.hasSuffix(
        "nothing was accepted: 3 of 3 gave other bytes with the new code, so the change isn't harmless\n"))
    #expect(
      try project.bobbin("status", "p.yaml").output.hasSuffix("0 up to date, 3 stale, 1 pending, 0 missing\n")
    )
  }
}

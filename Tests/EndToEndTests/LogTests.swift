// What instances printed, where they ran and where their results came.

import Canonical
import Foundation
import Testing

/// F18.
@Test func theFiguresOfTheStoreHaveOpenedCopiesAndLogs() throws {
  let project = try Project()
  try project.write(
    "p.yaml",
    """
    version: 1
    stages:
      big: { run: "seq 1 200000 > ${out.file}; echo said", outputs: { file: file.txt } }
      small: { run: "wc -l ${big} > ${out.file}; echo said", outputs: { file: file.txt } }
    """)
  #expect(try project.bobbin("run", "p.yaml").status == 0)
  let json = try project.bobbin("cache", "stats", "--json").json
  let size = (1...200_000).reduce(0) { $0 + "\($1)\n".utf8.count }
  #expect(json["open"] == ["count": 1, "bytes": .integer(size)])
  #expect(json["logs"]?["count"] == 2)
  #expect(try #require(json["logs"]?["bytes"]?.intValue) > 10)
  #expect(json["records"] == 2)
  let text = try project.bobbin("cache", "stats").output
  #expect(text.contains("\nopen/        1, 1.2 MiB, decompressed copies\nlogs/        2, "), "\(text)")
}

/// F9.
@Test func aRunShowsWhatTheInstancesPrintThatItIsAskedToFollow() throws {
  let project = try Project()
  try project.write(
    "p.yaml",
    """
    version: 1
    stages:
      loud:
        matrix: { x: [0, 1] }
        run: "echo said ${matrix.x}; echo x > ${out.file}"
        outputs: { file: file.txt }
    """)
  let run = try project.bobbin("run", "p.yaml", "--tail", "loud[x=1]")
  #expect(run.status == 0)
  #expect(run.errors.contains("loud | said 1\n") && !run.errors.contains("said 0"), "\(run.errors)")
  let none = try project.bobbin("run", "p.yaml", "--tail", "loud")
  #expect(none.errors == "" && none.status == 0)
}

/// F16: of a first push nothing was there.
@Test func aFirstPushDoesNotSayWhatWasThere() throws {
  let project = try Project()
  try project.write(
    "p.yaml",
    """
    version: 1
    stages:
      a:
        matrix: { x: [0, 1, 2] }
        run: "echo same > ${out.file}; echo ${matrix.x} >&2"
        outputs: { file: file.txt }
    """)
  #expect(try project.bobbin("run", "p.yaml").status == 0)
  let first = try project.bobbin("cache", "push", "p.yaml", "--remote", "r")
  #expect(first.output.contains(": 3 records, ") && !first.output.contains("there"), "\(first.output)")
  let second = try project.bobbin("cache", "push", "p.yaml", "--remote", "r").output
  #expect(
    second.contains(": 0 records, 0 blobs, 0 B; ") && second.hasSuffix(" were there already\n"), "\(second)")
}

/// A project whose pipeline has run with a remote, and a teammate's with the same file and nothing computed. The
/// remote lies within the first and goes with it.
private func shared(_ text: String) throws -> (project: Project, teammate: Project, remote: String) {
  let (project, teammate) = (try Project(), try Project())
  for one in [project, teammate] { try one.write("p.yaml", text) }
  let remote = project.root.appending(path: "remote").path
  #expect(try project.bobbin("run", "p.yaml", "--remote", remote).status == 0)
  return (project, teammate, remote)
}

/// A stage that reads a part of what only the remote has gets its key from what is listed there.
@Test func everythingIsPulledAtOnceAndGotFromARemote() throws {
  let text = """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 20, test: 10 } }
      model: { uses: train, with: { data: "${images}", architecture: small_cnn, epochs: 1, batch: 10 } }
      scores: { uses: evaluate, with: { model: "${model}", data: "${images}" } }
    """
  let (project, teammate, remote) = try shared(text)
  defer { withExtendedLifetime(project) {} }
  let status = try teammate.bobbin("status", "p.yaml", "--remote", remote, "--store", "one")
  #expect(status.output.hasSuffix("3 up to date, 0 stale, 0 pending, 0 missing\n"), "\(status.output)")
  let got = try teammate.bobbin("get", "p.yaml", "scores", "-o", "-", "--remote", remote, "--store", "two")
  #expect(got.status == 0 && got.output.contains("accuracy"), "\(got.errors)")
  let pulled = try teammate.bobbin("cache", "pull", "p.yaml", "--remote", remote)
  #expect(pulled.output.contains(": 3 records, "), "\(pulled.output)")
  #expect(try teammate.bobbin("run", "p.yaml").lastLine.hasPrefix("executed 0, cached 3,"))
}

/// What somebody is told to type has the options that were typed.
@Test func curesKeepTheOptions() throws {
  let project = try Project()
  try project.write(
    "p.yaml",
    """
    version: 1
    params: { word: first }
    stages:
      loud: { run: "echo ${params.word} > ${out.file}", outputs: { file: file.txt } }
    """)
  let got = try project.bobbin("get", "p.yaml", "loud", "--set", "word=it's", "--store", "other")
  #expect(
    got.errors.contains("first: bobbin run p.yaml --set 'word=it'\\''s' --store other 'loud'"),
    "\(got.errors)")
}

@Test func aLogTravelsWithItsResult() throws {
  let text = """
    version: 1
    stages:
      loud: { run: "echo said; echo x > ${out.file}", outputs: { file: file.txt } }
      quiet: { run: "echo x > ${out.file}", outputs: { file: file.txt } }
    """
  let (project, teammate, remote) = try shared(text)
  defer { withExtendedLifetime(project) {} }
  let here = try project.bobbin("log", "p.yaml", "loud")
  let run = try teammate.bobbin("run", "p.yaml", "--remote", remote)
  #expect(run.lastLine.hasPrefix("executed 0, cached 2,"))
  let there = try teammate.bobbin("log", "p.yaml", "loud", "--remote", remote)
  #expect(there.status == 0, "\(there.errors)")
  #expect(there.output.contains("said\n"))
  #expect(there.output.contains("echo said") == here.output.contains("echo said"))
  #expect(try teammate.bobbin("log", "p.yaml", "quiet", "--remote", remote).status == 0)
}

@Test func theLogIsOfTheResultWhateverRanUnderTheNameSince() throws {
  let project = try Project()
  try project.write(
    "p.yaml",
    """
    version: 1
    params: { word: first }
    stages:
      loud: { run: "echo said ${params.word}; echo x > ${out.file}", outputs: { file: file.txt } }
    """)
  #expect(try project.bobbin("run", "p.yaml").status == 0)
  #expect(try project.bobbin("run", "p.yaml", "--set", "word=second").status == 0)
  #expect(try project.bobbin("log", "p.yaml", "loud").output.contains("\nsaid first\n"))
  #expect(
    try project.bobbin("log", "p.yaml", "loud", "--set", "word=second").output.contains("\nsaid second\n"))
}

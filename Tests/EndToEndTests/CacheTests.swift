import Canonical
import Foundation
import Testing

/// Commands that read each other, on large and small files, with a parameter that changes the last two.
private let pipeline = """
  version: 1
  params: { tail: 1 }
  stages:
    lines:
      matrix: { first: [1, 2, 3] }
      run: seq ${matrix.first} 9000 > ${out.text}
      outputs: { text: text.txt }
    sum:
      matrix: { part: "${lines}" }
      run: cksum < ${matrix.part} > ${out.sum}; echo ${params.tail} >> ${out.sum}
      outputs: { sum: sum.txt }
    all:
      run: cat ${sum.sum} > ${out.all}; seq ${params.tail} 7000 >> ${out.all}
      outputs: { all: all.txt }

  """

private func cacheProject() throws -> Project {
  let project = try Project()
  try project.write("p.yaml", pipeline)
  return project
}

private func run(_ project: Project, tail: Int = 1, _ more: String...) throws -> Finished {
  try project.bobbin(["run", "p.yaml", "--json", "--quiet", "--set", "tail=\(tail)"] + more)
}

/// Numbers from a seed.
private struct Draws {
  var state: UInt64
  mutating func next(below n: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % n
  }
}

@Suite struct CacheTests {
  @Test(arguments: 0..<3) func aRerunAfterAnyFreeingGivesTheSameDigests(seed: Int) throws {
    let project = try cacheProject()
    var right: [Int: [String: JSON]] = [:]
    for tail in 1...2 {
      let first = try run(project, tail: tail)
      #expect(first.status == 0, "\(first.errors)")
      right[tail] = try first.artifacts
    }
    var draws = Draws(state: UInt64(seed) &* 7919 &+ 1)
    for step in 0..<8 {
      var words = ["--grace", "0s"]
      if draws.next(below: 2) == 0 { words += ["--to", ["1K", "20K", "60K", "1G"][draws.next(below: 4)]] }
      if draws.next(below: 2) == 0 { words += ["--older-than", ["0s", "1h"][draws.next(below: 2)]] }
      if draws.next(below: 2) == 0 { words += ["--unreachable"] }
      if words.count == 2 { words += ["--to", "1K"] }
      let dry = try project.bobbin(["cache", "gc", "--dry-run", "--json"] + words)
      let real = try project.bobbin(["cache", "gc", "--json"] + words)
      #expect([0, 1].contains(real.status) && dry.status == real.status, "\(words) \(real.errors)")
      for member in ["before", "freed", "after", "sorts", "excess"] {
        #expect(try dry.json[member] == real.json[member], "\(words) \(member)")
      }
      #expect(try project.bobbin("cache", "check", "--quiet").status == 0)
      let tail = 1 + draws.next(below: 2)
      let again = try run(project, tail: tail)
      #expect(
        try again.status == 0 && again.artifacts == right[tail], "step \(step): \(words) \(again.errors)")
    }
  }

  @Test func whatTheLastRunsOfTwoProjectsNeedIsKeptInOneStore() throws {
    let projects = [try cacheProject(), try cacheProject()]
    let store = projects[0].root.appending(path: "cache").path
    for (n, project) in projects.enumerated() {
      for tail in [9, n + 1] { #expect(try run(project, tail: tail, "--store", store).status == 0) }
    }
    let gc = try projects[1].bobbin(
      "cache", "gc", "--store", store, "--to", "1K", "--unreachable", "--grace", "0s")
    #expect(gc.status == 1)
    #expect(gc.output.contains("freed ") && gc.output.contains("records  "), "\(gc.output)")
    #expect(gc.output.contains("over the bound of 1.0 KiB: the last runs, pins and runs in progress need"))
    for (n, project) in projects.enumerated() {
      let again = try run(project, tail: n + 1, "--store", store)
      #expect(try again.json["executed"] == 0, "\(again.output)")
      #expect(
        try project.bobbin("get", "p.yaml", "all", "--set", "tail=\(n + 1)", "--store", store).status == 0)
    }
    let stats = try projects[0].bobbin("cache", "stats", "--json").json
    #expect(stats["projects"]?.arrayValue?.count == 2)
    #expect(
      stats["stages"]?.arrayValue?.compactMap { $0["stage"]?.stringValue } == [
        "all", "lines", "sum", "all", "lines", "sum",
      ])
    // What both have is counted for each of them, and once in all.
    let shares = (stats["projects"]?.arrayValue ?? []).map {
      ($0["stored"]!.intValue!, $0["shared"]!.intValue!)
    }
    #expect(shares.allSatisfy { $0.1 > 10_000 && $0.1 < $0.0 }, "\(shares)")
    #expect(stats["needed"]!["bytes"]!.intValue! == shares[0].0 + shares[1].0 - shares[0].1)
    #expect(stats["unneeded"] == ["count": 0, "bytes": 0])
  }

  @Test func gcSaysWhatMayGoWhenItIsNotTold() throws {
    let project = try cacheProject()
    let finished = try project.bobbin("cache", "gc")
    #expect(finished.status == 2)
    #expect(
      finished.errors
        == "error: say what may go: --to SIZE, --older-than AGE or --unreachable, with --dry-run to see it first; or "
        + "write cache: { bound: 50G } in bobbin.yaml\n")
    for (words, message) in [
      (["--to", "much"], "--to takes a size such as 20G or 500M, not 'much'"),
      (["--older-than", "old"], "--older-than takes a time such as 30d, 12h or 0s, not 'old'"),
      (["--forget", "q.yaml"], "the store knows no run of 'q.yaml'"),
    ] {
      let finished = try project.bobbin(["cache", "gc"] + words)
      #expect(finished.status == 2 && finished.errors.contains(message), "\(finished.errors)")
    }
  }

  @Test func theProjectsBoundIsKeptAfterARunAndSaidInOneLine() throws {
    let project = try cacheProject()
    #expect(try run(project, tail: 1).status == 0)
    try project.write("bobbin.yaml", "cache: { bound: 1K }\n")
    let over = try run(project, tail: 2)
    #expect(over.status == 0)
    let lines = over.errors.split(separator: "\n")
    #expect(
      lines.count { $0.hasPrefix("the store had ") && $0.contains("over the bound of 1.0 KiB") } == 1,
      "\(over.errors)")
    // Nothing ran, so nothing is looked at.
    #expect(try !run(project, tail: 2).errors.contains("the store had"))
    try project.write("bobbin.yaml", "cache: { bound: 1G }\n")
    #expect(try !run(project, tail: 3).errors.contains("the store had"))
  }

  @Test func pinsKeepWhatNoRunNeedsAnyMore() throws {
    let project = try cacheProject()
    #expect(try run(project, tail: 1).status == 0)
    let pin = try project.bobbin("cache", "pin", "p.yaml", "all", "--set", "tail=1")
    #expect(pin.output == "pinned 1 result, and 6 that they were made from\n", "\(pin.errors)")
    let none = try project.bobbin("cache", "pin", "p.yaml", "all", "--set", "tail=5")
    #expect(none.status == 1)
    #expect(
      none.errors.hasPrefix(
        "error: all has no result to be kept. Run it first: bobbin run p.yaml --set 'tail=5'"))
    #expect(try project.bobbin("cache", "pins").output.contains("/p.yaml: all  "))
    #expect(try run(project, tail: 2).status == 0)
    let gc = ["cache", "gc", "--unreachable", "--grace", "0s", "--json"]
    #expect(try project.bobbin(gc).json["sorts"]?["records"] == nil)
    #expect(try run(project, tail: 1).json["executed"] == 0)
    #expect(try run(project, tail: 2).status == 0)
    #expect(try project.bobbin("cache", "unpin", "p.yaml").output == "unpinned 1 result\n")
    #expect(try project.bobbin(gc).json["sorts"]?["records"]?["count"] == 4)
    #expect(try project.bobbin("cache", "pins", "--json").output == "[]\n")
  }

  @Test func aDamagedBlobIsReportedWithItsInstancesAndMadeAgain() throws {
    let project = try cacheProject()
    let right = try run(project).artifacts
    let blobs = project.root.appending(path: "cache/blobs")
    let files = try FileManager.default.subpathsOfDirectory(atPath: blobs.path).filter { $0.count > 10 }
      .sorted()
    let file = blobs.appending(path: try #require(files.first))
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: file)
    try? FileManager.default.removeItem(at: project.root.appending(path: "cache/open"))
    let check = try project.bobbin("cache", "check", "--quiet")
    #expect(check.status == 3)
    #expect(
      check.output.contains("\n  of p.yaml: ") && check.output.contains(": 1 damaged\n"), "\(check.output)")
    #expect(try project.bobbin("cache", "check", "--quiet", "--fast").status == 0)
    let repair = try project.bobbin("cache", "check", "--quiet", "--repair")
    #expect(repair.status == 0 && repair.output.contains("1 damaged, 1 dropped\n"), "\(repair.output)")
    #expect(try project.bobbin("cache", "check", "--quiet").output.hasSuffix(": all well\n"))
    #expect(try run(project, tail: 2).status == 0)
    #expect(try run(project).artifacts == right)
  }

  /// Of issue 9's figures: at most 1 KB, log included.
  @Test func anInstanceThatPrintsNothingTakesLittleRoom() throws {
    let project = try Project()
    func size(_ count: Int) throws -> Int {
      try project.write(
        "p.yaml",
        """
        version: 1
        stages:
          tiny:
            matrix: { n: [\((0..<count).map { "\($0)" }.joined(separator: ", "))] }
            run: echo ${matrix.n} > ${out.o}
            outputs: { o: o.txt }

        """)
      let run = try project.bobbin("run", "p.yaml", "--quiet")
      #expect(run.status == 0, "\(run.errors)")
      return try project.bobbin("cache", "stats", "--json").json["size"]!.intValue!
    }
    let few = try size(100)
    let each = (try size(500) - few) / 400
    #expect(each <= 1024, "\(each) bytes")
    let logs = FileManager.default.subpaths(atPath: project.root.appending(path: "cache/logs").path) ?? []
    #expect(logs.allSatisfy { !$0.hasSuffix(".log") })
    #expect(try project.bobbin("log", "p.yaml", "tiny[n=3]").status == 0)
  }
}

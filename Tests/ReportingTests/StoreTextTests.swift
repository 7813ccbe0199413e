import Canonical
import ContentStore
import Reporting
import Testing

@Suite struct StoreTextTests {
  private var report: GarbageReport {
    var report = GarbageReport()
    report.freed = [
      .results: .init(count: 12, bytes: 3 << 20), .copies: .init(count: 3, bytes: 5 << 30),
      .records: .init(count: 12, bytes: 4000),
    ]
    report.before = 12 << 30
    report.needed = 6 << 30
    report.young = 1 << 30
    report.runs = 2
    return report
  }

  @Test func whatWasFreedIsListedInTheOrderInWhichItGoesWithWhatItMeans() {
    #expect(
      report.text(isDry: false, grace: 3600) == """
        freed 5.0 GiB of 12 GiB
          open/ copies   3   5.0 GiB  decompressed again when they are read
          results       12   3.0 MiB  made again when they are read; nothing else reruns
          records       12   3.9 KiB  their instances run again
        2 runs in progress: what they use stays

        """)
    #expect(GarbageReport().text(isDry: true, grace: 0) == "would free 0 B of 0 B\n")
  }

  @Test func aBoundThatIsNotMetIsToldByHowMuchAndWhy() {
    var report = report
    report.bound = 10 << 30
    #expect(report.shortfall(grace: 3600) == nil)
    #expect(
      report.line(grace: 3600)
        == "the store had 12 GiB, more than its bound of 10 GiB: freed 5.0 GiB (open/ copies, results, records)"
    )
    report.bound = 4 << 30
    let shortfall =
      "still 3.0 GiB over the bound of 4.0 GiB: the last runs, pins and runs in progress need 6.0 GiB, and 1.0 GiB "
      + "are younger than 1h00m (--grace)"
    #expect(report.text(isDry: true, grace: 3600).hasSuffix("\n\(shortfall)\n"))
    #expect(
      report.line(grace: 3600)
        == "the store had 12 GiB: freed 5.0 GiB (open/ copies, results, records), \(shortfall)")
    report.freed = [:]
    report.young = 0
    #expect(
      report.line(grace: 0)
        == "the store had 12 GiB: nothing could be freed, still 8.0 GiB over the bound of 4.0 GiB: the last runs, pins "
        + "and runs in progress need 6.0 GiB")
  }

  @Test func whatIsDamagedIsToldWithItsInstancesAndWhatBecameOfIt() {
    var check = StoreCheck()
    (check.blobs, check.bytes, check.records) = (7, 2048, 3)
    #expect(check.text == "checked 7 blobs, 2.0 KiB, and 3 records: all well\n")
    check.damages = [
      .init(
        name: "blob a", reason: "its file is gone", instances: (1...6).map { "p.yaml: m[\($0)]" },
        cure: .dropped),
      .init(name: "record b", reason: "its text isn't that of its key", instances: [], cure: .healed),
    ]
    #expect(!check.isDamaged)
    #expect(
      check.text == """
        blob a: its file is gone
          of p.yaml: m[1], p.yaml: m[2], p.yaml: m[3], p.yaml: m[4] and 2 more
          dropped; it is made again, or fetched, when somebody needs it
        record b: its text isn't that of its key
          healed
        checked 7 blobs, 2.0 KiB, and 3 records: 2 damaged, 1 healed, 1 dropped

        """)
    check.damages[0].cure = .none
    #expect(check.isDamaged && check.text.hasSuffix("from --remote where that has it\n"))
    check.damages = []
    check.index = ["row 3 missing from index"]
    #expect(check.isDamaged)
    #expect(
      check.text == """
        index  row 3 missing from index
        checked 7 blobs, 2.0 KiB, and 3 records: the index is damaged
        move the store aside and run again; a remote, where there is one, gives the results back

        """)
  }

  @Test func theFiguresNameProjectsFilesAndStages() {
    var use = StoreUse()
    use.size = 5 << 20
    use.projects = [StoreShare(project: "/p", results: 3, content: 4096, stored: 2048, shared: 0)]
    use.files = [
      StoreShare(project: "/p", file: "a.yaml", results: 3, content: 4096, stored: 2048, shared: 0)
    ]
    use.stages = [
      StoreShare(
        project: "/p", file: "a.yaml", stage: "model", results: 2, content: 3072, stored: 1024, shared: 512)
    ]
    use.needed = .init(count: 3, bytes: 2048)
    use.unneeded = .init(count: 1, bytes: 10)
    use.freeable = [.results: .init(count: 1, bytes: 10), .records: .init(count: 1, bytes: 300)]
    let text = StoreText(StoreStats(), use)
    #expect(
      text.text.hasSuffix(
        """

        last runs  results   stored  uncompressed  shared
        /p               3  2.0 KiB       4.0 KiB     0 B
          a.yaml         3  2.0 KiB       4.0 KiB     0 B
            model        2  1.0 KiB       3.0 KiB   512 B
        last runs and pins need 3 results, 2.0 KiB, what is shared counted once; nobody needs 1, 10 B
        could be freed (cache gc):
          results        1, 10 B
          records        1, 300 B

        """), "\(text.text)")
    #expect(text.json["stages"]?.arrayValue?.first?["stage"] == "model")
    #expect(text.json["freeable"]?["records"]?["bytes"] == 300)
    #expect(StoreText(StoreStats(), StoreUse()).text.hasSuffix("\nnothing could be freed\n"))
  }
}

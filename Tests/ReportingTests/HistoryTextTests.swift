// The table of runs: a whole text.

import ContentStore
import Foundation
import Reporting
import Testing

@Suite struct HistoryTextTests {
  private func run(
    _ id: Int, _ state: RunEntry.State, seconds: Double? = 2.5, executed: Int,
    words: [String] = ["run", "p.yaml"]
  ) -> RunEntry {
    let start = Date(timeIntervalSince1970: 1_000_000_000 + Double(id))
    return RunEntry(
      id: RunID(id), file: "p.yaml", start: start, end: seconds.map { start + $0 },
      commandLine: ["bobbin"] + words,
      state: state, executed: executed)
  }

  private func ended(_ status: Int, _ executed: Int, _ cached: Int, _ failed: Int, _ skipped: Int)
    -> RunEntry.State
  {
    .ended(
      RunOutcome(exitStatus: status, executed: executed, cached: cached, failed: failed, skipped: skipped))
  }

  @Test func everyRunIsALine() {
    let runs = [
      run(12, .running, seconds: nil, executed: 1, words: ["run", "p.yaml", "--set", "a=b c\u{1b}"]),
      run(11, .unfinished, seconds: nil, executed: 3),
      run(10, ended(130, 1, 2, 0, 3), executed: 1), run(9, ended(130, 1, 2, 1, 3), executed: 1),
      run(8, ended(3, 0, 0, 1, 0), executed: 0),
      run(7, ended(1, 100, 20, 2, 3), seconds: 4000, executed: 100),
      run(6, ended(0, 0, 125, 0, 0), seconds: 0.01, executed: 0, words: ["get", "p.yaml", "a", "--rebuild"]),
    ]
    let text = HistoryText(
      runs, total: 12, now: Date(timeIntervalSince1970: 1_000_000_100), zone: TimeZone(secondsFromGMT: 7200)!
    ).text
    #expect(
      text == """
        run  started               took  ended                       executed  cached  skipped  command
         12  2001-09-09 03:46:52  1m28s  still running                      1                   run p.yaml --set 'a=b c\\u{1b}'
         11  2001-09-09 03:46:51         killed                             3                   run p.yaml
         10  2001-09-09 03:46:50   2.5s  interrupted                        1       2        3  run p.yaml
          9  2001-09-09 03:46:49   2.5s  interrupted, failed 1              1       2        3  run p.yaml
          8  2001-09-09 03:46:48   2.5s  the store failed, failed 1         0       0        0  run p.yaml
          7  2001-09-09 03:46:47  1h06m  failed 2                         100      20        3  run p.yaml
          6  2001-09-09 03:46:46  0.01s  ok                                 0     125        0  get p.yaml a --rebuild
        7 of 12 runs; --limit 12 shows all

        """)
  }
}

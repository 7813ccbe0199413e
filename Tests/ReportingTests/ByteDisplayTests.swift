import Reporting
import Synchronization
import Testing

/// What a display writes, by a clock that is set by hand.
private final class Paper: Sendable {
  let time = Mutex(100.0)
  let text = Mutex("")
  let size: (columns: Int, rows: Int)?

  init(_ size: (columns: Int, rows: Int)?) { self.size = size }

  func display(quiet: Bool = false) -> ByteDisplay {
    ByteDisplay(
      "reading", quiet: quiet,
      terminal: Terminal(
        size: { [size] in size }, usesColour: false, write: { text in self.text.withLock { $0 += text } }),
      now: { self.time.withLock { $0 } })
  }

  func take() -> String {
    text.withLock { text in
      defer { text = "" }
      return text
    }
  }
}

private let mebi = 1 << 20

/// H16.
@Test func aTerminalShowsBytesRateAndTimeLeftAfterASecond() {
  let paper = Paper((80, 24))
  let display = paper.display()
  display.show(10 * mebi, of: 1000 * mebi)
  #expect(paper.take() == "")
  paper.time.withLock { $0 += 2 }
  display.show(200 * mebi, of: 1000 * mebi)
  #expect(paper.take() == "reading  200 MiB of 1000 MiB  100 MiB/s  8s left\n")
  display.show(201 * mebi, of: 1000 * mebi)
  #expect(paper.take() == "")
  paper.time.withLock { $0 += 8 }
  display.show(1000 * mebi, of: 1000 * mebi)
  #expect(paper.take() == "\r\u{1B}[1A\u{1B}[Jreading  1000 MiB of 1000 MiB  100 MiB/s\n")
  display.end()
  #expect(paper.take() == "\r\u{1B}[1A\u{1B}[J")
  display.end()
  #expect(paper.take() == "")
}

@Test func aNarrowTerminalGetsNoLineThatWraps() {
  let paper = Paper((20, 5))
  let display = paper.display()
  paper.time.withLock { $0 += 2 }
  display.show(200 * mebi, of: 1000 * mebi)
  #expect(paper.take() == "reading  200 MiB o…\n")
}

@Test func elsewhereThereIsALineNowAndThen() {
  let paper = Paper(nil)
  let display = paper.display()
  var lines = 0
  for second in 1...120 {
    paper.time.withLock { $0 += 1 }
    display.show(second * mebi, of: 1000 * mebi)
    let text = paper.take()
    #expect(!text.contains("\u{1B}"))
    lines += text.isEmpty ? 0 : 1
  }
  #expect(lines == 4)
  display.end()
  #expect(paper.take() == "")
  let quiet = paper.display(quiet: true)
  paper.time.withLock { $0 += 100 }
  quiet.show(1, of: 2)
  #expect(paper.take() == "")
}

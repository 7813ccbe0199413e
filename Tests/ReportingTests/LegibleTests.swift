import Reporting
import Testing

/// H16: what reaches a terminal can't make it do anything.
@Test(arguments: [
  ("plain, né, 日本, 🧵", "plain, né, 日本, 🧵"), ("\u{1B}[31mred", "\\u{1b}[31mred"), ("\u{7}", "\\u{7}"),
  ("over\rwritten", "over\\rwritten"), ("a\r\nb", "a\\r\\nb"), ("a\nb\tc", "a\\nb\\tc"),
  ("\u{9B}31m", "\\u{9b}31m"), ("\u{7F}", "\\u{7f}"), ("\u{202E}cba", "\\u{202e}cba"),
  ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"), ("\u{2028}", "\\u{2028}"), ("", ""),
])
func controlsAreSpelledOut(_ text: String, _ shown: String) {
  #expect(legible(text) == shown)
}

@Test func linesOfSeveralStayLines() {
  #expect(legible(lines: "a\tb\nc\r\n\u{1B}d") == "a\tb\nc\\r\n\\u{1b}d")
}

@Test func oneIsNoPlural() {
  #expect(counted(1, "instance") == "1 instance")
  #expect(counted(0, "blob") == "0 blobs")
}

import Formats
import Testing

@Test func csvQuotesWhatNeedsItAndEndsLinesInLF() {  // C13
  let text = CSV.encode(
    header: ["a", "b"],
    rows: [
      ["1", "x,y"], ["say \"hi\"", "two\r\nlines"], ["lone\rCR", "lone\nLF"], ["", " spaced "],
    ])
  #expect(
    text
      == "a,b\n1,\"x,y\"\n\"say \"\"hi\"\"\",\"two\r\nlines\"\n\"lone\rCR\",\"lone\nLF\"\n, spaced \n")
}

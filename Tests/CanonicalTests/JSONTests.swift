import Canonical
import Testing

@Suite struct JSONTests {
  @Test func equalValuesHaveOneText() throws {
    let value: JSON = [
      "b": [1, 2.5, true, nil as JSON? ?? .null], "a": "q\"\\\n\t\r\u{1}é😀", "ab": [:], "é": [], "Z": -3,
    ]
    let text = #"{"Z":-3,"a":"q\"\\\n\t\r\u0001é😀","ab":{},"b":[1,2.5,true,null],"é":[]}"#
    #expect(value.canonical == text)
    #expect(try JSON(parsing: text) == value)
    #expect(
      try JSON(
        parsing: " { \"Z\" : -3 , \"a\":\"q\\u0022\\\\\\n\\t\\r\\u0001\\u00e9\\uD83D\\uDE00\", \"ab\":{ },"
          + "\"b\":[1 ,2.5e0,true,null],\"\\u00e9\":[]}\n"
      ).canonical == text)
  }

  @Test(arguments: [0.1, 1, -0.0, 1e300, 2.5e-308, 1.0 / 3, 1e16, 123456789012345680])
  func numbersReadBackAsTheSameBits(number: Double) throws {
    let read = try JSON(parsing: JSON.number(number).canonical)
    #expect(read.doubleValue?.bitPattern == number.bitPattern)
    #expect(read.canonical == JSON.number(number).canonical)
  }

  @Test func integersStayIntegers() throws {
    for integer in [0, -1, Int.max, Int.min] {
      #expect(try JSON(parsing: "\(integer)") == .integer(integer))
    }
  }

  @Test(arguments: [
    "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "-", "1.", ".5", "1e", "+1", "1e400", "tru", "nul",
    "\"", "\"\\x\"",
    "\"\\uD800\"", "\"\\uD800\\u0041\"", "\"\\u12G4\"", "\"\n\"", "1 2", "{\"a\":1,\"a\":2}", "NaN", "'a'",
    "[1 2]",
    String(repeating: "[", count: 201) + String(repeating: "]", count: 201),
  ])
  func whatIsNotJSONIsRefused(text: String) {
    #expect(throws: JSONError.self) { try JSON(parsing: text) }
  }

  @Test func nestingIsBoundedAndBytesMustBeUTF8() throws {
    let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
    #expect(try JSON(parsing: deep).canonical == deep)
    #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
    #expect(throws: JSONError.self) { try JSON(parsing: [UInt8](repeating: 0x5B, count: 50_000_000)) }
  }
}

import Fingerprinting
import Testing

@Suite struct SwiftTokensTests {
  @Test(arguments: [
    ("let x = 1 // one", "let x = 1"),
    ("/* a /* nested */ b */ let x = 1", "let x = 1"),
    ("let x =    1\n\n\n  let y = 2\n", "let x = 1\nlet y = 2"),
    ("f( a, b )", "f(a,b)"),
    ("f(a /* first */, b)", "f(a,b)"),
    ("/// docs\nfunc f() {}", "func f(){}"),
  ])
  func commentsAndWhiteSpaceDontCount(_ source: String, _ expected: String) {
    #expect(significantText(ofSwift: source) == expected)
  }

  @Test(arguments: [
    (#"let s = "a // b""#, #"let s = "a  // b""#),
    ("let s = \"\"\"\n  a\n  \"\"\"", "let s = \"\"\"\n   a\n  \"\"\""),
    (##"let s = #"a "/* b"#"##, ##"let s = #"a "/*  b"#"##),
    (#"let s = "\(f("x // y"))""#, #"let s = "\(f("x //  y"))""#),
    ("let r = /a b/", "let r = /a  b/"),
    ("let r = #/a b/#", "let r = #/a  b/#"),
    ("a - b", "a -b"),
    ("a\nb", "a b"),
  ])
  func whatMayMatterIsKept(_ source: String, _ other: String) {
    #expect(significantText(ofSwift: source) != significantText(ofSwift: other))
  }

  @Test func commentsAfterStringsAndRegexesAreStillFound() {
    #expect(significantText(ofSwift: #"f("\(a + "b")", /x\/y/) // c"#) == #"f("\(a + "b")",/x\/y/)"#)
    #expect(significantText(ofSwift: "let q = a / b // c / d") == "let q = a / b")
  }
}

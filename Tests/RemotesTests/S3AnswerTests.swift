import Testing

import Remotes

/// The little that is read of XML.
@Suite struct S3AnswerTests {
  @Test(arguments: [
    ("<A><Key>a</Key><Key>b</Key></A>", ["a", "b"]), ("<Key></Key>", [""]), ("<Key>a", []), ("", []),
    ("</Key><Key>a</Key>", ["a"]), ("<Keys>a</Keys><Key>b</Key>", ["b"]),
    ("<Key>a&amp;&lt;&gt;&quot;&apos;&#x41;&#66;</Key>", ["a&<>\"'AB"]),
    ("<Key>&nope;&</Key>", ["&nope;&"]), ("<Key>&#xFFFFFFFF;&#xD800;</Key>", ["&#xFFFFFFFF;&#xD800;"]),
    ("<<<Key>a</Key", []),
  ]) func textsAreFoundByTheirElement(xml: String, texts: [String]) {
    #expect(S3Answer.texts(of: "Key", in: Array(xml.utf8)) == texts)
  }
}

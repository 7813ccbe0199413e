// Keys, and what a project that trusts only some takes from a remote.

import Canonical
import Foundation
import Testing

/// Somebody with a project and a home of their own.
private struct Person {
  let project: Project
  var environment: [String: String] {
    ["XDG_CONFIG_HOME": project.root.appending(path: "config").path, "USER": name]
  }
  let name: String

  init(_ name: String) throws {
    self.name = name
    project = try Project()
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        text: { run: "echo hello > ${out.file}", outputs: { file: file.txt } }
      """)
  }

  func bobbin(_ arguments: String...) throws -> Finished {
    try project.bobbin(arguments, environment: environment)
  }

  /// Makes a key; returns its public half.
  func newKey() throws -> String {
    let made = try bobbin("key", "new")
    #expect(made.status == 0, "\(made.errors)")
    return String(made.output.prefix { $0 != "\n" })
  }
}

@Test func aProjectTakesOnlyWhatItsKeysSigned() throws {
  let (anna, ben) = (try Person("anna"), try Person("ben"))
  let key = try anna.newKey()
  let remote = ["--remote", anna.project.root.appending(path: "remote").path]
  #expect(try ben.bobbin("key", "trust", key, "--name", "anna").status == 0)
  #expect(try ben.bobbin("key", "trust", key).output.contains("already"))
  #expect(
    try String(contentsOf: ben.project.root.appending(path: "bobbin.yaml"), encoding: .utf8)
      == "trust:\n  - \(key) anna\n")

  // Unsigned, from somebody without a key.
  let carol = try Person("carol")
  #expect(try carol.bobbin("run", "p.yaml", remote[0], remote[1]).lastLine.hasPrefix("executed 1,"))
  let pulled = try ben.bobbin("cache", "pull", "p.yaml", remote[0], remote[1])
  #expect(pulled.output.hasPrefix("pulled from") && pulled.output.contains("0 records"))
  #expect(pulled.errors.contains("text: not taken: the record on \(remote[1]) isn't signed\n"))
  let dry = try ben.bobbin("run", "p.yaml", remote[0], remote[1], "--verbose", "--quiet", "--dry-run")
  #expect(dry.output.contains("text"))

  // Anna computes the same and adds her signature.
  #expect(try anna.bobbin("run", "p.yaml").lastLine.hasPrefix("executed 1,"))
  let pushed = try anna.bobbin("cache", "push", "p.yaml", remote[0], remote[1])
  #expect(pushed.output.contains("1 record,"), "\(pushed.output) \(pushed.errors)")
  let run = try ben.bobbin("run", "p.yaml", remote[0], remote[1])
  #expect(run.lastLine.hasPrefix("executed 0, cached 1,"), "\(run.errors)")
  #expect(try ben.bobbin("get", "p.yaml", "text.file", remote[0], remote[1]).output == "hello\n")

  // Another list of keys disowns it; a run says so when it is asked.
  let other = try carol.newKey()
  try ben.project.write("bobbin.yaml", "trust: [\(other)]\n")
  let again = try ben.bobbin("run", "p.yaml", remote[0], remote[1], "--verbose", "--quiet")
  #expect(again.lastLine.hasPrefix("executed 1,"))
  #expect(again.errors.contains("text: not taken: the record on \(remote[1]) isn't signed by a key that"))
  #expect(try !ben.bobbin("run", "p.yaml", remote[0], remote[1]).errors.contains("not taken"))
}

@Test func aSaltDisownsWhatARemoteHas() throws {
  let (anna, ben) = (try Person("anna"), try Person("ben"))
  let remote = ["--remote", anna.project.root.appending(path: "remote").path]
  #expect(try anna.bobbin("run", "p.yaml", remote[0], remote[1]).lastLine.hasPrefix("executed 1,"))
  try ben.project.write("bobbin.yaml", "salt: after the leak\n")
  #expect(try ben.bobbin("run", "p.yaml", remote[0], remote[1]).lastLine.hasPrefix("executed 1,"))
  try ben.project.write("bobbin.yaml", "")
  #expect(try ben.bobbin("run", "p.yaml", remote[0], remote[1]).lastLine.hasPrefix("executed 0, cached 1,"))
}

@Test func keysAreMadeOnceAndListed() throws {
  let anna = try Person("anna")
  #expect(try anna.bobbin("key", "list").output.hasPrefix("you have no keys"))
  let key = try anna.newKey()
  let again = try anna.bobbin("key", "new")
  #expect(again.status == 2 && again.errors.contains("there is a key of this name; it is kept"))
  let one = try anna.bobbin("key", "list").output
  #expect(one.contains("\(key)  anna  signs\n") && one.contains("takes everybody's results"))
  let second = try anna.bobbin("key", "new", "work")
  #expect(second.errors.contains("none signs: write key: NAME in"))
  try anna.project.write("config/bobbin/settings.yaml", "key: work\n")
  #expect(try anna.bobbin("key", "trust", key).status == 0)
  let list = try anna.bobbin("key", "list", "--json").json
  #expect(list["own"]?.arrayValue?.map { $0["signs"] == .bool(true) } == [false, true])
  #expect(list["trusted"]?.arrayValue?.map { $0["key"]?.stringValue } == [key])
  for (words, message) in [
    (["trust", "ed25519:AAAA"], "is no public key"), (["new", "../x"], "a key's name is made of letters"),
    (["trust", key, "--name", "a b"], "--name takes letters"),
  ] {
    let refused = try anna.project.bobbin(["key"] + words, environment: anna.environment)
    #expect(refused.status == 2 && refused.errors.contains(message), "\(refused.errors)")
  }
  try anna.project.write("config/bobbin/settings.yaml", "key: lost\n")
  let lost = try anna.bobbin("status", "p.yaml")
  #expect(lost.status == 3 && lost.errors.contains("there is no key of this name"))
}

/// A key is added to any file, whose other lines stay as they are.
@Test(arguments: [
  ("", "trust:\n  - KEY\n"),
  ("# ours\nsalt: x", "# ours\nsalt: x\ntrust:\n  - KEY\n"),
  ("trust:\nsalt: x\n", "trust:\n  - KEY\nsalt: x\n"),
  ("trust:\n  # nobody yet\nsalt: x\n", "trust:\n  - KEY\n  # nobody yet\nsalt: x\n"),
  ("trust: []\nsalt: x\n", "trust: [KEY]\nsalt: x\n"),
  ("trust: [OTHER ben] # us\n", "trust: [OTHER ben, KEY] # us\n"),
  (
    "salt: x\ntrust:\n- OTHER ben # him\n\n# more\ngpus: [0]\n",
    "salt: x\ntrust:\n- OTHER ben # him\n- KEY\n\n# more\ngpus: [0]\n"
  ),
  ("{ salt: x }\n", nil), ("trust: [\n  OTHER ]\n", nil),
])
func aTrustedKeyIsAddedToTheFileAsItIs(before: String, after: String?) throws {
  let project = try Project()
  let (key, other) = (
    "ed25519:\(Data(repeating: 1, count: 32).base64EncodedString())",
    "ed25519:\(Data(count: 32).base64EncodedString())"
  )
  func filled(_ text: String) -> String {
    text.replacingOccurrences(of: "KEY", with: key).replacingOccurrences(of: "OTHER", with: other)
  }
  try project.write("bobbin.yaml", filled(before))
  let added = try project.bobbin("key", "trust", key)
  let text = try String(contentsOf: project.root.appending(path: "bobbin.yaml"), encoding: .utf8)
  #expect(text == filled(after ?? before))
  #expect(added.status == (after == nil ? 2 : 0))
  if after == nil { #expect(added.errors.contains("add to the list: \(key)")) }
}

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// What is in keys besides code, parameters and inputs.
@Suite struct KeyTests {
  private func halves() throws -> Project {
    let project = try Project()
    try project.add("both", "halves", ["train": 10, "test": 20, "padding": 20_000])
    try project.add("h", "half", inputs: ["first": ["both"], "chosen": ["both"]])
    try project.add("f", "half", inputs: ["first": ["both"]])
    return project
  }

  @Test func anInputThatAsksForAPartReadsThatAlone() throws {
    let project = try halves()
    let executor = project.executor()
    let report = try project.run(executor)
    #expect(try project.text("h", report) == "30")
    #expect(try project.text("f", report) == "10")
    // Neither the manifest nor the other half is brought along.
    let job = try #require(executor.jobs.first { $0.members[0].name == "f" })
    #expect(job.files.count == 1)
  }

  @Test func anotherPartMayChangeWithoutARerun() throws {
    let project = try halves()
    try project.run()
    try project.change("both", ["train": 10, "test": 21, "padding": 20_000])
    let report = try project.run()
    #expect(report.names(.executed) == ["both", "h"])
    #expect(try project.text("h", report) == "31")
  }

  @Test func aParameterMaySayWhichPart() throws {
    let project = try halves()
    try project.change("h", ["split": "train"])
    #expect(try project.text("h", try project.run()) == "20")
  }

  @Test func aPartThatIsNotThereFailsTheInstanceThatWantsIt() throws {
    let project = try halves()
    try project.change("h", ["split": "validation"])
    let report = try project.run(keepGoing: true)
    #expect(
      report["h"].message
        == "input 'chosen' wants the part 'validation' of what it reads; that has test, train")
    #expect(report["h"].failure?.cause == .input)
    #expect(report["f"].state == .executed)
  }

  @Test func aManifestWhosePartIsWantedIsMadeAgainWhenItIsLost() throws {
    let project = try halves()
    let first = try project.run()
    try project.lose(try project.store.leaves(of: first["both"].artifacts["both"]!).last!.digest)
    try project.change("f", ["split": "train"])
    let report = try project.run()
    #expect(report.exitStatus == 0)
    #expect(report.names(.failed) == [])
  }

  /// A project's salt disowns everything before.
  @Test func anotherSaltChangesEveryKey() throws {
    let project = try halves()
    try project.run()
    project.settings.salt = "after the broken disk"
    #expect(try project.plan().reason("both") == "salt none → after the broken disk")
    #expect(try project.run().executed == 3)
    project.settings.salt = nil
    #expect(try project.run().cached == 3)
  }

  @Test func thePlatformIsInTheKeyWhereTheProjectAsksForIt() throws {
    let project = try halves()
    let old = Platform(instructionSet: "avx2", libraries: ["oneDNN": "2.6.3"])
    let new = Platform(instructionSet: "avx2", libraries: ["oneDNN": "3.1.1"])
    try project.run(platform: old)
    #expect(try project.run(platform: new).cached == 3)
    project.settings.platform = [.instructionSet]
    #expect(try project.run(platform: old).executed == 3)
    #expect(try project.run(platform: new).cached == 3)
    project.settings.platform = [.instructionSet, .libraries]
    #expect(try project.run(platform: old).executed == 3)
    #expect(
      try project.plan(platform: new).reason("both") == "platform.libraries.oneDNN 2.6.3 → 3.1.1")
  }

  /// A4: the list stands in the action by its digest, and explanations still read it.
  @Test func longListsStandByTheirDigests() throws {
    let project = try Project()
    for i in 0..<100 { try project.add("n\(i)", "number", ["value": .integer(i)]) }
    try project.add("s", "sum", inputs: ["add": (0..<100).map { "n\($0)" }])
    let report = try project.run()
    let record = try #require(try project.store.record(for: report["s"].key!))
    #expect(record.action["inputs"]?["add"]?["members"] == 100)
    #expect(record.text.utf8.count < 2_000)
    try project.change("n3", ["value": 500])
    let again = try project.run()
    #expect(again["s"].reason?.description == "input add: content of number 'n3' changed (value 3 → 500)")
    #expect(try project.text("s", again) == "\(99 * 50 - 3 + 500)")
  }

  @Test func commandsHaveTheVersionOfTheirSemanticsInTheKey() throws {
    let project = try Project()
    try project.add("c", "number", code: CommandCode(patterns: [], line: "sh"))
    let report = try project.run()
    let record = try #require(try project.store.record(for: report["c"].key!))
    #expect(record.action["commands"] == .integer(CommandText.semanticsVersion))
  }

  private func secretive(_ project: Project, config: String = "config") throws {
    try project.add(
      "c", "number", code: CommandCode(patterns: [], line: "true"), environment: ["TOKEN", "USER"])
    project.instances[0].secrets = ["TOKEN"]
    project.environment["XDG_CONFIG_HOME"] = project.root.appendingPathComponent(config).path
    project.environment["TOKEN"] = "hunter2-hunter2"
    project.environment["USER"] = "ada"
  }

  @Test func aSecretStandsInTheKeyAsAKeyedDigest() throws {
    let project = try Project()
    try secretive(project)
    let report = try project.run()
    let record = try #require(try project.store.record(for: report["c"].key!))
    #expect(!record.text.contains("hunter2"))
    #expect(record.action["environment"]?["USER"] == "ada")
    let digest = try #require(record.action["environment"]?["TOKEN"]?["secret"]?.stringValue)
    #expect(digest.count == 64)
    // Guessing is no use: the digest of the value itself is another.
    #expect(
      digest != Digest.of("hunter2-hunter2".utf8).hex
        && digest != Digest.of("TOKEN\0hunter2-hunter2".utf8).hex)
    #expect(try project.run().cached == 1)

    project.environment["TOKEN"] = "hunter3-hunter3"
    #expect(try project.plan().reason("c") == "environment TOKEN is another secret")
    project.environment["TOKEN"] = nil
    #expect(try project.plan().reason("c") == "environment TOKEN a secret → not set")
    project.environment["TOKEN"] = "hunter2-hunter2"
    project.instances[0].secrets = []
    #expect(try project.plan().reason("c") == "environment TOKEN is no secret any more")
  }

  @Test func theKeyOfDigestsIsTheUsersAlone() throws {
    let project = try Project()
    try secretive(project)
    try project.run()
    let file = project.root.appendingPathComponent("config/bobbin/secret-key")
    #expect(try Data(contentsOf: file).count == 32)
    let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    // Somebody else's results with the same value are others.
    project.environment["XDG_CONFIG_HOME"] = project.root.appendingPathComponent("other").path
    #expect(try project.plan().reason("c") == "environment TOKEN is another secret")
    try Data(repeating: 0, count: 5).write(
      to: project.root.appendingPathComponent("other/bobbin/secret-key"))
    let short = #expect(throws: DecodingIssue.self) { try project.plan() }
    #expect(
      short?.description.hasPrefix("toy.yaml:1:3: stage 'c': environment: 'TOKEN' is secret, and ") == true)
    #expect(
      short?.description.hasSuffix("/secret-key isn't 32 bytes long. Remove it to get a new one") == true)
    project.environment["XDG_CONFIG_HOME"] = nil
    let homeless = #expect(throws: DecodingIssue.self) { try project.plan() }
    #expect(homeless?.description.contains("neither XDG_CONFIG_HOME nor HOME is set") == true)
  }

  /// RFC 4231, test cases 2 and 6.
  @Test func digestsOfSecretsAreHMACs() {
    let short = SecretKey(Array("Jefe".utf8)).mac(Array("what do ya want for nothing?".utf8))
    #expect(short.hex == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    let long = SecretKey([UInt8](repeating: 0xAA, count: 131))
      .mac(Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
    #expect(long.hex == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
  }

  /// A14: null is a value where the type has it, and else "not written".
  @Test func nullOverridesADefaultWhereTheTypeHasIt() throws {
    let kind = KindDescription(Defaults.self, code: plainCode)
    let place = Place(file: "p.yaml", line: 1, column: 1)
    let nulls = ["samples", "epochs"].map { RawValue.Member(name: $0, place: place, value: .null(place)) }
    #expect(try kind.decode(nulls, at: place) == ["samples": .null, "epochs": 20])
    #expect(try kind.decode([], at: place) == ["samples": 1000, "epochs": 20])
  }
}

private struct Defaults: StageKind {
  static let name = "defaults"
  static let summary = "has defaults"
  @Parameter("how many; null for all") var samples: Int? = 1000
  @Parameter("passes") var epochs = 20
  func run(in context: StageContext) throws {}
}

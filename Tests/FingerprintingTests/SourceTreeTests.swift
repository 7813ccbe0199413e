// Owns small packages, written down here, that show which files a kind reaches and which it doesn't.

import Fingerprinting
import Foundation
import Testing

/// Sources by `Module/File.swift`. Stages depends on Numbers and Workflow, an engine.
private func codeOfKinds(_ sources: [String: String]) throws -> [String: KindCode] {
  let root = FileManager.default.temporaryDirectory.appending(path: "bobbin-tree-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: root) }
  var files = [
    "Workflow/Artifact.swift": "import Canonical\npublic struct Artifact { public let note: Note }",
    "Canonical/Note.swift": "public struct Note {}",
    "Numbers/Matrix.swift": "public struct Matrix {}",
    "Package.swift": """
    let settings = 1
    let package = Package(targets: [
      .target(name: "Stages", swiftSettings: checks), .target(name: "Numbers", swiftSettings: settings),
      .target(name: "Canonical"), .target(name: "CShim"),
    ])
    """,
  ]
  files.merge(sources) { $1 }
  for module in ["Stages", "Numbers", "Workflow", "Canonical", "CShim"] {
    try FileManager.default.createDirectory(
      at: root.appending(path: module), withIntermediateDirectories: true)
  }
  for (path, text) in files {
    let url = root.appending(path: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }
  func module(_ name: String, _ dependencies: [String], _ role: Module.Role = .counts) -> Module {
    Module(
      role: role, name: name, directory: root.appending(path: name),
      manifest: root.appending(path: "Package.swift"), dependencies: dependencies)
  }
  do {
    return try SourceTree(
      modules: [
        module("Stages", ["Numbers", "Workflow", "CShim"]), module("Numbers", ["CShim"]), module("CShim", []),
        module("Canonical", []), module("Workflow", ["Canonical"], .engine),
      ], compiler: "Swift version 6.2"
    ).codeOfKinds()
  } catch let error as FingerprintError {
    throw FingerprintError(description: error.description.replacing(root.path + "/", with: ""))
  }
}

private func kind(_ name: String = "Kind", _ body: String = "") -> String {
  """
  import Numbers
  import Workflow
  struct \(name): StageKind {
    func run() {
      \(body)
    }
  }
  """
}

@Suite struct SourceTreeTests {
  /// Whether a kind with `body` reaches `other`, which stands at `path`.
  private func reaches(_ other: String, at path: String = "Stages/Other.swift", from body: String = "") throws
    -> Bool
  {
    let code = try codeOfKinds(["Stages/Kind.swift": kind("Kind", body), path: other])
    return try #require(code["Kind"]).files[path] != nil
  }

  @Test func aReceiverHasCodeOfItsOwnThatIsInNoKind() throws {
    let receiver = "import Workflow\nstruct Receiver: ArtifactReceiver { func receive() { read() } }"
    let code = try codeOfKinds([
      "Stages/Kind.swift": kind("Kind", "_ = Artifact.self"), "Stages/Receiver.swift": receiver,
      "Stages/Reading.swift": "func read() {}",
    ])
    #expect(try #require(code["Receiver"]).files["Stages/Reading.swift"] != nil)
    #expect(try #require(code["Kind"]).files.keys.filter { $0.hasPrefix("Stages/R") } == [])
  }

  @Test(
    "B4: what works without being named counts for every kind",
    arguments: [
      "extension Array { init(_ a: Int, b: Int) { self = [] } }",
      "extension Artifact { subscript(i: Int) -> Int { i } }",
      "extension Artifact { func callAsFunction() {} }",
      "extension DefaultStringInterpolation { mutating func appendInterpolation(_ x: Int, digits: Int) {} }",
      "extension Artifact { static func + (a: Artifact, b: Int) -> Artifact { a } }",
      "extension SomeProtocol { var anything: Int { 1 } }",
      "extension Double: Marked {}",
      "func + (a: Matrix, b: Int) -> Matrix { a }",
      "infix operator +++",
      "typealias IntegerLiteralType = Int32",
      "@_exported import Numbers",
      "#declareThings()",
      "@AddPeers struct Thing {}",
      "@_cdecl(\"sqrt\") public func root(_ x: Double) -> Double { x }",
      "func broken() { ",
    ])
  func unnamedThingsCount(_ other: String) throws {
    #expect(try reaches(other))
  }

  @Test(
    "B4: what is named is reached",
    arguments: [
      ("let a = 1, b = 2", "_ = b"),
      ("let (a, b) = (1, 2)", "_ = b"),
      ("let text = \"}{\"\nfunc helper() {}", "helper()"),
      ("let text = \"\"\"\n  } \\(1) {\n  \"\"\"\nvar helper: Int { 1 }", "_ = helper"),
      ("extension Matrix { func norm() {} }", "_ = x.norm()"),
      ("extension Matrix { init(side: Int) {} }", "_ = Matrix.init"),
      ("extension Artifact { var title: Int { 1 } }", "_ = x.title"),
      ("protocol Shape {}", "_ = x as? any Shape"),
      ("@propertyWrapper struct Clamped { var wrappedValue: Int }", "@Clamped var x = 1"),
      (
        "@resultBuilder enum Built { static func buildBlock(_ x: Int) -> Int { x } }",
        "@Built var x: Int { 1 }"
      ),
      (
        "@dynamicMemberLookup struct Loose { subscript(dynamicMember x: String) -> Int { 1 } }",
        "_ = Loose().any"
      ),
      ("func mean(_ x: Int) -> Int { x }", "_ = [1: mean(1)]"),
      ("func mean(_ x: Int) -> Int { x }", "_ = \"\\(mean(1))\""),
      ("func mean(_ x: Int) -> Int { x }", "_ = flag ? mean : other"),
      ("func mean(_ x: Int) -> Int { x }", "_ = Stages.mean(1)"),
      ("private extension Matrix { func own() {} }\nfunc helper() {}", "helper()"),
    ])
  func namedThingsAreReached(_ other: String, _ body: String) throws {
    #expect(try reaches(other, from: body))
  }

  @Test(
    "what isn't meant by a word isn't reached",
    arguments: [
      ("func mean(_ x: Int) -> Int { x }", "_ = f(mean: 1)"),
      ("func mean(_ x: Int) -> Int { x }", "_ = channel.mean"),
      ("func mean(_ x: Int) -> Int { x }", "_ = \"mean\""),
      ("private func mean(_ x: Int) -> Int { x }", "_ = mean(1)"),
      ("extension Artifact { fileprivate var title: Int { 1 } }", "_ = x.title"),
      ("extension Artifact { static let csv = 1 }", "_ = x.model"),
      ("extension Matrix { func norm() {} }", "_ = Matrix()"),
      ("struct Other { init() {} }", "_ = Matrix()"),
    ])
  func otherWordsAreNotMentions(_ other: String, _ body: String) throws {
    #expect(try !reaches(other, from: body))
  }

  @Test func aTypeOfTheSameNameElsewhereIsAnother() throws {
    let sources = [
      "Stages/Kind.swift": kind("Kind", "_ = Matrix()"),
      "Stages/Other.swift": "extension Layout: Choice {}",
      "Canonical/Layout.swift": "public enum Layout {}",
    ]
    func reaches(_ matrix: String) throws -> Bool {
      let edited = sources.merging(["Numbers/Matrix.swift": matrix]) { $1 }
      return try #require(try codeOfKinds(edited)["Kind"]).files["Stages/Other.swift"] != nil
    }
    #expect(try !reaches("public struct Matrix { var layout: Layout }\nenum Layout {}"))
    #expect(try reaches("public struct Matrix { var layout: Layout }\npublic enum Layout {}"))
  }

  @Test("B1: what the engine hands out of modules below it counts where the engine's name is written")
  func engineHandsOut() throws {
    #expect(try reaches("public struct Note {}", at: "Canonical/Note.swift", from: "_ = x.note"))
    #expect(try !reaches("public struct Note {}", at: "Canonical/Note.swift", from: "_ = x.title"))
  }

  @Test("B3: one kind using another's declaration is refused, with place, name and cure")
  func kindsCantUseEachOther() throws {
    let error = #expect(throws: FingerprintError.self) {
      try codeOfKinds([
        "Stages/A.swift": kind("A", "_ = Choice.one"),
        "Stages/B.swift": kind("B") + "\nenum Choice { case one }\n",
      ])
    }
    #expect(
      error?.description
        == "Stages/A.swift:5: error: 'Choice' (in the code of A) belongs to the stage kind B in Stages/B.swift, and a "
        + "kind's code can't be another's. Move it from there to a file without a kind, or make it private there"
    )
    let unnamed = #expect(throws: FingerprintError.self) {
      try codeOfKinds(["Stages/A.swift": kind("A"), "Stages/B.swift": kind("B") + "\ninfix operator +++\n"])
    }
    #expect(
      unnamed?.description.hasPrefix("Stages/B.swift:1: error: the file of the stage kind B declares") == true
    )
    let fine = try codeOfKinds([
      "Stages/A.swift": kind("A", "_ = Choice.one") + "\nprivate enum Choice { case one }\n",
      "Stages/B.swift": kind("B") + "\nprivate enum Choice { case two }\n",
    ])
    #expect(Set(fine.keys) == ["A", "B"])
  }

  @Test func aKindIsAnyTypeThatSaysSoInWhateverFile() throws {
    let code = try codeOfKinds([
      "Stages/Some/Where.swift": "import Workflow\nprotocol Mine: StageKind {}\nstruct A: Sendable, Mine {}",
      "Stages/C.swift": "import Workflow\nstruct C {}\nextension C: StageKind {}\nenum NoKind {}",
    ])
    #expect(Set(code.keys) == ["A", "C"])
  }

  @Test(
    "B5: every sort of file counts",
    arguments: ["kernel.S", "table.inc", "x.hpp", "y.cpp", "weights.json", "odd.xyz", "noextension"])
  func everySortOfFileCounts(_ name: String) throws {
    let body = kind("Kind", "_ = Matrix()").replacing("import Numbers", with: "import CShim\nimport Numbers")
    let before = try codeOfKinds(["Stages/Kind.swift": body])["Kind"]
    for module in ["Numbers", "CShim"] {
      let after = try codeOfKinds(["Stages/Kind.swift": body, "\(module)/\(name)": "1"])["Kind"]
      #expect(after != before, "\(module)")
    }
    #expect(try codeOfKinds(["Stages/Kind.swift": body, "Numbers/.\(name).swp": "1"])["Kind"] == before)
  }

  @Test("B5: headers outside that are included by a relative path count")
  func includesAreFollowed() throws {
    let sources = [
      "Stages/Kind.swift": "import CShim\n" + kind(), "CShim/shim.h": "#include \"../Shared/a.h\"\n",
      "Shared/a.h": "#define A 1\n",
    ]
    let edited = sources.merging(["Shared/a.h": "#define A 2\n"]) { $1 }
    #expect(try codeOfKinds(sources) != codeOfKinds(edited))
  }

  @Test("B6: how the modules in reach are compiled counts, and no others")
  func settingsCount() throws {
    let manifest = """
      // swift-tools-version: 6.2
      let settings = 1
      let package = Package(targets: [
        .target(name: "Stages", dependencies: ["Numbers"]), .target(name: "Numbers", swiftSettings: settings),
        .target(name: "Canonical"), .target(name: "CShim"), .target(name: "Rest", swiftSettings: [1]),
        .testTarget(name: "NumbersTests", dependencies: ["Numbers"]),
      ])
      """
    func code(_ text: String, _ replacement: String) throws -> [String: KindCode] {
      let edited = manifest.replacing(text, with: replacement)
      if !text.isEmpty { #expect(edited != manifest) }
      return try codeOfKinds(["Stages/Kind.swift": kind("Kind", "_ = Matrix()"), "Package.swift": edited])
    }
    let before = try code("", "")
    #expect(try code("let settings = 1", "let settings = 2") != before)
    #expect(try code("swiftSettings: settings", "swiftSettings: settings + [2]") != before)
    #expect(try code("6.2", "6.3") != before)
    #expect(
      try code("let settings", "for target in package.targets { target.swiftSettings = nil }\nlet settings")
        != before)
    #expect(try code("swiftSettings: [1]", "swiftSettings: [2]") == before)
    #expect(try code("dependencies: [\"Numbers\"]", "dependencies: []") == before)
  }

  @Test func helpDoesNotCountUnlessSomethingCanReadIt() throws {
    func code(_ help: String, _ body: String = "") throws -> [String: KindCode] {
      let text = """
        import Workflow
        struct Kind: StageKind {
          static let summary = "\(help)"
          @Parameter("\(help)", .atLeast(1)) var epochs = 20
          func run() { \(body) }
        }
        """
      return try codeOfKinds(["Stages/Kind.swift": text])
    }
    #expect(try code("one") == code("two"))
    #expect(try code("one", "print(Self.summary)") != code("two", "print(Self.summary)"))
    #expect(try code("one", "dump(self)") != code("two", "dump(self)"))
    #expect(try code("one", "print(\"\\(self)\")") != code("two", "print(\"\\(self)\")"))
    #expect(try code("\\(1)") != code("\\(2)"))
  }

  private func codeOfKind(declaring declaration: String, in group: String = "") throws -> [String: KindCode] {
    try codeOfKinds([
      "Stages/Kind.swift": """
      import Workflow
      struct Options: ParameterGroup {
        @Parameter("one") var one = 1
        \(group)
      }
      struct Kind: StageKind {
        @Parameter("passes") var epochs = 20
        \(declaration)
        func run() {}
      }
      """
    ])
  }

  @Test(arguments: [
    #"@Parameter("what is dropped", since: "0.3", before: 0) var dropout = 0.0"#,
    #"@Parameter("what is dropped", .between(0, 1), since: "0.3", before: 0) var dropout: Double = 0.5"#,
    "@Parameter(\n    \"sizes\", .atLeast(1), since: \"0.3\",\n    before: [1, 2]\n  ) var sizes = [1, 2]",
    "@Parameter(\"a\", since: \"0.3\", before: 1) var a = 1\n  @Parameter(\"b\", since: \"0.4\", before: nil) var b: Int? = nil",
  ])
  func theDeclarationOfAParameterThatWasAddedDoesNotCount(_ declaration: String) throws {
    #expect(try codeOfKind(declaring: declaration) == codeOfKind(declaring: ""))
  }

  @Test(
    "what can't be told from more than a declaration counts, and so does what isn't the kind's own",
    arguments: [
      (#"@Parameter("what is dropped") var dropout = 0.0"#, ""),
      (#"@Parameter("a") var since = 1"#, ""),
      (#"@Parameter("a", .at(since: 1)) var a = 1"#, ""),
      (#"@Parameter("a", since: "0.3", before: 1) var a = 1 { didSet { work() } }"#, ""),
      (#"@Parameter("a", since: "0.3", before: 1) var a = base\n    as Int"#, ""),
      (#"@Parameter("a", since: "0.3", before: 1) var a = base\n    .count"#, ""),
      (#"@Input("a", since: "0.3", before: 1) var a = 1"#, ""),
      ("func f() { @Parameter(\"a\", since: \"0.3\", before: 1) var a = 1 }", ""),
      ("", #"@Parameter("a", since: "0.3", before: 1) var a = 1"#),
    ])
  func otherDeclarationsCount(_ declaration: String, _ group: String) throws {
    let text = declaration.replacing("\\n", with: "\n")
    #expect(try codeOfKind(declaring: text, in: group) != codeOfKind(declaring: ""))
  }

  @Test func theUseOfAParameterThatWasAddedCounts() throws {
    let declaration = #"@Parameter("what is dropped", since: "0.3", before: 0) var dropout = 0.0"#
    #expect(
      try codeOfKind(declaring: declaration + "\n  func drop() -> Double { dropout }")
        != codeOfKind(declaring: declaration))
  }
}

// Toy stage kinds. Each is one struct; `toyKinds` is the one line that a program adds.

import Canonical
import ContentStore
import Foundation
import Workflow

let toyKinds = KindCatalogue(
  [
    Number.self, Sum.self, Parity.self, Read.self, Pack.self, Unpack.self, Names.self, Flaky.self,
    Broken.self, Greet.self, Scaled.self, Half.self, Halves.self, Copy.self, Journey.self,
  ].map { (kind: any StageKind.Type) in KindDescription(kind, code: toyCode[kind.name] ?? plainCode) })

let plainCode = CodeManifest(files: ["Toys/Toy.swift": .of("toy".utf8)])
let toyCode: [String: CodeManifest] = [:]

extension ArtifactType {
  static let number = ArtifactType("number", fileExtension: "txt")
  static let pack = ArtifactType("pack")
}

private func number(_ input: InputArtifact) throws -> Int {
  let text = try String(contentsOf: input.url, encoding: .utf8)
  guard let number = Int(text.trimmingCharacters(in: .whitespaces)) else {
    throw InputError(message: "not a number: \(input.url.path)")
  }
  return number
}

private func write(_ text: String, _ output: OutputArtifact) throws {
  try text.write(to: output.url, atomically: false, encoding: .utf8)
}

/// A number from nothing.
struct Number: StageKind {
  static let name = "number"
  static let threads = ThreadUse.any
  static let summary = "a number"
  @Parameter("its value", .between(-1000, 1000)) var value = 1
  @Parameter("spaces after it, to make it a large blob", .atLeast(0)) var padding = 0
  @Output("the number", .number) var number: OutputArtifact
  func run(in context: StageContext) throws {
    print("making \(value)")
    context.progress(0.5, ["value": "\(value)"])
    try write("\(value)" + String(repeating: " ", count: padding), number)
  }
}

/// Numbers added, subtracted.
struct Sum: StageKind {
  static let name = "sum"
  static let threads = ThreadUse.any
  static let summary = "adds numbers"
  @Input("what to add", .number) var add: [InputArtifact]
  @Input("what to subtract", .number) var subtract: InputArtifact?
  @Parameter("a factor") var scale = 1
  @Output("the sum", .number) var sum: OutputArtifact
  func run(in context: StageContext) throws {
    let total = try add.map(number).reduce(0, +) - (try subtract.map(number) ?? 0)
    try write("\(total * scale)", sum)
  }
}

/// 0 or 1: most changes of its input change nothing.
struct Parity: StageKind {
  static let name = "parity"
  static let summary = "whether a number is odd"
  @Input("the number", .number) var number: InputArtifact
  @Output("0 or 1", .number) var parity: OutputArtifact
  func run(in context: StageContext) throws {
    try write("\(abs(try WorkflowTests.number(number) % 2))", parity)
  }
}

/// The bytes of files outside.
struct Read: StageKind {
  static let name = "read"
  static let summary = "reads files"
  @ExternalInput("a file, or a folder with texts", matching: "*.txt") var path: URL
  @Output("how many bytes", .number) var size: OutputArtifact
  func run(in context: StageContext) throws {
    var isDirectory: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path.path, isDirectory: &isDirectory)
    let names =
      isDirectory.boolValue
      ? try FileManager.default.contentsOfDirectory(atPath: path.path).map { path.path + "/" + $0 }
      : [path.path]
    let total = try names.map { try Data(contentsOf: URL(fileURLWithPath: $0)).count }.reduce(0, +)
    try write("\(total)", size)
  }
}

/// A manifest: a new file, and a link to what it read.
struct Pack: StageKind {
  static let name = "pack"
  static let summary = "packs a number"
  @Input("what to pack", .number) var number: InputArtifact
  @Output("the pack", .pack) var pack: OutputArtifact
  func run(in context: StageContext) throws {
    try write("a pack", OutputArtifact(url: try pack.file("note.txt")))
    try pack.link("number.txt", to: number)
  }
}

/// Opens what a pack links to.
struct Unpack: StageKind {
  static let name = "unpack"
  static let summary = "takes the number out of a pack"
  @Input("the pack", .pack) var pack: InputArtifact
  @Output("the number", .number) var number: OutputArtifact
  func run(in context: StageContext) throws {
    try write("\(try WorkflowTests.number(try pack.entry("number.txt")))", number)
  }
}

/// Sees the labels of what it reads.
struct Names: StageKind {
  static let name = "names"
  static let summary = "lists labels"
  @Input("what to list", .file, labelled: true) var rows: [InputArtifact]
  @Output("a list", .file) var list: OutputArtifact
  func run(in context: StageContext) throws {
    let lines = rows.map {
      "\($0.stage) " + $0.labels.map { "\($0.axis)=\($0.value)" }.joined(separator: ",")
    }
    try write(lines.joined(separator: "\n"), list)
  }
}

/// Gives other bytes each time.
struct Flaky: StageKind {
  static let name = "flaky"
  static let summary = "isn't reproducible"
  @Output("a number", .number) var number: OutputArtifact
  func run(in context: StageContext) throws {
    try write("\(Int.random(in: 0..<(1 << 40)))" + String(repeating: " ", count: 20_000), number)
  }
}

/// Fails.
struct Broken: StageKind {
  static let name = "broken"
  static let summary = "fails"
  @Input("ignored", .number) var number: InputArtifact?
  @Output("never", .number) var never: OutputArtifact
  func run(in context: StageContext) throws { throw InvalidParameter("broken", "as always") }
}

/// Sees the environment.
struct Greet: StageKind {
  static let name = "greet"
  static let summary = "greets"
  @Output("a greeting", .file) var greeting: OutputArtifact
  func run(in context: StageContext) throws {
    try write("Hello, \(context.environment["TOY_NAME"] ?? "nobody")", greeting)
  }
}

/// A number times several factors: the number is read once a job.
struct Scaled: StageKind {
  static let name = "scaled"
  static let summary = "a number times a factor"
  static let varying: Set<String> = ["by"]
  static func mostMembers(parameters: JSON) -> Int { parameters["by"]!.intValue! < 1000 ? 32 : 100 }
  @Input("the number", .number) var number: InputArtifact
  @Parameter("the factor") var by = 1
  @Output("the product", .number) var product: OutputArtifact
  static func run(_ members: [StageMember<Scaled>]) {
    let number = members.first?.attempt { try WorkflowTests.number(members[0].kind.number) }
    for member in members {
      member.finish {
        guard let number else { throw InputError(message: "no number") }
        if member.kind.by == 13 { throw InvalidParameter("by", "unlucky") }
        try write("\(number * member.kind.by)", member.kind.product)
      }
    }
  }
  func run(in context: StageContext) throws {}
}

/// Two numbers under names.
struct Halves: StageKind {
  static let name = "halves"
  static let summary = "two numbers"
  @Parameter("one") var train = 1
  @Parameter("the other") var test = 2
  @Parameter("spaces after each, to make them large blobs") var padding = 0
  @Output("both", .pack) var both: OutputArtifact
  func run(in context: StageContext) throws {
    let spaces = String(repeating: " ", count: padding)
    try write("\(train)" + spaces, OutputArtifact(url: try both.file("train")))
    try write("\(test)" + spaces, OutputArtifact(url: try both.file("test")))
  }
}

/// Reads one of two, or both.
struct Half: StageKind {
  static let name = "half"
  static let summary = "one of two numbers"
  @Input("always the first", .pack, part: .named("train")) var first: InputArtifact
  @Input("the one that is asked for", .pack, part: .parameter("split")) var chosen: InputArtifact?
  @Parameter("which one") var split = "test"
  @Output("their sum", .number) var sum: OutputArtifact
  func run(in context: StageContext) throws {
    try write("\(try number(first) + (try chosen.map(number) ?? 0))", sum)
  }
}

/// The bytes of a number.
struct Copy: StageKind {
  static let name = "copy"
  static let summary = "copies a number"
  @Input("the number", .number) var source: InputArtifact
  @Output("the same", .number) var number: OutputArtifact
  func run(in context: StageContext) throws {
    try write(try String(contentsOf: source.url, encoding: .utf8) + " ", number)
  }
}

/// Goes so many legs and saves where it is after each.
struct Journey: ResumableKind {
  static let name = "journey"
  static let summary = "goes"
  @Parameter("how many legs") var legs = 3
  @Parameter("what each adds") var rate = 1
  @Parameter("whether the rate falls to nothing at the end") var falls = false
  @Parameter("spaces after the state, to make it a large blob") var padding = 0
  /// The leg in which it breaks down, by its rate.
  nonisolated(unsafe) static var breakdown: Int?
  /// The legs that were gone, in order.
  nonisolated(unsafe) static var gone: [Int] = []
  @Output("where it ended", .number) var place: OutputArtifact

  var prefixes: [ActionPrefix] {
    (0..<legs).map { leg in
      ActionPrefix(
        upTo: leg + 1, leavingOut: ["legs", "falls"], instead: ["falls_over": falls ? .integer(legs) : .null])
    }
  }

  func run(in context: StageContext) throws {
    var (leg, sum) = (0, 0)
    if let (_, content) = context.state {
      let numbers = try String(contentsOf: content.url, encoding: .utf8).split(separator: " ").map {
        Int($0)!
      }
      (leg, sum) = (numbers[0], numbers[1])
    }
    while leg < legs {
      if leg == Journey.breakdown { throw Failure(.other, "broke down") }
      Journey.gone.append(leg + 1)
      sum += rate * (falls ? legs - leg : 1)
      leg += 1
      let state = context.scratch.appendingPathComponent("state")
      let text = "\(leg) \(sum)" + String(repeating: " ", count: padding)
      try text.write(to: state, atomically: false, encoding: .utf8)
      context.save(state, upTo: leg, at: "leg \(leg)")
    }
    try write("\(sum)", place)
  }
}

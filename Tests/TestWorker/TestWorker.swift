// A worker with kinds that misbehave in the ways that executors must survive, and the command kind. Not shipped.

import Canonical
import ContentStore
import Executors
import Foundation
import Stages
import Synchronization
import Workflow

@main
struct TestWorker {
  static func main() {
    let none = CodeManifest(files: [:])
    let kinds: [any StageKind.Type] = [
      Say.self, Threads.self, Ending.self, Surroundings.self, Forgetful.self, Reader.self, Choir.self,
      Reporter.self, Walker.self,
      Stages.Command.self,
    ]
    if CommandLine.arguments.contains("drive") { drive() }
    if CommandLine.arguments.contains("broken") { fatalError("this worker can't start") }
    let catalogue = KindCatalogue(
      kinds.map { KindDescription($0, code: none) },
      receivers: [ReceiverDescription(Counting.self, code: none)])
    if CommandLine.arguments.contains("slurm-task") {
      // The tests, which submit, know none of its kinds.
      let identity = ProgramIdentity("test worker 1", KindCatalogue([]))
      exit(
        SlurmTask.run(
          folder: CommandLine.arguments.last!, identity: identity,
          environment: ProcessInfo.processInfo.environment))
    }
    WorkerMain.run(
      catalogue: catalogue,
      program: "test worker 1", versions: { ["answer": 42] },
      threads: { count in Threads.told.withLock { $0.append(count) } })
  }

  /// A driver that can be killed: runs two long jobs, one of them a command that leaves a daemon, and says so.
  static func drive() -> Never {
    let folder = CommandLine.arguments.last!
    let executor = LocalExecutor(jobs: 2)
    func job(_ id: Int, _ kind: String, _ parameters: JSON, _ outputs: [OutputDescription]) -> Job {
      let member = JobMember(
        instance: id, name: kind, action: Action(json: ["kind": .string(kind), "parameters": parameters]),
        inputs: [:], externals: [:], outputs: outputs, environment: [:], log: folder + "/log\(id)")
      return Job(
        id: id, members: [member], files: [:], resources: Resources(), projectRoot: folder,
        store: folder + "/store")
    }
    let words = OutputDescription(name: "words", type: .file, help: "")
    try! executor.submit(job(0, "say", ["text": "x", "busy": true, "seconds": 1000], [words]))
    let line = "(setsid sleep 1000 & echo $! > \(folder)/daemon); echo $$ > \(folder)/shell; sleep 1000"
    try! executor.submit(job(1, "command", ["run": .string(line)], []))
    while true { sleep(1) }
  }
}

/// Writes a text, after a while, telling how far it is.
struct Say: StageKind {
  static let name = "say"
  static let summary = "writes a text"
  @Parameter("what to write") var text: String
  @Parameter("how long it takes") var seconds = 0.0
  @Parameter("compute instead of sleeping") var busy = false
  @Parameter("how often it reports") var reports = 0
  @Parameter("bytes that it uses and frees") var memory = 0
  @Parameter("bytes that it uses and keeps") var kept = 0
  /// Where it is.
  static let keep = Mutex<[UInt]>([])
  @Output("the text", .file) var words: OutputArtifact

  func run(in context: StageContext) throws {
    print("saying \(text)")
    if memory > 0 {
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: memory, alignment: 64)
      bytes.initializeMemory(as: UInt8.self, repeating: 1)
      bytes.deallocate()
    }
    if kept > 0 {
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: kept, alignment: 64)
      bytes.initializeMemory(as: UInt8.self, repeating: 1)
      Say.keep.withLock { $0.append(UInt(bitPattern: bytes.baseAddress)) }
    }
    for i in 0..<reports { context.progress(Double(i) / Double(reports), ["step": "\(i)/\(reports)"]) }
    let start = Date()
    while Date().timeIntervalSince(start) < seconds {
      if !busy { usleep(2000) }
    }
    try Data(text.utf8).write(to: words.url)
  }
}

/// Goes on until it may compute with so many threads.
struct Threads: StageKind {
  static let name = "threads"
  static let summary = "waits for threads"
  @Parameter("how many it waits for") var awaited: Int
  /// What the program was told since the worker began.
  static let told = Mutex<[Int]>([])
  @Output("what was told", .file) var counts: OutputArtifact

  func run(in context: StageContext) throws {
    while context.threads != awaited { usleep(500) }
    let told = Threads.told.withLock { $0.map(String.init).joined(separator: " ") }
    try Data(told.utf8).write(to: counts.url)
  }
}

/// Takes a text of whole numbers, one a line, for a folder with their count and sum.
struct Counting: ArtifactReceiver {
  static let type = ArtifactType("count")
  static let help = "whole numbers, one a line"

  func receive(_ written: URL, as output: OutputArtifact) throws {
    let lines = try String(contentsOf: written, encoding: .utf8).split(separator: "\n")
    let numbers = try lines.map { line in
      guard let number = Int(line) else { throw InputError(message: "'\(line)' is not a whole number") }
      return number
    }
    try Data("\(numbers.count)".utf8).write(to: output.file("count"))
    try Data("\(numbers.reduce(0, +))".utf8).write(to: output.file("sum"))
  }
}

/// Ends its process, or throws.
struct Ending: StageKind {
  static let name = "ending"
  static let summary = "ends badly"
  @Parameter("how") var how: String

  func run(in context: StageContext) throws {
    print("about to end")
    switch how {
    case "trap": fatalError("trapped on purpose")
    case "exit": exit(3)
    case "kill": kill(getpid(), SIGKILL)
    case "child":
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sleep")
      process.arguments = ["1000"]
      try process.run()
      try Data("\(process.processIdentifier)".utf8)
        .write(to: context.projectRoot.appendingPathComponent("child"))
      kill(getpid(), SIGKILL)
    case "file": _ = try Data(contentsOf: URL(fileURLWithPath: "/nowhere/at/all"))
    default: throw Blunder(description: "layer3.0: loss is NaN (\(how))")
    }
    sleep(1000)
  }
}

struct Blunder: Error, CustomStringConvertible {
  let description: String
}

/// Members that sing together: shared work first, then each its part.
struct Choir: StageKind {
  static let name = "choir"
  static let summary = "works in groups"
  static let varying: Set<String> = ["voice", "how", "seconds"]
  @Parameter("what is sung") var voice: String
  @Parameter("`well`, `throw` or `kill`") var how = "well"
  @Parameter("how long it takes, in seconds of processor time") var seconds = 0.0
  @Parameter("how long what is shared takes, in seconds of processor time") var sharedSeconds = 0.0
  @Output("the song", .file) var song: OutputArtifact

  func run(in context: StageContext) throws {}

  static func run(_ members: [StageMember<Self>]) {
    print("rehearsing \(members.count)")
    work(seconds: members[0].kind.sharedSeconds)
    // Half of each part first, so that turns change back and forth.
    for member in members {
      member.attempt {
        print("humming \(member.kind.voice)")
        member.context.progress(0.5, ["voice": member.kind.voice])
      }
    }
    print("singing")
    for member in members {
      member.finish {
        print("singing \(member.kind.voice)")
        work(seconds: member.kind.seconds)
        if member.kind.how == "throw" { throw Blunder(description: "\(member.kind.voice) is hoarse") }
        if member.kind.how == "kill" { kill(getpid(), SIGKILL) }
        try Data(member.kind.voice.utf8).write(to: member.kind.song.url)
        // For the next one to look at.
        try Data().write(to: member.context.scratch.appendingPathComponent("left"))
      }
      let left = FileManager.default.fileExists(atPath: member.context.scratch.path)
      print("\(member.kind.voice) \(left ? "left" : "cleared") its room")
    }
  }
}

private func work(seconds: Double) {
  let start = clock()
  while Double(clock() - start) < seconds * Double(CLOCKS_PER_SEC) {}
}

/// Reports progress that is none, and epochs.
struct Reporter: StageKind {
  static let name = "reporter"
  static let summary = "reports"
  @Parameter("what it reports first") var first: String
  @Parameter("how many epochs it pretends to have, one a second and a bit") var epochs = 0

  func run(in context: StageContext) throws {
    for _ in 0..<3 { context.progress(["nan": Double.nan, "infinite": .infinity, "high": 7][first] ?? 0) }
    for epoch in 0..<epochs {
      for step in 0..<10 {
        context.progress(0.5, ["epoch": "\(epoch + 1)/\(epochs)", "loss": "\(epoch).\(step)"])
        usleep(110_000)
      }
    }
  }
}

/// Writes what it sees of the world.
struct Surroundings: StageKind {
  static let name = "surroundings"
  static let summary = "writes its environment"
  @Output("a JSON object", .file) var seen: OutputArtifact

  func run(in context: StageContext) throws {
    var status = stat()
    let isOpen = (4..<256).filter { fcntl(Int32($0), F_GETFD) >= 0 && fstat(Int32($0), &status) == 0 }
    let input = FileHandle.standardInput.readDataToEndOfFile()
    let thread = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")) ?? ""
    let seen: JSON = [
      "environment": .object(ProcessInfo.processInfo.environment.mapValues(JSON.string)),
      "group": .integer(Int(getpgid(0))), "process": .integer(Int(getpid())), "thread": .string(thread),
      "input": .integer(input.count), "open": .integer(isOpen.count), "depth": .integer(descend(40_000)),
      "oom": .string((try? String(contentsOfFile: "/proc/self/oom_score_adj", encoding: .utf8)) ?? ""),
      "scratch": .string(context.scratch.path),
    ]
    try Data(seen.canonical.utf8).write(to: self.seen.url)
  }
}

/// Uses a kilobyte of stack for each level.
@inline(never) private func descend(_ depth: Int) -> Int {
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1000) { bytes in
    bytes.initialize(repeating: UInt8(truncatingIfNeeded: depth))
    return depth == 0 ? 0 : descend(depth - 1) + (Int(bytes[depth % 1000]) == depth & 255 ? 1 : 0)
  }
}

/// Writes one of its two outputs.
struct Forgetful: StageKind {
  static let name = "forgetful"
  static let summary = "forgets an output"
  @Output("written", .file) var one: OutputArtifact
  @Output("not written", .file) var other: OutputArtifact

  func run(in context: StageContext) throws { try Data("1".utf8).write(to: one.url) }
}

/// Reads labelled inputs and a folder outside, and links to what it read.
struct Reader: StageKind {
  static let name = "reader"
  static let summary = "reads"
  @Input("anything", .file, labelled: true) var parts: [InputArtifact]
  @ExternalInput("anything else") var file: URL
  @Output("a folder", .file) var folder: OutputArtifact

  func run(in context: StageContext) throws {
    var text = try String(contentsOf: file, encoding: .utf8)
    for part in parts {
      text += " " + part.stage + part.labels.map { "[\($0.axis)=\($0.value)]" }.joined()
      text += try String(contentsOf: part.url, encoding: .utf8)
    }
    try Data(text.utf8).write(to: try folder.file("text"))
    for (i, part) in parts.enumerated() { try folder.link("part\(i)", to: part) }
  }
}

/// Goes steps and saves each; on the way it may be killed.
struct Walker: ResumableKind {
  static let name = "walker"
  static let summary = "goes on"
  @Parameter("how many steps") var steps = 4
  @Parameter("before which step it is killed") var killed = -1
  @Parameter("after which step it waits for that, unless it was resumed there") var pause = -1
  @Parameter("how many bytes a state has") var bytes = 1
  @Output("where it went", .file) var way: OutputArtifact

  var prefixes: [ActionPrefix] {
    (0..<steps).map { ActionPrefix(upTo: $0 + 1, leavingOut: ["steps", "killed", "pause"]) }
  }

  func run(in context: StageContext) throws {
    var way = try context.state.map { try String(contentsOf: $0.content.url, encoding: .utf8) } ?? ""
    way = String(way.prefix { $0 != " " })
    while way.utf8.count < steps {
      if way.utf8.count == killed { kill(getpid(), SIGKILL) }
      while way.utf8.count == pause, context.state == nil { usleep(10_000) }
      print("step \(way.utf8.count + 1)")
      way += "x"
      let state = context.scratch.appendingPathComponent("state")
      try Data((way + String(repeating: " ", count: bytes)).utf8).write(to: state)
      let saved = context.save(state, upTo: way.utf8.count, at: "step \(way.utf8.count)")
      try FileManager.default.removeItem(at: state)
      if !saved { throw Blunder(description: "not saved") }
    }
    _ = context.save(context.scratch.appendingPathComponent("nothing"), upTo: steps, at: "the end")
    try Data(way.utf8).write(to: self.way.url)
  }
}

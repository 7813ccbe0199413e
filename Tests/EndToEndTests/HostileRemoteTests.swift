// Remotes that lie, by whatever carries them: nothing wrong comes of them, little memory, disk and time goes into them,
// and they are told of.

import Canonical
import ContentStore
import Foundation
import LoopbackServer
import Synchronization
import Testing

/// What carries a remote.
enum Carrier: String, CaseIterable, Sendable { case directory, http }

/// A remote whose objects a test alters.
private final class Prey {
  let folder: Project
  private let server: CacheServer?
  let place: String
  /// What is done with requests for a path.
  private let manners = Manners()

  final class Manners: Sendable {
    let all = Mutex<[String: CacheServer.Manner]>([:])
    func manner(_ path: String) -> CacheServer.Manner { all.withLock { $0[path] ?? .well } }
  }

  init(_ carrier: Carrier) throws {
    folder = try Project()
    switch carrier {
    case .directory:
      server = nil
      place = folder.root.appending(path: "remote").path
    case .http:
      server = try CacheServer { [manners] in manners.manner($0.path) }
      place = server!.url("c")
    }
  }

  /// `ac/…` or `cas/…` as the carrier names it.
  private func file(_ path: String) -> URL { folder.root.appending(path: "remote/v1/\(path)") }

  var records: [String] {
    let names: [String]
    if let server {
      names = server.paths.filter { $0.hasPrefix("/c/ac/") }.map { String($0.dropFirst(6)) }
    } else {
      names = (try? FileManager.default.contentsOfDirectory(atPath: file("ac").path)) ?? []
    }
    return names.sorted()
  }

  subscript(path: String) -> [UInt8]? {
    get { server.map { $0["/c/\(path)"] } ?? (try? Data(contentsOf: file(path))).map { Array($0) } }
    set {
      if let server {
        server["/c/\(path)"] = newValue
      } else {
        try? FileManager.default.removeItem(at: file(path))
        if let newValue { try? Data(newValue).write(to: file(path)) }
      }
    }
  }

  func answer(_ path: String, _ manner: CacheServer.Manner) {
    manners.all.withLock { $0["/c/\(path)"] = manner }
  }

  /// Puts something that is no file in a file's place.
  func put(_ path: String, _ make: (String) -> Int32) {
    self[path] = nil
    #expect(make(file(path).path) == 0)
  }

  func make(_ name: String, _ bytes: Int) throws -> String {
    let path = folder.root.appending(path: name).path
    try folder.write(name, "")
    #expect(truncate(path, off_t(bytes)) == 0)
    return path
  }

  /// The record of the stage `words`, and its name there.
  func words() throws -> (path: String, record: Record, signed: SignedText) {
    for name in records {
      guard let signed = try? SignedText(parsing: self["ac/" + name] ?? []),
        let record = try? Record(parsing: signed.text), record.artifacts["file"]?.size == wordsSize
      else { continue }
      return ("ac/" + name, record, signed)
    }
    throw CocoaError(.fileNoSuchFile)
  }

  /// Another text of that record: members replaced, its key's action kept.
  func forge(_ change: (inout [String: JSON]) -> Void) throws {
    let (path, record, _) = try words()
    var members = try JSON(parsing: record.text).objectValue!
    change(&members)
    self[path] = Array(JSON.object(members).canonical.utf8)
  }

  /// The same with something else said of the stored form of its blob.
  func forgeBlob(_ change: [String: JSON]) throws {
    let (_, record, _) = try words()
    let digest = JSON.string(record.artifacts["file"]!.digest.hex)
    try forge { members in
      members["blobs"] = .array(
        members["blobs"]!.arrayValue!.map { blob in
          blob["digest"] == digest ? .object(blob.objectValue!.merging(change) { $1 }) : blob
        })
    }
  }
}

/// The bytes of `seq 1 500000`.
private let wordsSize = 3_388_895

/// Something that a remote does to those who take from it.
private struct Trick: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// Whether those who take trust the one who put it there, and no one else.
  var trusts = false
  var carriers = Carrier.allCases
  /// How many instances run in the end: one that is on no remote, and those whose results can't be had.
  var executed = 2
  /// What they are told; nil: nothing.
  var told: String?
  var play: @Sendable (Prey) throws -> Void

  init(
    _ name: String, trusts: Bool = false, only carriers: [Carrier] = Carrier.allCases, executed: Int = 2,
    told: String?, _ play: @escaping @Sendable (Prey) throws -> Void
  ) {
    testDescription = name
    (self.trusts, self.carriers, self.executed, self.told, self.play) = (
      trusts, carriers, executed, told, play
    )
  }

  static let all: [Trick] = [
    Trick("none", executed: 1, told: nil) { _ in },
    Trick("none, signed", trusts: true, executed: 1, told: nil) { _ in },
    Trick("wrong bytes", told: "is damaged") { prey in
      let blob = try prey.words().record.storedWords
      var bytes = try #require(prey["cas/\(blob.storedDigest)"])
      bytes[bytes.count / 2] ^= 1
      prey["cas/\(blob.storedDigest)"] = bytes
    },
    Trick("half of the bytes", told: "is damaged") { prey in
      let blob = try prey.words().record.storedWords
      let bytes = try #require(prey["cas/\(blob.storedDigest)"])
      prey["cas/\(blob.storedDigest)"] = Array(bytes.prefix(bytes.count / 2))
    },
    Trick("a body without an end", only: [.http], told: "is damaged") { prey in
      prey.answer("cas/\(try prey.words().record.storedWords.storedDigest)", .floods)
    },
    Trick("a device without an end", only: [.directory], told: "is damaged") { prey in
      prey.put("cas/\(try prey.words().record.storedWords.storedDigest)") { symlink("/dev/zero", $0) }
    },
    Trick("a pipe for a blob", only: [.directory], told: "is damaged") { prey in
      prey.put("cas/\(try prey.words().record.storedWords.storedDigest)") { mkfifo($0, 0o666) }
    },
    Trick("a pipe for a record", only: [.directory], told: "not a valid record") { prey in
      prey.put(try prey.words().path) { mkfifo($0, 0o666) }
    },
    Trick("a link to another's file", only: [.directory], told: "not a valid record") { prey in
      try prey.folder.write("private", "a secret of somebody's\n")
      let path = prey.folder.root.appending(path: "private").path
      prey.put(try prey.words().path) { symlink(path, $0) }
    },
    Trick("a record of a terabyte", only: [.directory], told: "more than the") { prey in
      let path = try prey.make("vast", 1 << 40)
      prey.put(try prey.words().path) { symlink(path, $0) }
    },
    Trick("a record without an end", only: [.http], told: "longer than") { prey in
      prey.answer(try prey.words().path, .floods)
    },
    Trick("headers without an end", only: [.http], told: "its answer has too many headers") { prey in
      prey.answer(try prey.words().path, .chatters)
    },
    Trick("brackets without an end", told: "nested more than 200 deep") { prey in
      prey[try prey.words().path] = Array(repeating: UInt8(ascii: "["), count: 1 << 20)
    },
    Trick("a bomb", told: "is damaged (longer than the \(wordsSize) bytes recorded)") { prey in
      // A quarter of a gibibyte of zeros takes some kilobytes.
      let zeros = URL(fileURLWithPath: try prey.make("zeros", 256 << 20))
      let store = try Store.open(at: prey.folder.root.appending(path: "bomb"))
      let bomb = try BlobWriter(store: store.directory).write(file: zeros)
      let folder = prey.folder.root.appending(path: "bomb/blobs/\(bomb.digest.hex.prefix(2))")
      let name = try FileManager.default.contentsOfDirectory(atPath: folder.path).first ?? ""
      let file = folder.appending(path: name)
      let bytes = try bomb.inline ?? Array(Data(contentsOf: file))
      prey["cas/\(bomb.form.storedDigest)"] = bytes
      try prey.forgeBlob([
        "stored": .string(bomb.form.storedDigest.hex), "storedSize": .integer(bytes.count),
        "codec": .string(bomb.codec.rawValue),
      ])
    },
    Trick("sizes beyond all measure", told: "not a valid record: a blob isn't one") { prey in
      try prey.forgeBlob(["size": .integer(.max), "storedSize": .integer(.max)])
    },
    Trick("a path that leads out", told: "an artifact's name can't be a file name") { prey in
      try prey.forge { members in
        var artifacts = members["artifacts"]!.objectValue!
        artifacts["../../../outside"] = artifacts["file"]
        members["artifacts"] = .object(artifacts)
      }
    },
    Trick("a forged record", trusts: true, told: "has a wrong signature") { prey in
      // Another result, below which the right one's signature stands.
      let (path, record, signed) = try prey.words()
      let other = Record(
        action: record.action, artifacts: record.artifacts, blobs: record.blobs, facts: ["host": "another"])
      prey[path] = SignedText(Array(other.text.utf8), lines: signed.lines).bytes
    },
    Trick("a record of a stranger's", trusts: true, told: "isn't signed by a key that this project trusts") {
      prey in
      let (path, _, signed) = try prey.words()
      prey[path] = SignedText(signed.text).signed(by: PrivateKey()).bytes
    },
    Trick("a replayed record", trusts: true, told: "in the place of") { prey in
      let (path, _, _) = try prey.words()
      let other = try #require(
        prey.records.first { "ac/" + $0 != path && (try? Record(shared: prey["ac/" + $0]!)) != nil })
      prey[path] = prey["ac/" + other]
    },
    Trick("a hundred thousand records", only: [.directory], executed: 1, told: nil) { prey in
      let folder = prey.folder.root.appending(path: "remote/v1/ac").path
      var source = ""
      for i in 0..<100_000 {
        let path = "\(folder)/\(Digest.of("record \(i)".utf8))"
        // Filesystems bound how many names a file may have.
        if i % 10_000 == 0 {
          try "x".write(toFile: path, atomically: false, encoding: .utf8)
          source = path
        } else {
          #expect(link(source, path) == 0)
        }
      }
    },
  ]

  static var cases: [(Trick, Carrier)] { all.flatMap { trick in trick.carriers.map { (trick, $0) } } }
}

extension Record {
  fileprivate var storedWords: StoredBlob {
    blobs.first { $0.digest == artifacts["file"]!.digest }!
  }
}

private let text = """
  version: 1
  stages:
    words: { run: "seq 1 500000 > ${out.file}", outputs: { file: file.txt } }
    count: { run: "wc -l < ${words.file} > ${out.file}", outputs: { file: file.txt } }
  """

@Suite struct HostileRemoteTests {
  @Test(.timeLimit(.minutes(2)), arguments: Trick.cases)
  private func nothingWrongComesOfIt(trick: Trick, carrier: Carrier) throws {
    let prey = try Prey(carrier)
    let (anna, ben) = (try Project(), try Project())
    let mine = ["XDG_CONFIG_HOME": anna.root.appending(path: "config").path]
    try anna.write("p.yaml", text)
    if trick.trusts {
      let key = try anna.bobbin("key", "new", "anna", environment: mine).output.prefix { $0 != "\n" }
      try ben.write("bobbin.yaml", "trust: [\(key)]\n")
    }
    #expect(try anna.bobbin("run", "p.yaml", "--remote", prey.place, environment: mine).status == 0)
    try trick.play(prey)

    // Another reads the words too.
    try ben.write(
      "p.yaml",
      text + "\n  last: { run: \"tail -n 1 ${words.file} > ${out.file}\", outputs: { file: file.txt } }\n")
    let (run, memory) = try ben.measured(["run", "p.yaml", "--remote", prey.place, "--verbose"])
    #expect(
      run.lastLine.hasPrefix("executed \(trick.executed), cached \(3 - trick.executed), failed 0"),
      "\(run.errors)")
    if let told = trick.told {
      #expect(run.errors.contains(told) && run.errors.contains(prey.place), "\(run.errors)")
    }
    #expect(!run.errors.contains("a secret of"))
    #expect(Digest.of(try ben.bobbin("get", "p.yaml", "words.file").output.utf8) == HostileRemoteTests.words)
    #expect(try ben.bobbin("get", "p.yaml", "last.file").output == "500000\n")
    // It takes about as much memory and disk as without a remote.
    #expect((1..<128 << 20).contains(memory), "\(memory >> 20) MiB")
    #expect(ben.size < 16 << 20, "\(ben.size) bytes")
    let outside = ben.root.deletingLastPathComponent().appending(path: "outside").path
    #expect(!FileManager.default.fileExists(atPath: outside))
    let left = try FileManager.default.contentsOfDirectory(
      atPath: ben.root.appending(path: "cache/temporary").path)
    #expect(left.isEmpty)
  }

  private static let words = Digest.of((1...500_000).map { "\($0)\n" }.joined().utf8)
}

extension Project {
  /// Runs `bobbin` here; also the most memory that it had, in bytes: as the kernel counts it while it runs, since what
  /// is told in the end counts this process too, from which it was forked.
  fileprivate func measured(_ arguments: [String]) throws -> (Finished, memory: Int) {
    let files = ["out", "err"].map { root.appending(path: ".\(UUID().uuidString).\($0)") }
    defer { for url in files { try? FileManager.default.removeItem(at: url) } }
    let start = Date()
    let child = try self.start(arguments, output: .file(files[0].path), errors: .file(files[1].path))
    var status: Int32 = 0
    var memory = 0
    while true {
      let ended = waitpid(child.pid, &status, WNOHANG)
      if ended == child.pid { break }
      guard ended == 0 || errno == EINTR else { throw POSIXError(.ECHILD) }
      memory = max(memory, peakMemory(of: child.pid))
      usleep(2000)
    }
    func text(_ file: URL) -> String { (try? String(contentsOf: file, encoding: .utf8)) ?? "" }
    let finished = Finished(
      status: status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F), output: text(files[0]),
      errors: text(files[1]), seconds: Date().timeIntervalSince(start))
    return (finished, memory)
  }

  /// 0 where the process isn't the program yet.
  private func peakMemory(of pid: pid_t) -> Int {
    let name = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")) ?? ""
    guard name.hasSuffix("/bobbin"),
      let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    else { return 0 }
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
  }

  /// The bytes of all files here.
  fileprivate var size: Int {
    let names = FileManager.default.enumerator(atPath: root.path)
    var total = 0
    while let name = names?.nextObject() as? String {
      var status = stat()
      if lstat(root.appending(path: name).path, &status) == 0 { total += Int(status.st_blocks) * 512 }
    }
    return total
  }
}

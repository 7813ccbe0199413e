// Where jobs work: what is removed there and what isn't, and disks without room.

import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

@Test("H1: what isn't Bobbin's own stays in scratch/")
func strangersStay() throws {
  let bench = try Workbench()
  let scratch = bench.folder.appendingPathComponent("store/scratch")
  let outside = bench.folder.appendingPathComponent("outside")
  try FileManager.default.createDirectory(at: outside, withIntermediateDirectories: true)
  try Data("mine".utf8).write(to: outside.appendingPathComponent("file"))
  for name in ["thesis", "1234-abc", ".git"] {
    let folder = scratch.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data("mine".utf8).write(to: folder.appendingPathComponent("file"))
  }
  // Links under names of Bobbin's own form, of dead processes.
  let own = OwnName().text.split(separator: "-")
  let dead = (own[0..<3] + ["4194000", own[4]]).joined(separator: "-")
  try FileManager.default.createSymbolicLink(
    at: scratch.appendingPathComponent(dead), withDestinationURL: outside)
  _ = try bench.success(bench.job("say", ["text": "x"], outputs: ["words"]))
  for file in [
    "outside/file", "store/scratch/thesis/file", "store/scratch/1234-abc/file", "store/scratch/.git/file",
  ] {
    #expect(try String(contentsOfFile: bench.folder.path + "/" + file, encoding: .utf8) == "mine", "\(file)")
  }
}

@Test("H1: a link in a job's folder is removed, not followed")
func linksAreNotFollowed() throws {
  let bench = try Workbench()
  let outside = bench.folder.appendingPathComponent("outside")
  try FileManager.default.createDirectory(at: outside, withIntermediateDirectories: true)
  try Data("mine".utf8).write(to: outside.appendingPathComponent("file"))
  let line = "ln -s \(outside.path) $TMPDIR/link; mkdir -p $TMPDIR/a/b; chmod 0 $TMPDIR/a; echo > ${out.x}"
  _ = try bench.success(bench.command(line, outputs: ["x"]))
  #expect(try String(contentsOf: outside.appendingPathComponent("file"), encoding: .utf8) == "mine")
  let scratch = bench.folder.path + "/store/scratch"
  let homes = try FileManager.default.contentsOfDirectory(atPath: scratch)
  #expect(homes.count == 1)
  // The worker clears up once it has told the result.
  try waitUntil { try holdsEmptyFoldersAlone(scratch + "/" + homes[0]) }
}

/// Whether there is nothing below a worker's folder but what every command's folders are.
private func holdsEmptyFoldersAlone(_ home: String) throws -> Bool {
  Set(try FileManager.default.subpathsOfDirectory(atPath: home))
    .isSubset(of: ["1", "1/out", "1/work", "1/work/tmp", "1/work/tree"])
}

@Test("a command finds its folders as if they were new, whatever the one before did to them")
func foldersAreUsedAgain() throws {
  let bench = try Workbench()
  // What it did to them, and whether the next one works in the same ones.
  let deeds = [
    (":", true), ("touch left .hidden; mkdir -p a/b; touch $TMPDIR/left a/b/left; chmod 0 a", true),
    ("mkdir -p ../../out/more; echo > ../../out/more/left; echo > ../progress; mkdir ../../extra", true),
    ("rm -r $TMPDIR; mkdir $TMPDIR; touch $TMPDIR/left", true),
    ("rmdir $TMPDIR; ln -s / $TMPDIR", true), ("chmod 700 $TMPDIR", false), ("chmod 750 ../../out", false),
    ("chmod g+s .", false),
    ("for i in $(seq 800); do : > a_name_that_takes_place_$i; done", false),
  ]
  let look = """
    pwd > ${out.x}; (cd ../..; find . | LC_ALL=C sort; stat -c '%a %F' . work work/tree work/tmp out) >> ${out.x}
    """
  let first = try #require(try bench.success(bench.command(look, tree: [], outputs: ["x"])).texts["x"])
  let (place, isAsNew) = (first.prefix { $0 != "\n" }, first.drop { $0 != "\n" })
  #expect(
    isAsNew.hasPrefix("\n.\n./out\n./out/x.txt\n./work\n./work/inputs.json\n./work/tmp\n./work/tree\n755 "))
  var last = place
  for (deed, isSame) in deeds {
    _ = try bench.success(
      bench.command("echo > ${out.x}; " + deed, tree: [], outputs: ["x"]))
    let found = try #require(try bench.success(bench.command(look, tree: [], outputs: ["x"])).texts["x"])
    #expect(found.drop { $0 != "\n" } == isAsNew, "\(deed)")
    #expect((found.prefix { $0 != "\n" } == last) == isSame, "\(deed)")
    last = found.prefix { $0 != "\n" }
  }
}

@Test("a scratch/ that is a link leads to another disk, and a job works there")
func scratchMayBeALink() throws {
  let bench = try Workbench()
  let elsewhere = bench.folder.appendingPathComponent("elsewhere")
  let scratch = bench.folder.appendingPathComponent("store/scratch")
  for folder in [elsewhere, scratch.deletingLastPathComponent()] {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }
  try FileManager.default.createSymbolicLink(at: scratch, withDestinationURL: elsewhere)
  let result = try bench.success(bench.command("echo x > ${out.x}", outputs: ["x"]))
  #expect(result.texts == ["x": "x\n"])
  let homes = try FileManager.default.contentsOfDirectory(atPath: elsewhere.path)
  #expect(homes.count == 1)
  try waitUntil { try holdsEmptyFoldersAlone(elsewhere.path + "/" + homes[0]) }
  bench.executor.shutdown()
  #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere.path) == [])
}

@Test(
  "what can't be scratch/ is said, and nothing is tried for ever", arguments: ["file", "dangling", "proc"])
func scratchThatCannotBe(_ what: String) throws {
  let bench = try Workbench()
  let scratch = bench.folder.path + "/store/scratch"
  try FileManager.default.createDirectory(
    atPath: bench.folder.path + "/store", withIntermediateDirectories: true)
  switch what {
  case "file": try Data().write(to: URL(fileURLWithPath: scratch))
  case "dangling":
    try FileManager.default.createSymbolicLink(atPath: scratch, withDestinationPath: "/nowhere/x")
  default: try FileManager.default.createSymbolicLink(atPath: scratch, withDestinationPath: "/proc")
  }
  let message = try bench.failure(bench.command("true"))
  #expect(message.contains(what == "proc" ? "/proc/" : scratch), "\(message)")
  #expect(!message.contains("Cocoa"))
}

@Test("a log's place that is a pipe stops nothing, and what a link there leads to stays as it is")
func aLogThatIsNoFile() throws {
  let bench = try Workbench()
  let logs = bench.folder.appendingPathComponent("logs")
  try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
  let precious = bench.folder.appendingPathComponent("precious")
  try Data("mine".utf8).write(to: precious)
  #expect(mkfifo(logs.path + "/0.log", 0o600) == 0)
  try FileManager.default.createSymbolicLink(
    at: logs.appendingPathComponent("1.log"), withDestinationURL: precious)
  for id in [0, 1] {
    let result = try bench.success(bench.job("say", id: id, ["text": "x"], outputs: ["words"]))
    #expect(result.facts["logProblem"]?.stringValue?.contains("can't be written") == true, "\(id)")
    // A failure quotes its log.
    #expect(try bench.failure(bench.job("ending", id: id, ["how": "kill"])).hasPrefix("killed by SIGKILL"))
  }
  #expect(try String(contentsOf: precious, encoding: .utf8) == "mine")
}

@Test("A16: a disk without room is the store's failure, whoever notices it", .enabled(if: canMount))
func aFullDisk() throws {
  let bench = try Workbench()
  let disk = bench.folder.appendingPathComponent("store")
  try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
  try #require(mount("none", disk.path, "tmpfs", 0, "size=1m") == 0)
  defer { umount2(disk.path, Int32(MNT_DETACH)) }
  let command = try bench.typedFailure(
    bench.command("head -c 5000000 /dev/zero > ${out.x}", outputs: ["x"]))
  #expect(command.cause == .store)
  #expect(command.message.hasPrefix("the command ended with status 1\n"))
  #expect(command.message.contains("There is no room left on the disk of \(disk.path)/scratch/"))
  let text = String(repeating: "x", count: 5_000_000)
  #expect(
    try bench.typedFailure(bench.job("say", ["text": .string(text)], outputs: ["words"])).cause == .store)
  // Other failures are still what they are.
  #expect(try bench.typedFailure(bench.command("exit 3")).cause == .exitStatus(3))
}

/// Whether this process may mount, and nobody else sees it.
private let canMount: Bool = {
  guard geteuid() == 0 else { return false }
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mount-\(UUID().uuidString)")
  guard mkdir(folder.path, 0o700) == 0 else { return false }
  defer { rmdir(folder.path) }
  guard mount("none", folder.path, "tmpfs", 0, "size=64k") == 0 else { return false }
  return umount(folder.path) == 0
}()

@Test("scratch folders of another machine's workers stay, whose locks can't be seen here")
func scratchOfAnotherMachineStays() throws {
  let bench = try Workbench()
  let scratch = bench.folder.path + "/store/scratch"
  let own = OwnName().text
  let host = String(own.prefix { $0 != "-" })
  // Of a process that is no more; and the same of a machine that isn't this one.
  let dead = own.replacingOccurrences(of: "-\(getpid())-", with: "-4194303-")
  let other = "elsewhere" + own.dropFirst(host.count)
  for name in [dead, other] {
    try FileManager.default.createDirectory(
      atPath: "\(scratch)/\(name)", withIntermediateDirectories: true)
  }
  _ = try bench.run(bench.job("say", ["text": "x"], outputs: ["words"]))
  #expect(!FileManager.default.fileExists(atPath: "\(scratch)/\(dead)"))
  #expect(FileManager.default.fileExists(atPath: "\(scratch)/\(other)"))
}

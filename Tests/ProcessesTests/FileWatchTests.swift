import Foundation
import Processes
import Testing

/// Runs a line in a folder of its own, watched. Returns what was done to files below that, by their paths in it, and how
/// the line ended.
private func uses(
  _ line: String, files: [String: String] = [:], from program: String? = nil
) throws -> (uses: [String: FileUse], end: ProcessEnd) {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("watch-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: folder) }
  try FileManager.default.createDirectory(
    at: folder.appendingPathComponent("sub"), withIntermediateDirectories: true)
  for (name, text) in files {
    try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
  }
  let watch = try FileWatch(from: program)
  let process = try Program(
    path: "/bin/sh", arguments: ["sh", "-c", line], environment: ["PATH": "/usr/bin:/bin"],
    directory: folder.path, output: 2, deathSignal: SIGKILL, watch: watch
  ).start()
  var status: Int32 = 0
  while waitpid(process, &status, 0) < 0, errno == EINTR {}
  let root = folder.path + "/"
  let seen = watch.end().filter { $0.key.hasPrefix(root) }
  return (
    Dictionary(uniqueKeysWithValues: seen.map { (String($0.key.dropFirst(root.count)), $0.value) }),
    ProcessEnd(waitStatus: status)
  )
}

@Test func whatAProgramAndItsChildrenReadIsSeen() throws {
  let (uses, end) = try uses(
    """
    cat a > b; cd sub; cat ./../c; (cat ../d & wait); cat ../none 2>/dev/null; test -e ../maybe
    . ../script; exit 3
    """, files: ["a": "1", "c": "22", "d": "", "script": "x=1", "unused": ""])
  #expect(end == .status(3))
  #expect(uses.filter(\.value.isRead).keys.sorted() == ["a", "c", "d", "script"])
  #expect(uses.filter(\.value.isWritten).keys.sorted() == ["b"])
  #expect(uses.filter(\.value.isAbsent).keys.sorted() == ["maybe", "none"])
  #expect(uses["c"]?.stamp?.size == 2)
}

@Test func whatIsWrittenFirstWasNotGivenToIt() throws {
  let (uses, _) = try uses(
    "echo x > new; cat new; cat old; echo y >> old; echo z > tmp; mv tmp moved; cat moved",
    files: ["old": "1"])
  #expect(uses["new"]?.isRead == false && uses["new"]?.isWritten == true)
  #expect(uses["old"]?.isRead == true && uses["old"]?.isWritten == true)
  #expect(uses["moved"]?.isRead == false && uses["moved"]?.isWritten == true)
}

@Test func watchingBeginsWithTheProgramThatIsNamed() throws {
  let (uses, end) = try uses(
    "cat a; exec /usr/bin/env cat b", files: ["a": "", "b": ""], from: "/usr/bin/env")
  #expect(uses.keys.sorted() == ["b"])
  #expect(end == .status(0))
}

@Test func aWatchedProgramEndsByTheSignalThatItGets() throws {
  #expect(try uses("kill -SEGV $$").end == .signal(11))
  // One that its watcher's process is asked for while it is stopped, and one that starts many.
  #expect(
    try uses(
      "for i in 1 2 3 4 5 6 7 8; do (cat a & cat a; kill -9 $!) ; done; wait; exit 4", files: ["a": ""]
    ).end
      == .status(4))
}

@Test func aWatchedProgramThatIsNotThereSaysSo() throws {
  let watch = try FileWatch()
  let program = Program(
    path: "/nowhere/x", arguments: ["x"], environment: [:], output: 2, deathSignal: SIGKILL, watch: watch)
  #expect { try program.start() } throws: { "\($0)" == "No such file or directory" }
}

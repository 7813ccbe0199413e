import Foundation
import Processes
import Testing

@Test func aProgramGetsWhatItIsGivenAndItsEndIsTold() throws {
  let output = FileManager.default.temporaryDirectory.appendingPathComponent("processes-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: output) }
  let file = open(output.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
  try #require(file >= 0)
  defer { close(file) }
  let process = try Program(
    path: "/bin/sh", arguments: ["sh", "-c", "pwd; echo $A; exit 3"], environment: ["A": "b c"],
    directory: "/",
    output: file, deathSignal: SIGKILL
  ).start()
  var status: Int32 = 0
  #expect(waitpid(process, &status, 0) == process)
  #expect(ProcessEnd(waitStatus: status) == .status(3))
  #expect(lastLines(of: output.path) == ["/", "b c"])
}

@Test func aProgramThatIsNotThereSaysSo() {
  let program = Program(
    path: "/nowhere/x", arguments: ["x"], environment: [:], output: 2, deathSignal: SIGKILL)
  #expect { try program.start() } throws: { "\($0)" == "No such file or directory" }
}

@Test("H16: what C would cut off at a NUL is refused")
func aNULIsRefused() {
  let program = Program(
    path: "/bin/true", arguments: ["true", "a\0b"], environment: [:], output: 2, deathSignal: SIGKILL)
  #expect { try program.start() } throws: { ($0 as? SystemError)?.code == EINVAL }
}

@Test("A6, H5: a full disk and a closed pipe are answers")
func writingNeverTraps() throws {
  let full = open("/dev/full", O_WRONLY)
  defer { close(full) }
  #expect(writeText("text", to: full) == ENOSPC)
  #expect(appendText("text", to: "/dev/full") == ENOSPC)
  #expect(appendText("text", to: "/nowhere/x") == ENOENT)
  var ends: [Int32] = [-1, -1]
  try #require(pipe(&ends) == 0)
  signal(SIGPIPE, SIG_IGN)
  close(ends[0])
  defer { close(ends[1]) }
  #expect(writeText("text", to: ends[1]) == EPIPE)
}

@Test func theLastLinesOfALogAreThoseOfItsLastBytes() throws {
  let log = FileManager.default.temporaryDirectory.appendingPathComponent("processes-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: log) }
  #expect(lastLines(of: log.path) == [])
  #expect(appendText("one\ntwo\n\nthree\n", to: log.path) == 0)
  #expect(lastLines(of: log.path) == ["one", "two", "three"])
  #expect(lastLines(of: log.path, bytes: 8) == ["three"])
}

@Test func theMemoryOfATreeIsThatOfAllBelow() throws {
  // A shell whose child holds 40 MB in a variable.
  let line = "(x=$(head -c 40000000 /dev/zero | tr '\\0' a); sleep 100; echo ${#x}) & wait"
  let process = try Program(
    path: "/bin/sh", arguments: ["sh", "-c", line], environment: ["PATH": "/usr/bin:/bin"], output: 2,
    leadsSession: true, deathSignal: SIGKILL
  ).start()
  defer {
    kill(-process, SIGKILL)
    waitpid(process, nil, 0)
  }
  let deadline = Date(timeIntervalSinceNow: 120)
  var seen = 0
  while seen < 40_000_000, Date() < deadline {
    seen = ProcessMemory.ofTree(process, limit: 0)
    usleep(10_000)
  }
  #expect(seen >= 40_000_000)
  #expect(ProcessMemory.ofTree(process, limit: .max) >= seen / 2)
}

@Test func aSignalIsNamedWithTheLimitBehindIt() {
  #expect(ProcessEnd.name(ofSignal: 11) == "SIGSEGV (11)")
  let fileSize = ProcessEnd.name(ofSignal: Int(SIGXFSZ))
  #expect(fileSize == "SIGXFSZ (25)" + ProcessLimit.fileSize.hint)
}

@Test func numbersOfTheKernelsFilesAreFoundByTheirLabels() throws {
  let file = FileManager.default.temporaryDirectory.appendingPathComponent("processes-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: file) }
  // Longer than one piece of a read.
  let filler = (0..<4_000).map { "filler_\($0) \($0)\n" }.joined()
  try (filler + "VmHWM:\t   1234 kB\noom_kill_other 7\noom_kill 5\nlast: none\n")
    .write(to: file, atomically: false, encoding: .utf8)
  func number(_ label: String) -> Int? { ProcessMemory.number(after: label, in: file.path) }
  #expect(number("VmHWM:") == 1234)
  #expect(number("oom_kill ") == 5)
  #expect(number("filler_0 ") == 0)
  #expect(number("last:") == nil)
  #expect(number("absent") == nil)
  #expect(ProcessMemory.number(after: "a", in: file.path + "-none") == nil)
  #expect(try #require(ProcessMemory.machine) > 1 << 20)
}

@Test(
  arguments: [0, -1.5, 1_700_000_000.999, 951_782_399, 4_102_444_799.5])
func aTimestampIsWhatFoundationWrites(_ seconds: Double) {
  let date = Date(timeIntervalSince1970: seconds)
  #expect(date.timestamp == date.formatted(.iso8601))
}

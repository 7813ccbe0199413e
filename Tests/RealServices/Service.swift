// Owns starting the scripts in `Tests/Services` for tests: each at most once in a process, and until that ends.

import Foundation
import Synchronization

/// A real service on this machine.
public final class Service: Sendable {
  /// What its script says, by name: `URL` and others.
  public let values: [String: String]
  private let pid: pid_t
  /// The script's standard input; it ends when that closes.
  private let line: Int32

  /// Each is nil where it can't be had; then its script has said why.
  public static let nginx = Service("nginx")
  public static let sshd = Service("sshd")
  public static let s3 = Service("s3")

  public subscript(name: String) -> String { values[name] ?? "" }

  private static let running = Mutex<[Service]>([])

  private convenience init?(_ name: String) {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Services/\(name)").path
    guard let started = Service.start(script) else { return nil }
    self.init(started.values, started.pid, started.line)
    Service.running.withLock {
      // What a script has made is to be gone when the tests have ended.
      if $0.isEmpty { atexit { Service.endAll() } }
      $0.append(self)
    }
  }

  private init(_ values: [String: String], _ pid: pid_t, _ line: Int32) {
    (self.values, self.pid, self.line) = (values, pid, line)
  }

  private static func start(_ script: String) -> (values: [String: String], pid: pid_t, line: Int32)? {
    var input: [Int32] = [-1, -1]
    var output: [Int32] = [-1, -1]
    // Other children that tests start would keep it running, or the reading waiting.
    let sort = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, sort, 0, &input) == 0, socketpair(AF_UNIX, sort, 0, &output) == 0 else {
      fatalError("no sockets: \(String(cString: strerror(errno)))")
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input[0], 0)
    posix_spawn_file_actions_adddup2(&actions, output[1], 1)
    var words = [strdup(script), nil]
    defer { free(words[0]) }
    var pid: pid_t = 0
    // The threads that tests run on take no signals, and it would have to end without any.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let code = posix_spawn(&pid, script, &actions, &attributes, &words, environ)
    close(input[0])
    close(output[1])
    defer { close(output[0]) }
    guard code == 0 else {
      close(input[1])
      return nil
    }
    var text: [UInt8] = []
    var byte: UInt8 = 0
    while !text.suffix(6).elementsEqual("ready\n".utf8) {
      guard read(output[0], &byte, 1) == 1 else {
        close(input[1])
        let status = wait(for: pid)
        guard status == 75 else { fatalError("\(script) ended with status \(status)") }
        return nil
      }
      text.append(byte)
    }
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    let values = lines.compactMap { line in
      line.firstIndex(of: "=").map { (String(line[..<$0]), String(line[line.index(after: $0)...])) }
    }
    return (Dictionary(uniqueKeysWithValues: values), pid, input[1])
  }

  private static func endAll() {
    for service in running.withLock({ $0 }) {
      close(service.line)
      wait(for: service.pid)
    }
  }

  @discardableResult private static func wait(for pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status >> 8 & 0xff
  }
}

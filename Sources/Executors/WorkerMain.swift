// Owns a worker process: its main thread listens to the driver, one other thread computes. It ends when the driver
// does, with everything it started.

import Canonical
import CProcess
import ContentStore
import Foundation
import Workflow

/// The main function of a worker.
public enum WorkerMain {
  /// The descriptor that leads to the driver.
  static let channel: Int32 = 3

  /// Runs jobs until the driver goes.
  /// - Parameters:
  ///   - catalogue: the kinds it can run.
  ///   - versions: what decides bits and isn't in the key, such as library versions, for the facts of each record.
  ///     Called once, on the computing thread.
  public static func run(
    catalogue: KindCatalogue, versions: @escaping @Sendable () -> JSON = { [:] }
  ) -> Never {
    var status = stat()
    guard fstat(channel, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
      FileHandle.standardError.write(
        Data("bobbin starts its workers itself; there is nothing to run here\n".utf8))
      exit(2)
    }
    _ = fcntl(channel, F_SETFD, FD_CLOEXEC)
    signal(SIGPIPE, SIG_IGN)
    bobbin_close_on_sigterm(channel)
    bobbin_adopt_orphans()
    bobbin_line_buffer_output()

    let scratch = ScratchSpace()
    let desk = Desk()
    let computing = Thread {
      let runner = JobRunner(catalogue: catalogue, versions: versions(), scratch: scratch)
      while true {
        runner.run(desk.take()) { desk.send($0) }
      }
    }
    computing.name = "compute"
    computing.stackSize = 64 << 20
    computing.start()

    listen(desk)
    // The driver has gone. The computing thread may be anywhere: nothing is unwound.
    _ = bobbin_end_descendants(1)
    scratch.remove()
    _exit(0)
  }

  private static func listen(_ desk: Desk) {
    var buffer = MessageBuffer()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = read(channel, &chunk, chunk.count)
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { return }
      buffer.append(chunk[..<n])
      do {
        while let json = try buffer.next() { desk.put(try Job(json: json)) }
      } catch {
        FileHandle.standardError.write(Data("\(error)\n".utf8))
        return
      }
    }
  }
}

/// Where the listening thread leaves jobs for the computing one, which answers through here.
private final class Desk: @unchecked Sendable {
  private let condition = NSCondition()
  private let sending = NSLock()
  private var jobs: [Job] = []

  func put(_ job: Job) {
    condition.withLock {
      jobs.append(job)
      condition.signal()
    }
  }

  func take() -> Job {
    condition.withLock {
      while jobs.isEmpty { condition.wait() }
      return jobs.removeFirst()
    }
  }

  /// Sends all of it. If the driver has gone, the listening thread sees that too, and ends everything.
  func send(_ message: WorkerMessage) {
    let bytes = MessageBuffer.framed(message.json)
    sending.withLock {
      var sent = 0
      while sent < bytes.count {
        let n = bytes[sent...].withUnsafeBytes {
          Glibc.send(WorkerMain.channel, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if n < 0, errno == EINTR { continue }
        guard n > 0 else { return }
        sent += n
      }
    }
  }
}

// Owns a worker process: its main thread listens to the driver, one other thread computes. It ends when the driver
// does, with everything it started.

import Canonical
import CProcess
import Foundation
import Processes
import Synchronization
import Workflow

/// The main function of a worker.
public enum WorkerMain {
  /// The descriptor that leads to the driver.
  static let channel: Int32 = 3

  /// Runs jobs until the driver goes.
  /// - Parameters:
  ///   - catalogue: the kinds it can run.
  ///   - program: name and version of the program, for the facts of each record.
  ///   - versions: what decides bits and isn't in the key, such as library versions, for the facts of each record.
  ///     Called once, on the computing thread.
  ///   - threads: told how many threads may compute from now on, from any thread at any time.
  public static func run(
    catalogue: KindCatalogue, program: String? = nil, versions: @escaping @Sendable () -> JSON = { [:] },
    threads: @escaping @Sendable (Int) -> Void = { _ in }
  ) -> Never {
    var status = stat()
    guard fstat(channel, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
      _ = writeText("bobbin starts its workers itself; there is nothing to run here\n", to: 2)
      exit(2)
    }
    _ = fcntl(channel, F_SETFD, FD_CLOEXEC)
    signal(SIGPIPE, SIG_IGN)
    // A file that grows beyond `ulimit -f` is an error like a full disk.
    signal(SIGXFSZ, SIG_IGN)
    bobbin_close_on_sigterm(channel)
    bobbin_adopt_orphans()
    bobbin_line_buffer_output()

    let scratch = ScratchSpace()
    let jobs = EventQueue<Job>()
    let answers = Answers()
    let granted = GrantedThreads(threads)
    let computing = Thread {
      var facts = Machine.facts
      facts["versions"] = versions()
      facts["program"] = program.map(JSON.string)
      let runner = JobRunner(catalogue: catalogue, facts: facts, scratch: scratch, threads: granted)
      while true {
        // Without a timeout there is always a next one.
        runner.run(jobs.next(timeout: nil)!) { answers.send($0) }
      }
    }
    computing.name = "compute"
    computing.stackSize = 64 << 20
    computing.start()

    listen(jobs, granted)
    // The driver has gone. The computing thread may be anywhere: nothing is unwound.
    _ = bobbin_end_descendants(1)
    scratch.remove()
    _exit(0)
  }

  private static func listen(_ jobs: EventQueue<Job>, _ granted: GrantedThreads) {
    var buffer = MessageBuffer()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = read(channel, &chunk, chunk.count)
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { return }
      buffer.append(chunk[..<n])
      do {
        while let json = try buffer.next() {
          switch try DriverMessage(json: json) {
          case .job(let job)?: jobs.post(job)
          case .threads(let threads, let job)?: granted.grant(threads, to: job)
          case nil: break
          }
        }
      } catch {
        _ = writeText("\(error)\n", to: 2)
        return
      }
    }
  }
}

/// The way of answers to the driver. They may come from any thread.
private final class Answers: Sendable {
  private let sending = Mutex(())

  /// Sends all of it. If the driver has gone, the listening thread sees that too, and ends everything.
  func send(_ message: WorkerMessage) {
    let bytes = message.framed()
    sending.withLock { _ in
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

// Owns the threads that compute: how many may, and the way that work in fixed pieces is spread over them. It
// deliberately decides no piece: what is computed together, and in which order sums are added, is the caller's, so
// that no bit depends on threads.

import CKernels
import Foundation
import Synchronization

/// The threads of this process that compute.
public enum Team {
  /// The most threads there may be, whatever the processors.
  public static let most = 256

  private static let allowed = Atomic(1)

  /// How many threads may compute now, the caller of `run` included: 1 … `most`, at first 1. It may be set at any
  /// time from any thread; a lower number is obeyed when the pieces that are being computed end.
  public static var limit: Int {
    get { allowed.load(ordering: .relaxed) }
    set { allowed.store(min(max(newValue, 1), most), ordering: .relaxed) }
  }

  /// Computes the pieces 0 ..< `count`, each once, on as many threads as `limit` allows, and returns when all are
  /// done. Which thread computes which piece is chance; two pieces may run at once, on different threads.
  ///
  /// Within a piece, and while another thread's pieces run, it computes them one after another on the calling thread.
  /// - Parameters:
  ///   - threads: the most threads to use.
  ///   - body: is given a piece and the number of the thread that computes it, below `threads`; the caller's is 0.
  /// - Throws: what the first of the pieces that failed threw; pieces may be left out then.
  public static func run(
    _ count: Int, threads: Int = most, _ body: @escaping (_ piece: Int, _ thread: Int) throws -> Void
  ) throws {
    guard count > 1, min(threads, limit) > 1, crew.begin() else {
      for piece in 0..<count { try body(piece, 0) }
      return
    }
    defer { crew.end() }
    let job = Job(count: count, threads: threads, body)
    crew.offer(job)
    job.work(as: 0)
    job.waitForOthers()
    if let failure = job.failure.withLock({ $0 }) { throw failure.error }
  }

  /// As `run`, where nothing can fail.
  public static func forEach(
    _ count: Int, threads: Int = most, _ body: @escaping (_ piece: Int, _ thread: Int) -> Void
  ) {
    do { try run(count, threads: threads, body) } catch { preconditionFailure("BUG: \(error)") }
  }

  private static let crew = Crew()
}

/// Pieces that are being computed.
private final class Job: Sendable {
  struct Failure {
    let piece: Int
    let error: any Error
  }

  let threads: Int
  private let count: Int
  private let next = Atomic(0)
  private let done = Atomic(0)
  let failure = Mutex<Failure?>(nil)
  // Called only for pieces that `run` waits for.
  nonisolated(unsafe) private let body: (Int, Int) throws -> Void

  init(count: Int, threads: Int, _ body: @escaping (Int, Int) throws -> Void) {
    self.count = count
    self.threads = threads
    self.body = body
  }

  var hasMore: Bool { next.load(ordering: .relaxed) < count }

  /// Computes pieces until there are none, or the thread may not any more.
  func work(as thread: Int) {
    while thread == 0 || thread < min(Team.limit, threads) {
      let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard piece < count else { return }
      if failure.withLock({ $0 == nil }) {
        do { try body(piece, thread) } catch {
          failure.withLock {
            if $0.map({ piece < $0.piece }) ?? true { $0 = Failure(piece: piece, error: error) }
          }
        }
      }
      done.wrappingAdd(1, ordering: .releasing)
    }
  }

  func waitForOthers() {
    var turns = 0
    while done.load(ordering: .acquiring) < count {
      turns += 1
      // Others are at their last pieces. Whoever has no processor should get this one.
      if turns < 2000 { kernels_pause() } else { sched_yield() }
    }
  }
}

/// The threads besides the caller's, made when they are first needed; they live as long as the process.
private final class Crew: Sendable {
  private struct State {
    var job: Job?
    var generation = 0
    var threads = 0
  }
  // A condition needs its place in memory.
  nonisolated(unsafe) private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  nonisolated(unsafe) private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  nonisolated(unsafe) private var state = State()
  private let generation = Atomic(0)
  private let isBusy = Atomic(false)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  /// Whether nobody else uses it now; then it is the caller's until `end`.
  func begin() -> Bool { !isBusy.exchange(true, ordering: .acquiring) }

  func end() {
    pthread_mutex_lock(mutex)
    state.job = nil
    pthread_mutex_unlock(mutex)
    isBusy.store(false, ordering: .releasing)
  }

  func offer(_ job: Job) {
    pthread_mutex_lock(mutex)
    let wanted = min(Team.limit, job.threads) - 1
    while state.threads < wanted {
      state.threads += 1
      start(state.threads)
    }
    state.job = job
    state.generation += 1
    generation.store(state.generation, ordering: .releasing)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  private func start(_ thread: Int) {
    let detached = Thread { [self] in serve(as: thread) }
    detached.name = "team \(thread)"
    detached.stackSize = 8 << 20
    detached.start()
  }

  private func serve(as thread: Int) -> Never {
    var seen = 0
    while true {
      // The next job of a plan comes within microseconds; then sleeping and waking would cost more.
      var turns = 0
      while generation.load(ordering: .acquiring) == seen, turns < 4000, thread < Team.limit {
        kernels_pause()
        turns += 1
      }
      pthread_mutex_lock(mutex)
      while state.generation == seen { pthread_cond_wait(condition, mutex) }
      seen = state.generation
      let job = state.job
      pthread_mutex_unlock(mutex)
      if let job, job.hasMore { job.work(as: thread) }
    }
  }
}

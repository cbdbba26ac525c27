import Foundation
import Synchronization

/// How many threads the kernels may use.
///
/// A result has the same bits for any number: threads share out whole tasks, and no sum is split
/// between them.
public enum Threads {
  /// The number used by kernels called within a task; all active cores unless set.
  ///
  ///     Threads.$count.withValue(1) { softmax(x) }
  @TaskLocal public static var count = ProcessInfo.processInfo.activeProcessorCount

  /// Calls `body` on the calling thread and on up to `workers` − 1 others, and returns when all are done.
  ///
  /// Others join only as they become free; if a call is under way elsewhere, none does.
  public static func run(workers: Int, _ body: @Sendable () -> Void) {
    withoutActuallyEscaping(body) { body in Team.shared.run(workers: workers, body) }
  }

  /// Calls `body` once for each task, from up to `count` threads, each with its own scratch memory.
  ///
  /// Whoever is free takes the next task, so that a thread that starts late costs little.
  static func share(
    tasks: Int, atMost limit: Int = .max, scratch: Int = 0,
    _ body: @Sendable (Int, Memory<Float>) -> Void
  ) {
    if tasks <= 1 || limit == 1 {  // nobody else is needed
      return Workspace.with(scratch) { memory in for task in 0..<tasks { body(task, memory) } }
    }
    let next = Atomic(0)
    withoutActuallyEscaping(body) { body in
      run(workers: min(count, limit, tasks)) {
        Workspace.with(scratch) { memory in
          while true {
            let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
            if task >= tasks { return }
            body(task, memory)
          }
        }
      }
    }
  }
}

extension Threads {
  /// How many numbers a task streams: 64 KiB, or some 10 µs.
  static let numbersPerTask = 16384

  /// Calls `body` with the numbers of each task.
  @inline(__always)
  static func share(numbers count: Int, _ body: @Sendable (Range<Int>) -> Void) {
    share(tasks: (count + numbersPerTask - 1) / numbersPerTask) { task, _ in
      body(task * numbersPerTask..<min((task + 1) * numbersPerTask, count))
    }
  }

  /// Calls `body` once for each row of `width` numbers.
  static func share(rows: Int, width: Int, _ body: @Sendable (Int) -> Void) {
    share(rangesOfRows: rows, width: width) { rows, _ in for row in rows { body(row) } }
  }

  /// Calls `body` with the rows of `width` numbers that make up each task, and with scratch memory.
  static func share(
    rangesOfRows rows: Int, width: Int, scratch: Int = 0,
    _ body: @Sendable (Range<Int>, Memory<Float>) -> Void
  ) {
    let rowsPerTask = max(1, rows * width <= numbersPerTask ? rows : numbersPerTask / width)
    share(tasks: (rows + rowsPerTask - 1) / rowsPerTask, scratch: scratch) { task, memory in
      body(task * rowsPerTask..<min((task + 1) * rowsPerTask, rows), memory)
    }
  }
}

/// The threads that help, kept for the next call.
///
/// `DispatchQueue.concurrentPerform` does not fit: on a virtual machine whose idle cores are halted the
/// system tends to wake a helper on the caller's own core, or milliseconds late, and whole kernels ran
/// on one core (attention of 40 ms with two threads: 1.0 to 1.9 times the speed of one, from run to
/// run). A helper that looks out for work a little longer before it sleeps keeps its core.
private final class Team: Sendable {
  static let shared = Team()

  private let isBusy = Atomic(false)
  private let helpers = Mutex<[Helper]>([])

  func run(workers: Int, _ body: @escaping @Sendable () -> Void) {
    guard workers > 1,
      isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else { return body() }
    let chosen = helpers.withLock { helpers in
      while helpers.count < workers - 1 { helpers.append(Helper()) }
      return helpers.prefix(workers - 1)
    }
    for helper in chosen { helper.post(body) }
    body()
    for helper in chosen { helper.withdrawOrWait() }
    isBusy.store(false, ordering: .releasing)
  }
}

/// One thread that waits for work.
private final class Helper: Sendable {
  private enum State {
    static let idle = 0
    static let asleep = 1
    static let posted = 2
    static let running = 3
  }

  /// How long a helper looks out for work before it sleeps.
  private static let patience = Duration.milliseconds(5)

  private let state = Atomic(State.idle)
  private let work = Mutex<(@Sendable () -> Void)?>(nil)
  private let alarm = DispatchSemaphore(value: 0)

  init() {
    let thread = Thread { self.serve() }
    thread.name = "TransformerSpec helper"
    thread.start()
  }

  func post(_ body: @escaping @Sendable () -> Void) {
    work.withLock { $0 = body }
    let before = state.exchange(State.posted, ordering: .acquiringAndReleasing)
    if before == State.asleep { alarm.signal() }
  }

  /// Takes the work back if it has not begun; otherwise waits for its end.
  func withdrawOrWait() {
    let withdrawal = state.compareExchange(
      expected: State.posted, desired: State.idle, ordering: .acquiringAndReleasing)
    if !withdrawal.exchanged {
      while state.load(ordering: .acquiring) == State.running { sched_yield() }
    }
    work.withLock { $0 = nil }
  }

  private func serve() {
    while true {
      let end = ContinuousClock.now + Helper.patience
      while state.load(ordering: .acquiring) != State.posted {
        sched_yield()
        if ContinuousClock.now > end,
          state.compareExchange(
            expected: State.idle, desired: State.asleep, ordering: .acquiringAndReleasing
          ).exchanged
        {
          alarm.wait()
          break
        }
      }
      if state.compareExchange(
        expected: State.posted, desired: State.running, ordering: .acquiringAndReleasing
      ).exchanged {
        // The caller's closure must be let go of before the caller goes on.
        var body = work.withLock { $0.take() }
        body?()
        body = nil
        state.store(State.idle, ordering: .releasing)
      }
    }
  }
}

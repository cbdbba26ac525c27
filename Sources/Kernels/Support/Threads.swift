import Dispatch
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

  /// Calls `body` once for each task, from up to `count` threads, each with its own scratch memory.
  ///
  /// Whoever is free takes the next task, so that a thread that starts late costs little.
  static func share(
    tasks: Int, atMost limit: Int = .max, scratch: Int = 0,
    _ body: @Sendable (Int, Memory<Float>) -> Void
  ) {
    let workers = min(count, limit, tasks)
    guard workers > 1 else {
      return Workspace.with(scratch) { memory in
        for task in 0..<tasks { body(task, memory) }
      }
    }
    let next = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
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

@testable import Kernels
import Synchronization
import Testing

@Suite("Threads")
struct ThreadsTests {
  @Test("every task is done once, whatever the number of threads", arguments: [1, 2, 3, 16])
  func everyTaskOnce(threads: Int) {
    for tasks in [0, 1, 2, 5, 1000] {
      var done = [Int](repeating: 0, count: tasks)
      done.withMutableMemory { done in
        Threads.$count.withValue(threads) {
          Threads.share(tasks: tasks) { task, _ in done[task] += 1 }
        }
      }
      #expect(done == [Int](repeating: 1, count: tasks))
    }
  }

  @Test("a call within a call, and calls at once, do all of their tasks")
  func nested() async {
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let sum = Atomic(0)
          Threads.$count.withValue(3) {
            Threads.share(tasks: 20) { outer, _ in
              Threads.share(tasks: 10) { inner, _ in
                sum.wrappingAdd(outer * 10 + inner, ordering: .relaxed)
              }
            }
          }
          return sum.load(ordering: .relaxed)
        }
      }
      for await sum in group { #expect(sum == (0..<200).reduce(0, +)) }
    }
  }

  @Test("scratch memory is as large as asked for, and no two tasks at once share it")
  func scratch() {
    Threads.$count.withValue(4) {
      Threads.share(tasks: 200, scratch: 100) { task, scratch in
        #expect(scratch.count == 100)
        scratch.fill(Float(task))
        #expect((0..<100).allSatisfy { scratch[$0] == Float(task) })
      }
    }
  }
}

@testable import Kernels
import Notation
import TestSupport
import Testing

/// Runs a kernel on one thread with its outputs and scratch memory full of NaN, fenced by margins.
func fenced<Result>(_ kernel: () -> Result) -> Result {
  Threads.$count.withValue(1) { Fence.withUp { kernel() } }
}

@Suite("Fence around outputs")
struct FenceTests {
  @Test("an element that is not written is NaN")
  func unwritten() {
    let elements = Fence.withUp {
      [Float].written(3) { memory in
        memory[0] = 1
        memory[2] = 3
      }
    }
    #expect(elements[0] == 1 && elements[1].isNaN && elements[2] == 3)
  }

  @Test("an element written beside the output stops the program", arguments: [-1, 3])
  func beside(index: Int) async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [index] in
      _ = Fence.withUp {
        [Float].written(3) { memory in
          for i in 0..<3 { memory[i] = 0 }
          memory[index] = 0
        }
      }
    }
    // A build that asserts every access is faster than the fence.
    let printed = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(
      printed.contains("a kernel wrote beside its output of 3 elements")
        || printed.contains("element \(index) of 3 written"))
  }
}

@testable import Kernels
import TestSupport
import Testing

@Suite(
  "Checked memory",
  .enabled(
    if: Memory<Float>.isChecked, "needs -Xswiftc -assert-config -Xswiftc Debug"))
struct MemoryTests {
  /// What reads or writes beside a part of 40 elements in the middle of 100.
  enum Access: Codable, CaseIterable {
    case elementBefore, elementBehind, written
    case vector, storedVector, pair, storedPair, someLanes, storedLanes
    case part, from, copy
  }

  @Test("an access beside a part of memory stops the program", arguments: Access.allCases)
  func beside(access: Access) async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [access] in
      var elements = [Float](repeating: 0, count: 100)
      elements.withMutableMemory { all in
        let count = 40
        let memory = all.part(30, count)
        let (end, vector, pair) = (
          count - lanes + 1, Vector(repeating: 1), VectorPair(repeating: 1)
        )
        switch access {
        case .elementBefore: _ = memory[-1]
        case .elementBehind: _ = memory[count]
        case .written: memory[count] = 1
        case .vector: _ = memory.vector(end)
        case .storedVector: memory.store(vector, end)
        case .pair: _ = memory.pair(end - lanes)
        case .storedPair: memory.store(pair, end - lanes)
        case .someLanes: _ = memory.vector(count - 2, first: 3)
        case .storedLanes: memory.store(pair, count - 2, first: 3)
        case .part: _ = memory.part(count - 2, 3)
        case .from: _ = memory.from(count + 1)[0]
        case .copy: memory.part(0, 5).copy(memory.part(5, 4))
        }
      }
    }
    let printed = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(printed.contains(" of "), "\(printed)")
  }
}

import Foundation
import Notation
import Synchronization

/// A stretch of memory that a kernel reads or writes without further checks.
///
/// This file holds the unsafe code of the kernels, but for casts of vectors to their bits and back. Its
/// promise: a `Memory` is only made from storage that is held for the whole of a closure, and the kernels
/// stay within `count`, which every access asserts (`swift test -Xswiftc -assert-config -Xswiftc Debug`
/// turns the assertions on). Nobody writes through memory made from a constant.
@safe struct Memory<Element>: @unchecked Sendable {
  private let base: UnsafeMutablePointer<Element>
  let count: Int

  @inline(__always) init(_ base: UnsafeMutablePointer<Element>, count: Int) {
    unsafe self.base = unsafe base
    self.count = count
  }

  @inline(__always) subscript(i: Int) -> Element {
    get {
      assert(i >= 0 && i < count, "element \(i) of \(count) read")
      return unsafe base[i]
    }
    nonmutating set {
      assert(i >= 0 && i < count, "element \(i) of \(count) written")
      unsafe base[i] = newValue
    }
  }

  /// Whether accesses are checked in this build.
  static var isChecked: Bool {
    var isChecked = false
    func note() -> Bool {
      isChecked = true
      return true
    }
    assert(note())
    return isChecked
  }

  /// The part that begins at `start` and has `length` elements.
  @inline(__always) func part(_ start: Int, _ length: Int) -> Memory {
    assert(
      start >= 0 && (length == 0 || length > 0 && start + length <= count),
      "\(start) + \(length) of \(count)")
    return unsafe Memory(base + start, count: length)
  }

  /// The part of these elements.
  @inline(__always) func part(_ elements: Range<Int>) -> Memory {
    part(elements.lowerBound, elements.count)
  }

  /// The part that begins at `start`, which may be beyond the end, as where rows of no width begin: its
  /// count is negative then, and no access passes. (A `max` with 0 made matrix products a third slower.)
  @inline(__always) func from(_ start: Int) -> Memory {
    assert(start >= 0, "\(start) and more of \(count)")
    return unsafe Memory(base + start, count: count - start)
  }
}

extension Memory<Float> {
  /// How many elements stand before the first one at the beginning of a cache line.
  var countToCacheLine: Int { unsafe (-Int(bitPattern: base) & 63) / 4 }

  /// The vector whose first lane is element `i`; nothing is asked of its alignment.
  @inline(__always) func vector(_ i: Int) -> Vector {
    assert(i >= 0 && i + lanes <= count, "vector at \(i) of \(count) read")
    return unsafe UnsafeRawPointer(base + i).loadUnaligned(as: Vector.self)
  }

  @inline(__always) func store(_ x: Vector, _ i: Int) {
    assert(i >= 0 && i + lanes <= count, "vector at \(i) of \(count) written")
    unsafe UnsafeMutableRawPointer(base + i).storeBytes(of: x, as: Vector.self)
  }

  @inline(__always) func pair(_ i: Int) -> VectorPair { VectorPair(vector(i), vector(i &+ lanes)) }

  @inline(__always) func store(_ x: VectorPair, _ i: Int) {
    store(x.low, i)
    store(x.high, i &+ lanes)
  }

  /// The first `length` numbers from `i` in a pair of vectors, zeros behind them.
  @inline(__always) func pair(_ i: Int, first length: Int) -> VectorPair {
    if length == VectorPair.width { return pair(i) }
    var pair = VectorPair(repeating: 0)
    for lane in 0..<length { pair[lane] = self[i + lane] }
    return pair
  }

  /// Writes the first `length` lanes of a pair from `i` on.
  @inline(__always) func store(_ x: VectorPair, _ i: Int, first length: Int) {
    if length == VectorPair.width { return store(x, i) }
    for lane in 0..<length { self[i + lane] = x[lane] }
  }

  /// The first `length` numbers from `i` in a vector, the other lanes holding `filler`.
  @inline(__always) func vector(_ i: Int, first length: Int, filler: Float = 0) -> Vector {
    if length == lanes { return vector(i) }
    var x = Vector(repeating: filler)
    for lane in 0..<length { x[lane] = self[i + lane] }
    return x
  }

  /// Writes the first `length` lanes of a vector from `i` on.
  @inline(__always) func store(_ x: Vector, _ i: Int, first length: Int) {
    if length == lanes { return store(x, i) }
    for lane in 0..<length { self[i + lane] = x[lane] }
  }

  func fill(_ value: Float) { for i in 0..<count { self[i] = value } }

  /// Writes the numbers of a memory that is as large.
  func copy(_ other: Memory) {
    forEachVector(count) { store(other.vector($0, first: $1), $0, first: $1) }
  }
}

extension Memory<Bool> {
  /// The same memory as numbers, 1 for true: of truth values the compiler makes bit masks, one by one.
  var numbers: Memory<UInt8> {
    unsafe Memory<UInt8>(
      UnsafeMutableRawPointer(base).assumingMemoryBound(to: UInt8.self), count: count)
  }
}

extension Memory<Double> {
  /// The vector whose first lane is element `i`.
  @inline(__always) func vector(_ i: Int) -> WideVector {
    assert(i >= 0 && i + lanes <= count, "vector at \(i) of \(count) read")
    return unsafe UnsafeRawPointer(base + i).loadUnaligned(as: WideVector.self)
  }
}

extension Array {
  /// Calls `body` with the elements, to be read only.
  @inline(__always) func withMemory<R>(_ body: (Memory<Element>) -> R) -> R {
    unsafe withUnsafeBufferPointer { elements in
      guard let base = elements.baseAddress else { return body(.empty) }
      return unsafe body(Memory(UnsafeMutablePointer(mutating: base), count: elements.count))
    }
  }

  /// Calls `body` with the elements, to be written.
  @inline(__always) mutating func withMutableMemory<R>(_ body: (Memory<Element>) -> R) -> R {
    unsafe withUnsafeMutableBufferPointer { elements in
      guard let base = elements.baseAddress else { return body(.empty) }
      return unsafe body(Memory(base, count: elements.count))
    }
  }

  /// An array whose elements `body` writes, every one of them.
  static func written(_ count: Int, _ body: (Memory<Element>) -> Void) -> [Element]
  where Element == Float {
    if count == 0 {  // all empty arrays are one object, which nobody may write to
      body(.empty)
      return []
    }
    Allocations.note()
    if Fence.isUp { return Fence.written(count, body) }
    // `Array(unsafeUninitializedCapacity:)` does not know the type, and takes 12 ns to look it up.
    var elements: [Element] = []
    elements.append(addingCapacity: count) { span in
      unsafe span.withUnsafeMutableBufferPointer { elements, initialized in
        let memory = unsafe Memory(elements.baseAddress!, count: count)
        memory.useLargePages()
        body(memory)
        initialized = count
      }
    }
    return elements
  }
}

extension Memory<Float> {
  /// Asks for pages of 2 MiB where memory is fresh.
  ///
  /// The allocator keeps up to 32 MiB for the next call. More it maps anew in each, and to find 10,000 pages
  /// of 4 KiB for 1024 × 10,000 logits took as long as to compute them: 15 ms.
  fileprivate func useLargePages() {
    #if os(Linux)
      if count <= 1 << 23 { return }
      let (page, end) = unsafe (1 << 21, UnsafeMutableRawPointer(base + count))
      let start = unsafe UnsafeMutableRawPointer(base).alignedUp(toMultipleOf: page)
      unsafe madvise(start, end - start, MADV_HUGEPAGE)
    #endif
  }
}

extension [Float] {
  /// Arrays of so many elements each, all of which `body` writes.
  static func written(_ counts: [Int], _ body: ([Memory<Float>]) -> Void) -> [[Float]] {
    func next(_ memories: [Memory<Float>]) -> [[Float]] {
      if memories.count == counts.count {
        body(memories)
        return []
      }
      var others: [[Float]] = []
      let first = written(counts[memories.count]) { others = next(memories + [$0]) }
      return [first] + others
    }
    return next([])
  }
}

/// What tests put around the kernels' outputs and into their scratch memory.
enum Fence {
  @TaskLocal private static var isUpHere = false
  /// How many calls have put it up anywhere: while there are none, nobody looks up a task's own value.
  private static let calls = Atomic(0)

  static var isUp: Bool { calls.load(ordering: .relaxed) > 0 && isUpHere }

  /// Calls `body` while outputs begin as NaN between two margins, and scratch memory as NaN.
  static func withUp<R>(_ body: () -> R) -> R {
    calls.wrappingAdd(1, ordering: .relaxed)
    defer { calls.wrappingSubtract(1, ordering: .relaxed) }
    return $isUpHere.withValue(true, operation: body)
  }

  private static let margin = [Float](repeating: -0x1.8badp99, count: 64)

  /// An array as `body` writes it; stops if anything beside it was written too.
  fileprivate static func written(_ count: Int, _ body: (Memory<Float>) -> Void) -> [Float] {
    var fenced = margin + [Float](repeating: .nan, count: count) + margin
    fenced.withMutableMemory { body($0.part(margin.count, count)) }
    require(
      Array(fenced.prefix(margin.count)) == margin && Array(fenced.suffix(margin.count)) == margin,
      "a kernel wrote beside its output of \(count) elements")
    return Array(fenced[margin.count..<margin.count + count])
  }
}

extension Memory {
  /// Calls `body` with elements that hold anything, on the stack where they are few.
  static func withTemporary<R>(_ count: Int, _ body: (Memory) -> R) -> R {
    unsafe withUnsafeTemporaryAllocation(of: Element.self, capacity: count) { elements in
      unsafe body(Memory(elements.baseAddress!, count: count))
    }
  }

  /// No memory, at an address that nobody looks at.
  static var empty: Memory {
    unsafe Memory(UnsafeMutablePointer(bitPattern: MemoryLayout<Element>.alignment)!, count: 0)
  }
}

/// Scratch memory, kept for the next call: fresh pages would be mapped one fault at a time.
///
/// Whoever asks gets the smallest stretch that is large enough, so that calls which repeat themselves
/// soon find what they need.
enum Workspace {
  /// From the smallest to the largest; whoever takes `isBusy` may change it.
  @exclusivity(unchecked) nonisolated(unsafe) private static var idle: [Memory<Float>] = []
  private static let isBusy = Atomic(false)

  /// Calls `body` with the idle stretches, alone.
  ///
  /// A `Mutex` would do, but for ThreadSanitizer, which does not see the standard library lock it.
  private static func withIdle<R>(_ body: (inout [Memory<Float>]) -> R) -> R {
    while isBusy.exchange(true, ordering: .acquiring) { sched_yield() }
    defer { isBusy.store(false, ordering: .releasing) }
    return unsafe body(&idle)
  }

  /// Calls `body` with `count` floats that hold anything, aligned to a cache line.
  static func with<R>(_ count: Int, _ body: (Memory<Float>) -> R) -> R {
    if count == 0 { return body(.empty) }
    let kept = withIdle { idle in
      idle.firstIndex { $0.count >= count }.map { idle.remove(at: $0) } ?? idle.popLast()
    }
    let memory = kept.map { $0.count >= count ? $0 : $0.replaced(by: count) } ?? allocate(count)
    defer {
      withIdle { idle in
        idle.insert(memory, at: idle.firstIndex { $0.count >= memory.count } ?? idle.count)
      }
    }
    if Fence.isUp { memory.fill(.nan) }
    return body(memory.part(0, count))
  }

  /// Calls `body` with several stretches of memory, each aligned to a cache line.
  static func with<let parts: Int, R>(
    _ counts: InlineArray<parts, Int>, _ body: (InlineArray<parts, Memory<Float>>) -> R
  ) -> R {
    var starts = InlineArray<parts, Int>(repeating: 0)
    var end = 0
    for i in 0..<parts {
      starts[i] = end
      end += (counts[i] + 15) / 16 * 16
    }
    return with(end) { memory in body(InlineArray { memory.part(starts[$0], counts[$0]) }) }
  }

  static func allocate(_ count: Int) -> Memory<Float> {
    Allocations.note()
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: count * 4, alignment: 64)
    return unsafe Memory(bytes.bindMemory(to: Float.self, capacity: count), count: count)
  }
}

/// How often memory for numbers was allocated, for tests to count.
package enum Allocations {
  private static let counter = Atomic(0)

  package static var count: Int { counter.load(ordering: .relaxed) }

  /// Counts one; of two threads that allocate at once, one may be left out.
  ///
  /// To count both takes a locked instruction, and 5 ns: a fifth of what an array of one number takes.
  static func note() { counter.store(count + 1, ordering: .relaxed) }
}

extension Memory<Float> {
  fileprivate func replaced(by count: Int) -> Memory {
    unsafe base.deallocate()
    return Workspace.allocate(count)
  }
}

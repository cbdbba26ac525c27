import Notation

/// Sequences as rows, the longest first: those that take part in a step are always the first.
///
/// A class, since every step holds it: a copy of its arrays would cost a small step half its time.
final class RecurrentRows: Sendable {
  let shape: RecurrenceShape
  private let direction: Direction
  private let order: [Int]

  init(_ shape: RecurrenceShape, _ direction: Direction) {
    let lengths = shape.lengths
    order = lengths.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
    (self.shape, self.direction) = (shape, direction)
  }

  /// The number of steps of the longest sequence.
  var steps: Int { order.first.map { shape.lengths[$0] } ?? 0 }

  /// How many sequences take part in a step.
  func count(in step: Int) -> Int { order.firstIndex { shape.lengths[$0] <= step } ?? order.count }

  /// Where a row stands in a step, among all positions of all sequences.
  func place(of row: Int, in step: Int) -> Int {
    let g = order[row]
    return g * shape.positions + (direction == .forward ? step : shape.lengths[g] - 1 - step)
  }

  /// Tensors of what is kept at every position, 0 beyond a sequence's length; `body` writes the rest.
  func kept(_ count: Int, _ body: ([Memory<Float>]) -> Void) -> [Tensor<Float>] {
    let (t, h) = (shape.positions, shape.width)
    func next(_ memories: [Memory<Float>]) -> [Tensor<Float>] {
      if memories.count == count {
        body(memories)
        return []
      }
      var others: [Tensor<Float>] = []
      let elements = [Float].written(shape.sequences * t * h) { memory in
        for (g, length) in shape.lengths.enumerated() {
          memory.part((g * t + length) * h, (t - length) * h).fill(0)
        }
        others = next(memories + [memory])
      }
      return [Tensor(shape: shape.kept, storage: elements)] + others
    }
    return next([])
  }

  /// Writes the inputs of some steps, … × t × d, row by row, and returns how many there are.
  func arrange(_ x: Tensor<Float>, of steps: Range<Int>, into memory: Memory<Float>) -> Int {
    let d = shape.inputs
    var count = 0
    x.storage.withMemory { x in
      for step in steps {
        for row in 0..<self.count(in: step) {
          memory.part(count * d, d).copy(x.part(place(of: row, in: step) * d, d))
          count += 1
        }
      }
    }
    return count
  }

  /// Writes states, … × h, row by row; zeros if `nil`.
  func arrange(_ states: Tensor<Float>?, into memory: Memory<Float>) {
    guard let states else { return memory.fill(0) }
    let h = shape.width
    states.storage.withMemory { states in
      for (row, g) in order.enumerated() { memory.part(row * h, h).copy(states.part(g * h, h)) }
    }
  }

  /// The states after the last steps, … × h, row by row in what `memory` gives for a number of steps.
  func last(_ memory: (Int) -> Memory<Float>) -> Tensor<Float> {
    let h = shape.width
    let elements = [Float].written(order.count * h) { last in
      for (row, g) in order.enumerated() {
        last.part(g * h, h).copy(memory(shape.lengths[g]).part(row * h, h))
      }
    }
    return Tensor(shape: shape.state, storage: elements)
  }
}

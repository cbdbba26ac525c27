import Notation

/// Runs a cell along every sequence, each by itself.
///
/// - Parameters:
///   - x: … × t × d.
///   - gate: One of the cell's gates, for d and h.
///   - initial: The states before the first step, each … × h; `nil` for zeros.
///   - lengths: How many positions of each sequence count, … ; `nil` for all t.
///   - direction: Where a sequence begins.
///   - kept: How many tensors are kept of a step.
///   - step: From the input of one position, d, and the states, each h, to what is kept of the step,
///     each h, the next states last among them.
/// - Returns: What was kept, each … × t × h and 0 beyond a sequence's length, and the states after
///   the last step, each … × h: the initial ones of a sequence without positions.
@inline(__always)
func recurrence<S: Scalar>(
  _ x: Tensor<S>, _ gate: Gate<S>, initial: [Tensor<S>?], lengths: Tensor<Int>?,
  direction: Direction, kept: Int, step: (Tensor<S>, [Tensor<S>]) -> [Tensor<S>]
) -> (kept: [Tensor<S>], last: [Tensor<S>]) {
  let shape = RecurrenceShape(x, gate, initial: initial, lengths: lengths)
  let h = shape.width
  let sequences = x.matrices
  var states = initial.map { $0?.rows ?? Tensor(shape: [sequences.shape[0], h], repeating: 0) }
  var records = Array(
    repeating: Tensor<S>(shape: sequences.shape.dropLast() + [h], repeating: 0), count: kept)
  for g in 0..<sequences.shape[0] {
    let (sequence, length) = (sequences.slice(g), shape.lengths[g])
    for k in 0..<length {
      let at = direction == .forward ? k : length - 1 - k
      let results = step(sequence.slice(at), states.map { $0.slice(g) })
      for j in 0..<h {
        for r in records.indices { records[r][g, at, j] = results[r][j] }
        for s in states.indices { states[s][g, j] = results[kept - states.count + s][j] }
      }
    }
  }
  return (
    records.map { $0.reshaped(shape.kept) }, states.map { $0.reshaped(shape.state) }
  )
}

/// W x + b + U h + c of every row, and what follows: … × h.
@inline(__always)
func gated<S: Scalar>(
  _ x: Tensor<S>, _ h: Tensor<S>, _ gate: Gate<S>, _ activation: Activation
) -> Tensor<S> {
  activate(affineMap(x, gate.input) + affineMap(h, gate.recurrent), activation)
}

infix operator ⊙ : MultiplicationPrecedence

/// The product, element by element, of two tensors of one shape.
@inline(__always)
func ⊙ <S: Scalar>(a: Tensor<S>, b: Tensor<S>) -> Tensor<S> {
  require(
    a.shape == b.shape,
    "the factors of a product must have one shape: "
      + "got \(described(a.shape)) and \(described(b.shape))")
  return Tensor(shape: a.shape, storage: zip(a.storage, b.storage).map { $0 * $1 })
}

/// The rows of both, one after the other: … × (a's width + b's width).
@inline(__always)
func sideBySide<S: Scalar>(_ a: Tensor<S>, _ b: Tensor<S>) -> Tensor<S> {
  let (x, y) = (a.rows, b.rows)
  return Tensor(
    shape: a.shape.dropLast() + [x.shape[1] + y.shape[1]],
    storage: (0..<x.shape[0]).flatMap { x.slice($0).storage + y.slice($0).storage })
}

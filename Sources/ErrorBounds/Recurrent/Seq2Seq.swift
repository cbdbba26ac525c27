import Equations
import Notation

/// The largest errors that encoder, attention and decoder may have, step by step and number by number.
///
/// The steps one after the other, each of what the one before may be off by: networks as in `lstmBounds`,
/// run on numbers that carry their errors; scores, weights and contexts as in
/// `keyValueAttentionBounds`; maps as in `affineMapBound`, their sums in any order. A hidden position has
/// the weight 0 exactly.
///
/// - Parameters:
///   - source: … × s × d.
///   - inputs: What each step gets, … × t × width; of greedy steps what their tokens made of it.
///   - p: The parameters.
///   - lengths: How many positions of each source count, … ; all s unless given.
/// - Returns: The bound of everything that is computed, with the tokens of the exact logits; of no meaning
///   where that is not finite.
public func seq2SeqBounds(
  source: Tensor<Double>, inputs: Tensor<Double>, _ p: Seq2Seq<Double>,
  lengths: Tensor<Int>? = nil
) -> Seq2SeqSteps<Double> {
  let arithmetic = Arithmetic.kernelInAnyOrder
  let tracked: Seq2SeqEncoding<Tracked<Float>> = seq2SeqEncoding(
    source.converted(), p.encoder.converted(), lengths: lengths)
  let encoding = Enclosure(tracked.outputs)
  let first =
    switch p.start {
    case .encoderState: tracked.last
    case .mapped(let map):
      RecurrentState(
        hidden: affineMap(
          Enclosure(tracked.last.hidden), map, activation: .tanh, in: arithmetic
        ).tracked)
    }
  func asked(_ state: RecurrentState<Tracked<Float>>, _ score: DecoderScore<Double>) -> Attended {
    attended(Enclosure(state.hidden), encoding, tracked.keep, score, in: arithmetic)
  }

  let (leading, t) = (inputs.leadingShape, inputs.shape[inputs.rank - 2])
  let cell: RecurrentCell<Tracked<Float>> = p.decoder.converted()
  var (hidden, combined, logits) = ([Enclosure](), [Enclosure](), [Enclosure]())
  var attention: [Attended] = []
  var state = first
  for i in 0..<t {
    let sequences = inputs.matrices
    let y = Tensor(
      shape: leading + [sequences.shape[2]],
      storage: (0..<sequences.shape[0]).flatMap { sequences.slice($0).slice(i).storage })
    let outcome: Enclosure
    switch p.attention {
    case .none:
      state = recurrentStep(y.converted(), state, cell)
      outcome = Enclosure(state.hidden)
    case .beforeStep(let score):
      attention.append(asked(state, score))
      let both = sideBySide(Enclosure(y), attention[i].context)
      state = recurrentStep(both.tracked, state, cell)
      outcome = Enclosure(state.hidden)
    case .afterStep(let score, let combination):
      state = recurrentStep(y.converted(), state, cell)
      attention.append(asked(state, score))
      outcome = affineMap(
        sideBySide(attention[i].context, Enclosure(state.hidden)), combination, activation: .tanh,
        in: arithmetic)
    }
    hidden.append(Enclosure(state.hidden))
    combined.append(outcome)
    logits.append(affineMap(outcome, p.output, in: arithmetic))
  }

  func alongTime(
    _ steps: [Enclosure], _ width: Int, _ part: (Enclosure) -> Tensor<Double> = { $0.errors }
  ) -> Tensor<Double> {
    let b = leading.reduce(1, *)
    let rows = steps.map { part($0).reshaped([b, width]) }
    return Tensor(
      shape: leading + [t, width],
      storage: (0..<b).flatMap { g in rows.flatMap { $0.slice(g).storage } })
  }
  let s = tracked.keep.shape.last!
  return Seq2SeqSteps(
    encoding: Seq2SeqEncoding(
      outputs: encoding.errors, keep: tracked.keep, last: tracked.last.bounds),
    first: first.bounds,
    attention: p.attention.score.map { _ in
      AttentionSteps(
        scores: alongTime(attention.map(\.scores), s),
        maskedScores: alongTime(attention.map(\.masked), s),
        weights: alongTime(attention.map(\.weights), s),
        output: alongTime(attention.map(\.context), p.encoder.width))
    },
    hidden: alongTime(hidden, p.decoder.width), combined: alongTime(combined, p.output.inputs),
    logits: alongTime(logits, p.output.outputs),
    tokens: argmax(alongTime(logits, p.output.outputs) { $0.values }))
}

/// What one state gets of all sources.
private struct Attended {
  var scores: Enclosure
  var masked: Enclosure
  var weights: Enclosure
  var context: Enclosure
}

private func attended(
  _ hidden: Enclosure, _ keys: Enclosure, _ keep: Tensor<Bool>, _ score: DecoderScore<Double>,
  in arithmetic: Arithmetic
) -> Attended {
  let shape = keys.values.shape
  let (leading, s, e) = (keys.values.leadingShape, shape[shape.count - 2], shape.last!)
  let q = hidden.reshaped(leading + [1, hidden.values.shape.last!])
  let raw: Enclosure
  switch score {
  case .function(let function):
    raw = scores(queries: q, keys: keys, by: function, in: arithmetic)
  case .tanhOfLinear(let map):
    let repeated = leading + [s, hidden.values.shape.last!]
    let both = sideBySide(q.moved { $0.broadcast(to: repeated) }, keys)
    raw = affineMap(both, map, activation: .tanh, in: arithmetic).reshaped(leading + [1, s])
  }
  let masked = Enclosure(
    maskedScores(raw.values, mask: .keep(keep.reshaped(leading + [1, s]))),
    errors: raw.errors.hiding(keep))
  var weights = softmax(masked, in: arithmetic)
  weights = Enclosure(weights.values.hiding(keep), errors: weights.errors.hiding(keep))
  return Attended(
    scores: raw, masked: masked, weights: weights,
    context: matrixProduct(weights, keys, in: arithmetic).reshaped(leading + [e]))
}

/// The rows of both, one after the other.
private func sideBySide(_ a: Enclosure, _ b: Enclosure) -> Enclosure {
  func both(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Tensor<Double> {
    let (x, y) = (a.rows, b.rows)
    return Tensor(
      shape: a.shape.dropLast() + [x.shape[1] + y.shape[1]],
      storage: (0..<x.shape[0]).flatMap { x.slice($0).storage + y.slice($0).storage })
  }
  return Enclosure(both(a.values, b.values), errors: both(a.errors, b.errors))
}

extension Enclosure {
  fileprivate init(_ x: Tensor<Tracked<Float>>) {
    self.init(x.map(\.value), errors: x.bounds)
  }

  fileprivate var tracked: Tensor<Tracked<Float>> {
    Tensor(
      shape: values.shape,
      storage: zip(values.storage, errors.storage).map { Tracked($0, offBy: $1) })
  }

  fileprivate func reshaped(_ shape: [Int]) -> Enclosure { moved { $0.reshaped(shape) } }
}

extension Tensor<Double> {
  /// 0 where a position is not kept.
  fileprivate func hiding(_ keep: Tensor<Bool>) -> Tensor {
    Tensor(shape: shape, storage: zip(storage, keep.storage).map { $1 ? $0 : 0 })
  }
}

extension RecurrentState<Tracked<Float>> {
  fileprivate var bounds: RecurrentState<Double> {
    RecurrentState<Double>(hidden: hidden.bounds, cell: cell?.bounds)
  }
}

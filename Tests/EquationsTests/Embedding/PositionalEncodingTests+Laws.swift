import Equations
import ErrorBounds
import Notation
import TestSupport

let encodingLaws: [Law<Encode<Double>>] = [
  Law("every pair is sine and cosine of the position times a power of 10000") { encode, draw in
    let input = draw.sinusoids()
    let expected = Tensor(
      shape: [input.length, input.width],
      storage: (0..<input.length).flatMap { row in
        (0..<input.width).map { j in
          let angle = position(input.offset + row) * frequency(of: j / 2, width: input.width)
          return j % 2 == 0 ? RunningError.sin(angle) : RunningError.cos(angle)
        }
      })
    try expectAgree(encode(input), bounds(input), with: expected)
  },
  Law("both forms give the same angles") { encode, draw in
    var input = draw.sinusoids()
    input.encoding = .sinusoidal(.power)
    let power = encode(input)
    let bound = bounds(input)
    input.encoding = .sinusoidal(.exponential)
    try ErrorGauge(got: encode(input), expected: power, bound: bound + bounds(input))
  },
  Law("a shift of positions turns every pair by its own angle, wherever it stands") {
    encode, draw in
    var input = draw.sinusoids()
    input.width = 2 * draw.size("pairs", from: 1, upTo: 4)
    let shift = draw.integer("shift", in: 0...1000)
    let expected = turned(encode(input), by: shift)
    let bound = turned(tracked(input), by: shift).bounds
    input.offset += shift
    try ErrorGauge(got: encode(input), expected: expected, bound: bound + bounds(input))
  },
  Law("the product of two codes depends on their distance alone") { encode, draw in
    var (p, q) = (draw.sinusoids(), draw.sinusoids())
    (p.length, q.length, q.encoding) = (1, 1, p.encoding)
    p.width = 2 * draw.size("pairs", from: 1, upTo: 4)
    q.width = p.width
    let cosines = (0..<p.width / 2).map { i in
      RunningError.cos(position(p.offset - q.offset) * frequency(of: i, width: p.width))
    }
    func product<S: Scalar>(_ a: Tensor<S>, _ b: Tensor<S>) -> S {
      zip(a.storage, b.storage).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let (got, expected) = (product(encode(p), encode(q)), cosines.reduce(0, +))
    let bound = product(tracked(p), tracked(q))
    try expect(
      abs(got - expected.value) <= bound.bound + expected.bound,
      "the product is \(got) instead of \(expected.value)")
  },
  Law("every step from a position to the next has the same length") { encode, draw in
    var input = draw.sinusoids()
    (input.length, input.width) = (2, 2 * draw.size("pairs", from: 1, upTo: 4))
    func square<S: Scalar>(_ table: Tensor<S>) -> S {
      zip(table.slice(1).storage, table.slice(0).storage).reduce(0) {
        $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
      }
    }
    let square0 = (0..<input.width / 2).reduce(RunningError(0)) {
      $0 + 2 * (1 - RunningError.cos(frequency(of: $1, width: input.width)))
    }
    let bound = square(tracked(input)).bound
    let got = square(encode(input))
    try expect(
      abs(got - square0.value) <= bound + square0.bound,
      "the square is \(got) instead of \(square0.value)")
  },
  Law("an offset leaves out so many rows") { encode, draw in
    let input = draw.positions()
    var whole = input
    (whole.length, whole.offset) = (input.offset + input.length, 0)
    let rows = encode(whole)
    let expected = Tensor(
      shape: [input.length, input.width],
      storage: Array(rows.storage.dropFirst(input.offset * input.width)))
    try expect(encode(input) == expected, "the rows from \(input.offset) on differ")
  },
  Law("position 0 is 0 and 1 in turns") { encode, draw in
    var input = draw.sinusoids()
    (input.length, input.offset) = (1, 0)
    let expected = (0..<input.width).map { Double($0 % 2) }
    try expect(encode(input).storage == expected, "position 0 is \(encode(input).storage)")
  },
  Law("a table of limited length has the same rows") { encode, draw in
    var input = draw.sinusoids()
    let table = encode(input)
    guard case .sinusoidal(let form, _) = input.encoding else { return }
    let length = input.offset + input.length + draw.integer("more", in: 0...2)
    input.encoding = .sinusoidal(form, maximumLength: length)
    try expect(encode(input) == table, "the rows differ")
  },
  Law("a learned table gives its own rows") { encode, draw in
    let input = draw.learnedPositions()
    guard case .learned(let table) = input.encoding else { return }
    let got = encode(input)
    try expect(got.shape == [input.length, input.width], "the shape is \(got.shape)")
    for row in 0..<input.length {
      try expect(got.slice(row) == table.slice(input.offset + row), "row \(row)")
    }
  },
]

let positionSumLaws: [Law<AddPositions<Double>>] = [
  Law("the sum without the positions is the input, of its shape") { add, draw in
    let (x, input) = draw.sequence()
    func repeated(_ table: Tensor<Double>) -> Tensor<Double> {
      table.reshaped(x.leadingShape.map { _ in 1 } + table.shape).broadcast(to: x.shape)
    }
    let y = add(x, input.encoding, input.offset)
    try expect(y.shape == x.shape, "the shape is \(y.shape)")
    let difference = y + repeated(encode(input)).map { -$0 }
    // One rounding of the sum and one of the difference.
    let roundings = zip(y.storage, difference.storage).map { 0x1p-53 * (abs($0) + abs($1)) }
    try ErrorGauge(
      got: difference, expected: x,
      bound: Tensor(shape: x.shape, storage: roundings) + repeated(bounds(input)))
  },
  Law("each sentence begins at the first position") { add, draw in
    let (x, input) = draw.sequence()
    let (y, sentences) = (add(x, input.encoding, input.offset).matrices, x.matrices)
    for g in 0..<sentences.shape[0] {
      let alone = add(sentences.slice(g), input.encoding, input.offset)
      try expect(y.slice(g) == alone, "sentence \(g) differs from itself alone")
    }
  },
]

/// ω_i, by another formula than the equation's.
private func frequency(of i: Int, width d: Int) -> RunningError {
  .pow(10, position(-8 * i) / position(d))
}

private func position(_ p: Int) -> RunningError { RunningError(Double(p)) }

/// Every pair (sin a, cos a) as (sin(a + ω k), cos(a + ω k)), by the rotation that does not know a.
private func turned<S: Scalar>(_ codes: Tensor<S>, by k: Int) -> Tensor<S> {
  var turned = codes
  for i in 0..<codes.shape[1] / 2 {
    let angle = S(Double(k)) * S.pow(10, S(Double(-8 * i)) / S(Double(codes.shape[1])))
    let (sin, cos) = (S.sin(angle), S.cos(angle))
    for row in 0..<codes.shape[0] {
      let (a, b) = (codes[row, 2 * i], codes[row, 2 * i + 1])
      turned[row, 2 * i] = a * cos + b * sin
      turned[row, 2 * i + 1] = b * cos - a * sin
    }
  }
  return turned
}

/// The equation's result, whose numbers carry their errors.
private func tracked(_ input: PositionCase<Double>) -> Tensor<RunningError> {
  encode(input.converted())
}

/// How far the equation in Double may be from the exact result.
private func bounds(_ input: PositionCase<Double>) -> Tensor<Double> { tracked(input).bounds }

/// Compares with a result whose numbers carry their errors.
private func expectAgree(
  _ got: Tensor<Double>, _ bound: Tensor<Double>, with expected: Tensor<RunningError>
) throws {
  try ErrorGauge(got: got, expected: expected.map(\.value), bound: bound + expected.bounds)
}

extension Draw {
  fileprivate func positions() -> PositionCase<Double> {
    bool("learned") ? learnedPositions() : sinusoids(upTo: 20)
  }

  fileprivate func sinusoids(upTo last: Int = 10_000) -> PositionCase<Double> {
    PositionCase(
      length: size("length", upTo: 4), width: size("width", upTo: 9),
      offset: integer("offset", in: 0...last),
      encoding: .sinusoidal(element("form", of: SinusoidForm.allCases)))
  }

  fileprivate func learnedPositions() -> PositionCase<Double> {
    let (length, width) = (size("length", upTo: 4), size("width", upTo: 5))
    let (offset, more) = (integer("offset", in: 0...4), integer("more", in: 0...2))
    let table = tensor("table", [offset + length + more, width], .finite)
    return PositionCase(
      length: length, width: width, offset: offset, encoding: .learned(table.converted()))
  }

  /// A sequence, and the positions that fit it.
  fileprivate func sequence() -> (x: Tensor<Double>, positions: PositionCase<Double>) {
    let input = positions()
    let leading = (0..<integer("rank", in: 0...2)).map { size("leading\($0)", upTo: 3) }
    let x = tensor("x", leading + [input.length, input.width], .ordinary)
    return (x.converted(), input)
  }
}

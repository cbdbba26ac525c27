import Equations
import ErrorBounds
import Notation
import TestSupport

let embeddingLaws: [Law<Embed<Double>>] = [
  Law("an embedding is the product of one-hot vectors and the table") { embed, draw in
    var input = draw.tokens()
    (input.scale, input.zeroed) = (.none, nil)
    let product = matrixProduct(oneHot(input.tokens, of: input.table.shape[0]), input.table)
    let expected = product.reshaped(input.tokens.shape + [input.table.shape[1]])
    try expect(embed(input) == expected, "the vectors are not the rows")
  },
  Law("the scale is √d, on every element") { embed, draw in
    var input = draw.tokens()
    input.scale = .none
    let d = Double(input.table.shape[1])
    let expected = embed(input).tracked.map { $0 * RunningError.sqrt(RunningError(d)) }
    input.scale = .rootModelWidth
    try ErrorGauge(
      got: embed(input), expected: expected.map(\.value),
      bound: expected.bounds + bounds(input))
  },
  Law("a token has one vector wherever it stands") { embed, draw in
    let input = draw.tokens()
    let vectors = embed(input).rows
    for (place, token) in input.tokens.storage.enumerated() {
      var alone = input
      alone.tokens = Tensor(shape: [], storage: [token])
      try expect(embed(alone) == vectors.slice(place), "token \(token) at place \(place)")
    }
  },
  Law("rows of tokens that do not occur may hold anything") { embed, draw in
    let input = draw.tokens()
    let poison = draw.element("poison", of: [0, 1e30, Double.nan, .infinity])
    let d = input.table.shape[1]
    var poisoned = input
    for row in 0..<input.table.shape[0] where !input.tokens.storage.contains(row) {
      for c in 0..<d { poisoned.table[row, c] = poison }
    }
    try expect(embed(poisoned) == embed(input), "another row reaches the vectors")
  },
  Law("the zeroed token is zeros whatever its row holds, and no other token is") { embed, draw in
    var input = draw.tokens()
    let zeroed = draw.integer("zeroed", in: 0...input.table.shape[0] - 1)
    let poison = draw.element("poison", of: [1, Double.nan, .infinity])
    input.zeroed = nil
    let plain = embed(input).rows
    for c in 0..<input.table.shape[1] { input.table[zeroed, c] = poison }
    input.zeroed = zeroed
    let got = embed(input).rows
    for (place, token) in input.tokens.storage.enumerated() {
      try expect(
        token == zeroed
          ? got.slice(place).storage.allSatisfy { $0 == 0 }
          : got.slice(place) == plain.slice(place), "token \(token) at place \(place)")
    }
  },
]

let sentenceLaws: [Law<EmbedSentence<Double>>] = [
  Law("without dropout a vector is its token's and its position's, added") { embed, draw in
    var input = draw.sentences()
    input.dropout = .none
    try ErrorGauge(
      got: embed(input), expected: sum(input).map(\.value),
      bound: sum(input).bounds + bounds(input))
  },
  Law("dropout keeps what its mask keeps of the sum, and makes it larger") { embed, draw in
    let input = draw.sentences()
    let keep = dropoutMask(shape: sum(input).shape, input.dropout)
    let rest = RunningError(1 - input.dropout.probability)
    let expected = Tensor(
      shape: keep.shape,
      storage: zip(sum(input).storage, keep.storage).map { $1 ? $0 / rest : 0 })
    try ErrorGauge(
      got: embed(input), expected: expected.map(\.value), bound: expected.bounds + bounds(input))
  },
  Law("every sentence is embedded on its own") { embed, draw in
    var input = draw.sentences()
    input.dropout = .none
    let vectors = embed(input)
    for sentence in 0..<input.tokens.tokens.shape[0] {
      var alone = input
      alone.tokens.tokens = input.tokens.tokens.slice(sentence)
      try expect(embed(alone) == vectors.slice(sentence), "sentence \(sentence)")
    }
  },
]

private func oneHot(_ tokens: Tensor<Int>, of v: Int) -> Tensor<Double> {
  Tensor(
    shape: [tokens.count, v],
    storage: tokens.storage.flatMap { token in (0..<v).map { $0 == token ? 1 : 0 } })
}

/// The tokens' vectors and the positions, added.
private func sum(_ input: SentenceCase<Double>) -> Tensor<RunningError> {
  let vectors = embed(input.tokens.converted(to: RunningError.self))
  let (t, d) = (vectors.shape[1], vectors.shape[2])
  let positions = positionalEncoding(
    length: t, width: d, offset: input.offset, input.positions.converted(to: RunningError.self))
  return vectors + positions.reshaped([1, t, d]).broadcast(to: vectors.shape)
}

/// How far the equation in Double may be from the exact result.
private func bounds(_ input: TokenCase<Double>) -> Tensor<Double> {
  embed(input.converted(to: RunningError.self)).bounds
}

/// How far the equation in Double may be from the exact result.
private func bounds(_ input: SentenceCase<Double>) -> Tensor<Double> {
  embedSentence(input.converted(to: RunningError.self)).bounds
}

extension Draw {
  fileprivate func tokens(rank: Int? = nil) -> TokenCase<Double> {
    let (v, d) = (size("v", from: 1, upTo: 6), size("d", upTo: 6))
    let rank = rank ?? integer("rank", in: 0...3)
    let shape = (0..<rank).map { size("t\($0)", upTo: 3) }
    let tokens = integerTensor("tokens", shape, magnitude: v - 1).map { Int(abs($0)) }
    let table = tensor("table", [v, d], .ordinary)
    return TokenCase(
      tokens: tokens, table: table.converted(),
      scale: element("scale", of: EmbeddingScale.allCases),
      zeroed: bool("zeroing") ? integer("zeroed", in: 0...v - 1) : nil)
  }

  fileprivate func sentences() -> SentenceCase<Double> {
    var tokens = tokens(rank: 2)
    tokens.zeroed = nil
    let (t, d) = (tokens.tokens.shape[1], tokens.table.shape[1])
    let offset = integer("offset", in: 0...20)
    let learned = tensor("positions", [offset + t, d], .ordinary).converted(to: Double.self)
    return SentenceCase(
      tokens: tokens,
      positions: bool("learned")
        ? .learned(learned) : .sinusoidal(element("form", of: SinusoidForm.allCases)),
      offset: offset,
      dropout: Dropout(
        probability: element("probability", of: [0.5, 0.1, 0.75]),
        seed: UInt64(integer("seed", in: 0...1000))))
  }
}
